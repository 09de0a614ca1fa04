// The stage of dice: the number, and the line on which it lands where it was drawn.
import { useEffect, useRef, useState } from "react";
import { diceWins, type DiceChoice } from "@/fairness/games";
import { clampTarget } from "@/games/dice/target";
import { rollText } from "@/games/outcome";
import { haptics } from "@/telegram/telegram";
import { amountText, t } from "@/texts/texts";
import { isCalm } from "@/you/preferences";

export interface Shown {
  readonly id: string;
  readonly roll: number;
  readonly won: boolean;
  readonly payout: bigint;
  readonly asset: string;
}

interface Props {
  readonly choice: DiceChoice;
  readonly shown: Shown | null;
  readonly waiting: boolean;
  readonly onSettled: () => void;
  readonly onChoice: (choice: DiceChoice) => void;
}

const TRAVEL_MS = 650;
const MIDDLE = 5000;

export function DiceStage({ choice, shown, waiting, onSettled, onChoice }: Props) {
  const { at, landed, skip } = useTravel(shown, onSettled);
  const roll = landed && shown !== null ? shown.roll : at;
  const tone = !landed || shown === null ? "text-ink" : shown.won ? "text-felt-text" : "text-muted";
  return (
    <section
      aria-label={t("app.dice.stage")}
      onPointerDown={landed ? undefined : skip}
      className="flex min-h-44 flex-1 flex-col justify-center gap-1 rounded-2xl border border-line bg-card px-4 py-3"
    >
      <div className="flex flex-1 flex-col items-center justify-center">
        <p
          className={`figures text-[clamp(52px,min(17vw,11dvh),88px)] leading-none font-semibold transition-colors duration-200 ${tone}`}
        >
          {shown === null ? <Die rolling={waiting} /> : rollText(roll)}
        </p>
        <p role="status" aria-live="polite" className="figures mt-1.5 min-h-6 text-[17px]">
          {landed && shown !== null ? (
            <ResultText shown={shown} />
          ) : waiting ? (
            ""
          ) : shown === null ? (
            <span className="text-muted">{t("app.dice.invite")}</span>
          ) : null}
        </p>
      </div>
      <Line
        choice={choice}
        marker={shown === null ? null : { roll, landed }}
        disabled={waiting || !landed}
        onChoice={onChoice}
      />
    </section>
  );
}

/** What stands where the number will be. */
function Die({ rolling }: { readonly rolling: boolean }) {
  return (
    <svg
      viewBox="0 0 100 114"
      aria-hidden="true"
      className={`h-[1em] ${rolling ? "animate-pulse" : ""}`}
    >
      <path d="M50 0 100 28 50 57 0 28Z" className="fill-ink/35" />
      <path d="M0 28 50 57V114L0 86Z" className="fill-ink/20" />
      <path d="M100 28 50 57V114L100 86Z" className="fill-ink/12" />
    </svg>
  );
}

function ResultText({ shown }: { readonly shown: Shown }) {
  if (!shown.won) return <span className="text-muted">{t("app.result.lost")}</span>;
  return (
    <span className="pop inline-block font-semibold text-brass-text">
      {t("app.result.paid", { amount: amountText(shown.payout, shown.asset) })}
    </span>
  );
}

/** Move from the last place to the roll; the number shown is always the marker's own place. */
function useTravel(shown: Shown | null, onSettled: () => void) {
  const [at, setAt] = useState(MIDDLE);
  const [landedId, setLandedId] = useState<string | null>(null);
  const from = useRef(MIDDLE);
  const settled = useRef(onSettled);
  const finish = useRef<() => void>(() => undefined);
  useEffect(() => {
    settled.current = onSettled;
  });
  const id = shown?.id ?? null;
  const roll = shown?.roll ?? MIDDLE;
  useEffect(() => {
    if (id === null) return undefined;
    let frame = 0;
    let done = false;
    const start = from.current;
    const land = (): void => {
      if (done) return;
      done = true;
      cancelAnimationFrame(frame);
      from.current = roll;
      setAt(roll);
      setLandedId(id);
      settled.current();
    };
    finish.current = land;
    const began = performance.now();
    const step = (now: number): void => {
      const part = isCalm() ? 1 : Math.min(1, (now - began) / TRAVEL_MS);
      if (part >= 1) {
        land();
        return;
      }
      const eased = 1 - (1 - part) ** 4;
      setAt(Math.round(start + (roll - start) * eased));
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [id, roll]);
  return { at, landed: id === null || landedId === id, skip: () => finish.current() };
}

interface LineProps {
  readonly choice: DiceChoice;
  readonly marker: { readonly roll: number; readonly landed: boolean } | null;
  readonly disabled: boolean;
  readonly onChoice: (choice: DiceChoice) => void;
}

/** The line from 0 to 100: what wins, where the target is, where the roll is. */
function Line({ choice, marker, disabled, onChoice }: LineProps) {
  const target = choice.target / 100;
  const wins = marker !== null && diceWins(choice, marker.roll);
  return (
    <div>
      <div className="relative mx-[14px] h-14">
        <div className="absolute inset-x-0 top-1/2 flex h-3 -translate-y-1/2 overflow-hidden rounded-full bg-raised">
          <div
            className="absolute inset-y-0 bg-felt"
            style={
              choice.over ? { left: `${target}%`, right: 0 } : { left: 0, width: `${target}%` }
            }
          />
        </div>
        {marker !== null && (
          <div
            className="pointer-events-none absolute inset-y-0 w-full"
            style={{ transform: `translateX(${marker.roll / 100}%)` }}
          >
            <span
              className={`absolute -top-1 left-0 size-0 -translate-x-1/2 border-x-8 border-t-[10px] border-x-transparent ${
                marker.landed ? (wins ? "border-t-brass" : "border-t-muted") : "border-t-ink"
              }`}
            />
          </div>
        )}
        <input
          type="range"
          min={1}
          max={9999}
          step={1}
          value={choice.target}
          disabled={disabled}
          aria-label={t("app.dice.target")}
          aria-valuetext={rollText(choice.target)}
          onChange={(event) => {
            const wanted = Number(event.target.value);
            const rounded = Math.round(wanted / 50) * 50;
            const next = clampTarget({
              ...choice,
              target: Math.abs(wanted - rounded) < 25 ? rounded : wanted,
            });
            if (next.target !== choice.target) {
              haptics.select();
              onChoice(next);
            }
          }}
          className="dice-range absolute -inset-x-[14px] top-0 h-14 w-[calc(100%+28px)]"
        />
      </div>
      <div
        aria-hidden="true"
        className="figures mx-[14px] flex justify-between text-[13px] text-muted"
      >
        {[0, 25, 50, 75, 100].map((mark) => (
          <span key={mark} className="flex w-0 justify-center">
            {mark}
          </span>
        ))}
      </div>
    </div>
  );
}

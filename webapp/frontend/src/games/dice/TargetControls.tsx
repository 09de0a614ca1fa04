// The choice of dice in three figures that depend on each other, and a few ready ones.
import type { ReactNode } from "react";
import type { DiceChoice } from "@/fairness/games";
import { Icon } from "@/design/Icon";
import { payingAbout, turned } from "@/games/dice/target";
import { rollText } from "@/games/outcome";
import { haptics } from "@/telegram/telegram";
import { multiplierText, t } from "@/texts/texts";

const READY = [150, 200, 300, 500, 1000] as const;

export function TargetControls({
  choice,
  multiplier,
  chance,
  disabled,
  onChoice,
}: {
  readonly choice: DiceChoice;
  readonly multiplier: string;
  readonly chance: string;
  readonly disabled: boolean;
  readonly onChoice: (choice: DiceChoice) => void;
}) {
  return (
    <div className="space-y-2">
      <div className="grid grid-cols-3 divide-x divide-line overflow-hidden rounded-xl border border-line bg-card">
        <Cell name={t("app.dice.multiplier")}>{multiplier}</Cell>
        <button
          type="button"
          disabled={disabled}
          aria-label={t(choice.over ? "app.dice.turn_under" : "app.dice.turn_over")}
          onClick={() => {
            haptics.select();
            onChoice(turned(choice));
          }}
          className="press min-h-13 px-3 py-1.5 text-left"
        >
          <span className="flex items-center gap-1 text-[13px] whitespace-nowrap text-felt-text">
            {t(choice.over ? "app.dice.over" : "app.dice.under")}
            <Icon name="swap" size={14} />
          </span>
          <span className="figures block text-[17px] font-semibold">{rollText(choice.target)}</span>
        </button>
        <Cell name={t("app.dice.chance")}>{chance}</Cell>
      </div>
      <div className="flex gap-1.5" role="group" aria-label={t("app.dice.ready")}>
        {READY.map((hundredths) => {
          const ready = payingAbout(hundredths, choice.over);
          const chosen = ready.target === choice.target;
          return (
            <button
              key={hundredths}
              type="button"
              disabled={disabled}
              aria-pressed={chosen}
              onClick={() => {
                haptics.select();
                onChoice(ready);
              }}
              className={`press figures min-h-11 flex-1 rounded-lg border text-[15px] ${
                chosen
                  ? "border-felt bg-felt/15 font-semibold text-felt-text"
                  : "border-line bg-card"
              }`}
            >
              {multiplierText(String(hundredths / 100))}
            </button>
          );
        })}
      </div>
    </div>
  );
}

function Cell({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="min-h-13 px-3 py-1.5">
      <span className="block truncate text-[13px] text-muted">{name}</span>
      <span className="figures block text-[17px] font-semibold">{children}</span>
    </div>
  );
}

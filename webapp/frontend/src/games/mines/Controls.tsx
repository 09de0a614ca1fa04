// Before a round of mines: how many mines, how large the stake, and the button that says so.
import { Button } from "@/design/Button";
import { Chip } from "@/design/parts";
import { fractionText, minesMultiplier } from "@/fairness/games";
import { StakeField, type Stake } from "@/games/stake";
import { haptics } from "@/telegram/telegram";
import { amountText, multiplierText, t } from "@/texts/texts";

const READY = [1, 3, 5, 10] as const;
const MOST = 24;

export function Controls({
  stake,
  mines,
  busy,
  blocked,
  onMines,
  onStart,
}: {
  readonly stake: Stake;
  readonly mines: number;
  readonly busy: boolean;
  readonly blocked: boolean;
  readonly onMines: (mines: number) => void;
  readonly onStart: () => void;
}) {
  return (
    <div className="space-y-3">
      <div>
        <p className="figures mb-1 flex justify-between text-[13px] text-muted">
          <span>{t("app.mines.count")}</span>
          <span>
            {t("app.mines.first_pays", {
              multiplier: multiplierText(fractionText(minesMultiplier(mines, 1))),
            })}
          </span>
        </p>
        <div className="flex gap-1.5 [&>button]:flex-1">
          {READY.map((count) => (
            <Chip
              key={count}
              pressed={mines === count}
              disabled={busy}
              label={t("app.mines.count_of", { count })}
              onPress={() => onMines(count)}
            >
              {count}
            </Chip>
          ))}
          <div className="flex min-w-27 flex-[2] items-stretch overflow-hidden rounded-lg border border-line bg-card">
            <Stepper
              label={t("app.mines.fewer")}
              sign="−"
              disabled={busy || mines <= 1}
              onPress={() => onMines(mines - 1)}
            />
            <span className="figures grid flex-1 place-items-center font-semibold">{mines}</span>
            <Stepper
              label={t("app.mines.more")}
              sign="+"
              disabled={busy || mines >= MOST}
              onPress={() => onMines(mines + 1)}
            />
          </div>
        </div>
      </div>
      <StakeField stake={stake} disabled={busy} />
      <Button wide busy={busy} disabled={blocked || stake.problem !== null} onPress={onStart}>
        {stake.units === null
          ? t("app.mines.start_plain")
          : t("app.mines.start", { amount: amountText(stake.units, stake.asset) })}
      </Button>
    </div>
  );
}

function Stepper({
  label,
  sign,
  disabled,
  onPress,
}: {
  readonly label: string;
  readonly sign: string;
  readonly disabled: boolean;
  readonly onPress: () => void;
}) {
  return (
    <button
      type="button"
      aria-label={label}
      disabled={disabled}
      onClick={() => {
        haptics.select();
        onPress();
      }}
      className="press min-h-11 min-w-9 text-[17px] disabled:opacity-40"
    >
      {sign}
    </button>
  );
}

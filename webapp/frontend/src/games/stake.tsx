// The stake: typed, halved, doubled, at its smallest or largest; kept for the next visit.
import { useEffect, useState } from "react";
import type { GameCard } from "@/api/types";
import { balanceOf, chosenAsset, me } from "@/app/account";
import { useStore } from "@/app/store";
import { Chip } from "@/design/parts";
import { decimalsOf, fieldText, parseUnits } from "@/money/money";
import { amountText, fieldDigits, t } from "@/texts/texts";

export interface Stake {
  readonly asset: string;
  readonly text: string;
  readonly units: bigint | null;
  readonly problem: string | null;
  readonly min: bigint;
  readonly max: bigint;
  readonly cash: bigint;
  readonly set: (text: string) => void;
}

/** The stake of a game in the chosen asset, checked against its range and the balance. */
export function useStake(game: GameCard): Stake {
  const asset = useStore(chosenAsset);
  const account = useStore(me);
  const range = game.stake[asset];
  const min = BigInt(range?.min ?? "0");
  const max = BigInt(range?.max ?? "0");
  const cash = BigInt(balanceOf(account, asset).cash);
  const key = `stake:${game.slug}:${asset}`;
  const [kept, setKept] = useState<{ key: string; text: string }>(() => ({
    key,
    text: first(key, min, max, asset),
  }));
  useEffect(() => {
    if (kept.key !== key) setKept({ key, text: first(key, min, max, asset) });
  }, [kept.key, key, min, max, asset]);
  const text = kept.key === key ? kept.text : first(key, min, max, asset);
  const units = parseUnits(text, decimalsOf(asset));
  const problem = problemOf({ units, min, max, cash, asset, offered: range !== undefined });
  const set = (next: string): void => {
    sessionStorage.setItem(key, next);
    setKept({ key, text: next });
  };
  return { asset, text, units, problem, min, max, cash, set };
}

/** The field with its four quick changes. */
export function StakeField({
  stake,
  disabled = false,
}: {
  readonly stake: Stake;
  readonly disabled?: boolean;
}) {
  const { asset, units, min, max, cash, set } = stake;
  const decimals = decimalsOf(asset);
  const top = cash < max ? cash : max;
  const put = (next: bigint): void => {
    const bounded = next > max ? max : next < min ? min : next;
    set(fieldText(bounded, decimals));
  };
  return (
    <div>
      <label htmlFor="stake" className="mb-1 block text-[13px] text-muted">
        {t("app.stake.label", { asset })}
      </label>
      <div className="flex gap-1.5 [&>button]:flex-none">
        <input
          id="stake"
          value={fieldDigits(stake.text)}
          onChange={(event) => set(event.target.value.replace(",", "."))}
          inputMode="decimal"
          autoComplete="off"
          maxLength={24}
          disabled={disabled}
          aria-invalid={stake.problem !== null}
          aria-describedby="stake-problem"
          className={`figures h-12 min-w-0 flex-1 rounded-xl border bg-card px-3 text-[17px] font-semibold outline-none focus:border-felt ${
            stake.problem === null ? "border-line" : "border-coral"
          }`}
        />
        <Chip disabled={disabled} onPress={() => put(min)}>
          {t("app.stake.min")}
        </Chip>
        <Chip
          disabled={disabled}
          label={t("app.stake.half")}
          onPress={() => put((units ?? min) / 2n)}
        >
          ½
        </Chip>
        <Chip
          disabled={disabled}
          label={t("app.stake.double")}
          onPress={() => put((units ?? min) * 2n)}
        >
          2×
        </Chip>
        <Chip disabled={disabled || top < min} onPress={() => put(top)}>
          {t("app.stake.max")}
        </Chip>
      </div>
      <p id="stake-problem" className="mt-1 text-[13px] text-coral-text empty:hidden">
        {stake.problem}
      </p>
    </div>
  );
}

function first(key: string, min: bigint, max: bigint, asset: string): string {
  const kept = sessionStorage.getItem(key);
  if (kept !== null) return kept;
  const wanted = 10n ** BigInt(decimalsOf(asset)) / (asset === "TON" ? 10n : 2n);
  const start = wanted < min ? min : max > 0n && wanted > max ? max : wanted;
  return fieldText(start, decimalsOf(asset));
}

function problemOf({
  units,
  min,
  max,
  cash,
  asset,
  offered,
}: {
  units: bigint | null;
  min: bigint;
  max: bigint;
  cash: bigint;
  asset: string;
  offered: boolean;
}): string | null {
  if (!offered) return t("app.stake.not_offered", { asset });
  if (units === null) return t("app.stake.not_a_number");
  if (units < min) return t("app.stake.too_small", { amount: amountText(min, asset) });
  if (units > max) return t("app.stake.too_large", { amount: amountText(max, asset) });
  if (units > cash) return t("app.stake.above_balance", { amount: amountText(cash, asset) });
  return null;
}

// Amounts as whole units: parsing and printing by digits, so that nothing is ever rounded.

export type Asset = string;

/** Digits after the point; the ledger's own scale. */
const DECIMALS: Record<string, number> = { TON: 9, USDT: 6, BTC: 11 };
const UNITS_MAX = 2n ** 63n - 1n;
const DIGITS = /^(\d{1,20})(?:[.,](\d{0,30}))?$/;

/** The scale of the reference currency in which limits are counted. */
export const REFERENCE_DECIMALS = 6;

/** Digits after the point of `asset`. */
export function decimalsOf(asset: Asset): number {
  return DECIMALS[asset] ?? 9;
}

/** Decimal text as positive units, or null for anything that is not exactly that. */
export function parseUnits(text: string, decimals: number): bigint | null {
  const match = DIGITS.exec(text.trim());
  if (match === null) return null;
  const part = (match[2] ?? "").replace(/0+$/, "");
  if (part.length > decimals) return null;
  const units = BigInt(match[1]! + part.padEnd(decimals, "0"));
  return units > 0n && units <= UNITS_MAX ? units : null;
}

/** Units as digits with a point, trailing zeros dropped down to `atLeast` decimals. */
export function trimUnits(units: bigint, decimals: number, atLeast = 2): string {
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const part = digits.slice(digits.length - decimals).replace(/0+$/, "");
  const shown = part.padEnd(Math.min(atLeast, decimals), "0");
  return `${sign}${whole}${shown === "" ? "" : `.${shown}`}`;
}

/** The units below the last shown decimal dropped, so that a short form never promises more. */
export function floorTo(units: bigint, decimals: number, shown: number): bigint {
  if (shown >= decimals) return units;
  const grain = 10n ** BigInt(decimals - shown);
  return (units / grain) * grain;
}

/** What a text field shows for units: plain digits that parse back to the same units. */
export function fieldText(units: bigint, decimals: number): string {
  return trimUnits(units, decimals, 0);
}

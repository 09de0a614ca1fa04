/** Amounts between people's digits and whole units; no fractions of a number are ever used. */

/** "1.5" with 9 decimals is 1500000000n; null when it is not an amount. */
export function toUnits(text, decimals) {
  const match = /^(\d{1,18})(?:[.,](\d*))?$/.exec(text.trim());
  if (!match || (match[2] ?? "").length > decimals) return null;
  const units = BigInt(match[1] + (match[2] ?? "").padEnd(decimals, "0"));
  return units > 0n ? units : null;
}

/** Whole units as people read them, trailing zeros trimmed to two places. */
export function fromUnits(units, decimals, places = 2) {
  const digits = String(units).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const rest = digits.slice(digits.length - decimals).replace(/0+$/, "");
  const shown = rest.padEnd(Math.min(places, decimals), "0");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return shown ? `${grouped}.${shown}` : grouped;
}

/** The same, cut to a few places: for a glance, never for a decision. */
export function roundUnits(units, decimals, most = 4) {
  const [whole, rest = ""] = fromUnits(units, decimals).split(".");
  return rest ? `${whole}.${rest.slice(0, most)}` : whole;
}

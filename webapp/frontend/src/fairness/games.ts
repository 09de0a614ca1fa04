// The rules of our games as exact arithmetic: outcome from seeds, multiplier as a fraction.
import { openStream, type Seeds } from "@/fairness/stream";

export interface Fraction {
  readonly n: bigint;
  readonly d: bigint;
}

export interface DiceChoice {
  /** Hundredths: 5050 is 50.50. */
  readonly target: number;
  readonly over: boolean;
}

export const TILES = 25;
const ROLLS = 10_001;

/** The roll in hundredths, 0 to 10000. */
export function diceRoll(seeds: Seeds): number {
  return openStream(seeds)(ROLLS);
}

/** Does `roll` win the choice? */
export function diceWins(choice: DiceChoice, roll: number): boolean {
  return choice.over ? roll > choice.target : roll < choice.target;
}

/** 99 divided by the chance in per cent. */
export function diceMultiplier(choice: DiceChoice): Fraction {
  const chance = choice.over ? 10_000 - choice.target : choice.target;
  return reduce({ n: 9_900n, d: BigInt(chance) });
}

/** How many of the 10001 rolls win. */
export function diceWinningRolls(choice: DiceChoice): number {
  return choice.over ? 10_000 - choice.target : choice.target;
}

/** Where the mines are, in rising order: Fisher-Yates by taking tiles out of a row of 25. */
export function minesTiles(seeds: Seeds, mines: number): number[] {
  const draw = openStream(seeds);
  const left = Array.from({ length: TILES }, (_, tile) => tile);
  const taken: number[] = [];
  for (let count = 0; count < mines; count += 1) {
    taken.push(left.splice(draw(left.length), 1)[0]!);
  }
  return taken.sort((a, b) => a - b);
}

/** 0.99 times the inverse of the chance of `opened` safe tiles among `mines` mines. */
export function minesMultiplier(mines: number, opened: number): Fraction {
  if (opened === 0) return { n: 1n, d: 1n };
  const all = choose(TILES, opened);
  const safe = choose(TILES - mines, opened);
  return reduce({ n: 99n * all, d: 100n * safe });
}

/** `units` times the fraction, rounded down as the house rounds. */
export function scaled(units: bigint, factor: Fraction): bigint {
  return (units * factor.n) / factor.d;
}

/** The fraction in hundredths, rounded down, as text: 2.00. */
export function fractionText(value: Fraction, decimals = 2): string {
  const power = 10n ** BigInt(decimals);
  const digits = ((value.n * power) / value.d).toString().padStart(decimals + 1, "0");
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

function choose(from: number, count: number): bigint {
  let ways = 1n;
  for (let i = 0; i < count; i += 1) ways = (ways * BigInt(from - i)) / BigInt(i + 1);
  return ways;
}

function reduce(value: Fraction): Fraction {
  let [a, b] = [value.n, value.d];
  while (b !== 0n) [a, b] = [b, a % b];
  return { n: value.n / a, d: value.d / a };
}

// Which targets of dice there are: between one winning roll in 10,000 and 98 per cent of them.
import type { DiceChoice } from "@/fairness/games";

const WINNING_MIN = 1;
const WINNING_MAX = 9_800;

/** The nearest choice that the game offers. */
export function clampTarget(choice: DiceChoice): DiceChoice {
  const winning = choice.over ? 10_000 - choice.target : choice.target;
  const bounded = Math.min(WINNING_MAX, Math.max(WINNING_MIN, Math.round(winning)));
  return { over: choice.over, target: choice.over ? 10_000 - bounded : bounded };
}

/** The same chance on the other side of the line. */
export function turned(choice: DiceChoice): DiceChoice {
  return { over: !choice.over, target: 10_000 - choice.target };
}

/** The choice that pays `hundredths` of a multiplier, as nearly as rolls allow. */
export function payingAbout(hundredths: number, over: boolean): DiceChoice {
  const winning = Math.round(990_000 / hundredths);
  return clampTarget({ over, target: over ? 10_000 - winning : winning });
}

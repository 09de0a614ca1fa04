// Is a revealed round what its seeds say it must be? Recomputed here, without asking the server.
import type { RoundDetail } from "@/api/types";
import {
  diceMultiplier,
  diceRoll,
  diceWins,
  fractionText,
  minesMultiplier,
  minesTiles,
  scaled,
  type DiceChoice,
  type Fraction,
} from "@/fairness/games";
import { commitmentOf, type Seeds } from "@/fairness/stream";

export interface Check {
  readonly name: "commitment" | "outcome" | "payout" | "unknown";
  readonly ok: boolean;
  readonly found: string;
  readonly told: string;
}

export interface Verdict {
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

interface Recomputed {
  readonly outcome: Check;
  readonly multiplier: Fraction;
}

/** Check commitment, outcome and payout of a round whose server seed is known. */
export function verify(round: RoundDetail): Verdict {
  const serverSeed = round.seed.server_seed ?? "";
  const seeds: Seeds = { serverSeed, clientSeed: round.seed.client_seed, nonce: round.seed.nonce };
  const commitment = commitmentOf(serverSeed);
  const checks: Check[] = [
    {
      name: "commitment",
      ok: commitment === round.seed.commitment,
      found: shortened(commitment),
      told: shortened(round.seed.commitment),
    },
  ];
  const recomputed = recompute(round, seeds);
  if (recomputed === null) {
    checks.push({ name: "unknown", ok: false, found: round.game, told: round.algorithm });
  } else {
    checks.push(recomputed.outcome);
    if (round.status === "settled") checks.push(payoutCheck(round, recomputed.multiplier));
  }
  return { ok: checks.every((check) => check.ok), checks };
}

function recompute(round: RoundDetail, seeds: Seeds): Recomputed | null {
  if (round.game === "dice") return recomputeDice(round, seeds);
  if (round.game === "mines") return recomputeMines(round, seeds);
  return null;
}

function recomputeDice(round: RoundDetail, seeds: Seeds): Recomputed {
  const choice = round.choice as unknown as DiceChoice;
  const roll = diceRoll(seeds);
  const told = Number(round.outcome?.["roll"]);
  return {
    outcome: {
      name: "outcome",
      ok: roll === told,
      found: hundredths(roll),
      told: hundredths(told),
    },
    multiplier: diceWins(choice, roll) ? diceMultiplier(choice) : { n: 0n, d: 1n },
  };
}

function recomputeMines(round: RoundDetail, seeds: Seeds): Recomputed {
  const mines = Number(round.choice["mines"]);
  const tiles = minesTiles(seeds, mines);
  const told = [...((round.outcome?.["mines"] as number[] | undefined) ?? [])].sort(
    (a, b) => a - b,
  );
  const opened = (round.outcome?.["opened"] as number[] | undefined) ?? [];
  const hit = opened.some((tile) => tiles.includes(tile));
  const words = (list: readonly number[]): string => list.map((tile) => tile + 1).join(", ");
  return {
    outcome: {
      name: "outcome",
      ok: words(tiles) === words(told),
      found: words(tiles),
      told: words(told),
    },
    multiplier: hit ? { n: 0n, d: 1n } : minesMultiplier(mines, opened.length),
  };
}

function payoutCheck(round: RoundDetail, multiplier: Fraction): Check {
  const payout = scaled(BigInt(round.stake), multiplier);
  return {
    name: "payout",
    ok: payout.toString() === round.payout,
    found: fractionText(multiplier),
    told: String(round.payout),
  };
}

function hundredths(roll: number): string {
  return `${Math.floor(roll / 100)}.${String(roll % 100).padStart(2, "0")}`;
}

function shortened(hex: string): string {
  return `${hex.slice(0, 8)}…${hex.slice(-8)}`;
}

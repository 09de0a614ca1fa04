// An outcome in words, for lists and proofs.
import { localDigits, t } from "@/texts/texts";

interface Played {
  readonly game: string;
  readonly choice: Readonly<Record<string, unknown>>;
  readonly outcome: Readonly<Record<string, unknown>> | null;
}

/** Hundredths as a roll: 7421 is 74.21. */
export function rollText(hundredths: number): string {
  const whole = Math.floor(hundredths / 100);
  return localDigits(`${whole}.${String(hundredths % 100).padStart(2, "0")}`);
}

/** What happened, in a few words; empty while nothing has been drawn. */
export function outcomeText({ game, choice, outcome }: Played): string {
  if (outcome === null) return t("app.outcome.open");
  if (game === "dice") {
    const over = Boolean(choice["over"]);
    return t(over ? "app.outcome.dice_over" : "app.outcome.dice_under", {
      roll: rollText(Number(outcome["roll"])),
      target: rollText(Number(choice["target"])),
    });
  }
  if (game === "mines") {
    const opened = (outcome["opened"] as unknown[] | undefined)?.length ?? 0;
    return t("app.outcome.mines", { count: opened, mines: Number(choice["mines"]) });
  }
  return "—";
}

// Deposits and withdrawals in words: status, tone, and the steps of their way.
import type { Movement } from "@/api/types";
import { find, t } from "@/texts/texts";

export type Tone = "calm" | "good" | "care" | "bad";

const GOOD = new Set(["credited", "confirmed"]);
const BAD = new Set(["orphaned", "rejected", "dead"]);
const CARE = new Set(["held", "below_minimum"]);
const DONE = new Set([
  "credited",
  "confirmed",
  "rejected",
  "cancelled",
  "refunded",
  "returned",
  "orphaned",
]);

type StatusOf = Pick<Movement, "kind" | "status"> & { readonly detail?: Movement["detail"] };

/** The status as a person says it; a deposit that its chain still confirms says how far. */
export function statusText({ kind, status, detail }: StatusOf): string {
  const count = detail?.confirmations ?? null;
  if (kind === "deposit" && count !== null && (status === "seen" || status === "confirming")) {
    const wanted = detail?.confirmations_wanted ?? null;
    const told =
      wanted === null
        ? find("deposit.progress_final", { count })
        : find("deposit.progress", { count, wanted });
    return told ?? status;
  }
  if (kind === "deposit" && status === "credited" && detail?.final === false) {
    return find("deposit.progress_early") ?? status;
  }
  if (kind === "deposit" && status === "orphaned" && detail?.reason === "replaced") {
    return find("deposit.status.replaced") ?? status;
  }
  return find(`${kind}.status.${status}`) ?? status;
}

/** How the status is coloured; a text always stands beside the colour. */
export function statusTone(status: string): Tone {
  if (GOOD.has(status)) return "good";
  if (BAD.has(status)) return "bad";
  return CARE.has(status) ? "care" : "calm";
}

/** Is there still something to wait for? */
export function isMoving(status: string): boolean {
  return !DONE.has(status);
}

export interface Stage {
  readonly name: string;
  readonly state: "done" | "now" | "ahead" | "bad";
}

const DEPOSIT_WAY = ["seen", "confirming", "credited"] as const;
const WITHDRAWAL_WAY = ["requested", "in_review", "approved", "broadcast", "confirmed"] as const;
const SAME_STAGE: Record<string, string> = {
  assigned: "approved",
  signed: "approved",
  dead: "approved",
};

/** The way of a movement, stage by stage, ending where it really ended. */
export function stagesOf({ kind, status }: Pick<Movement, "kind" | "status">): Stage[] {
  const way: readonly string[] = kind === "deposit" ? DEPOSIT_WAY : WITHDRAWAL_WAY;
  const name = (step: string): string => find(`${kind}.status.${step}`) ?? step;
  const at = way.indexOf(SAME_STAGE[status] ?? status);
  if (at < 0) {
    const ended: Stage = {
      name: name(status),
      state: statusTone(status) === "bad" ? "bad" : "now",
    };
    return [{ name: name(way[0]!), state: "done" }, ended];
  }
  const last = way.length - 1;
  return way.map((step, index) => ({
    name: index === at ? name(status) : name(step),
    state: index < at || (index === at && at === last) ? "done" : index === at ? "now" : "ahead",
  }));
}

/** "Deposit" or "Withdrawal". */
export function kindText(kind: Movement["kind"]): string {
  return t(kind === "deposit" ? "app.kind.deposit" : "app.kind.withdrawal");
}

/** Why staff or a rule said no: one of our codes in words, or what a person wrote. */
export function reasonText(reason: string): string {
  return find(reason) ?? find(`refusal.${reason}`) ?? find(`deposit.reason.${reason}`) ?? reason;
}

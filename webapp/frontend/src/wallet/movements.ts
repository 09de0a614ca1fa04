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

const MINUTE_SECONDS = 60;

type StatusOf = Pick<Movement, "kind" | "status"> & { readonly detail?: Movement["detail"] };

/** The status as a person says it; a deposit that its chain still confirms says how far. */
export function statusText({ kind, status, detail }: StatusOf): string {
  const count = detail?.confirmations ?? null;
  if (kind === "deposit" && count !== null && (status === "seen" || status === "confirming")) {
    const wanted = detail?.confirmations_wanted ?? null;
    const told =
      wanted === null
        ? soonText("deposit.waiting_final", detail) ?? find("deposit.progress_final", { count })
        : find("deposit.progress", { count, wanted });
    return told ?? status;
  }
  if (kind === "deposit" && status === "credited" && detail?.final === false) {
    return soonText("deposit.progress_early", detail) ?? find("deposit.progress_early") ?? status;
  }
  if (kind === "deposit" && status === "orphaned" && detail?.reason === "replaced") {
    return find("deposit.status.replaced") ?? status;
  }
  // What came to nothing of a return is held again, and not on the balance.
  const stopped = detail?.returns === true ? find(`return.status.${status}`) : null;
  return stopped ?? find(`${kind}.status.${status}`) ?? status;
}

/** The text of `key` with how long it still takes until final, or null when nobody knows. */
function soonText(key: string, detail: StatusOf["detail"]): string | null {
  const seconds = detail?.final_in ?? null;
  if (seconds === null) return null;
  const minutes = Math.ceil(Number(seconds) / MINUTE_SECONDS);
  return minutes <= 1 ? find(`${key}_soon`) : find(`${key}_in`, { count: minutes });
}

/** How the status is coloured; a text always stands beside the colour. */
export function statusTone(status: string): Tone {
  if (GOOD.has(status)) return "good";
  if (BAD.has(status)) return "bad";
  return CARE.has(status) ? "care" : "calm";
}

/** Is there still something to wait for? A credited deposit may still have to become final. */
export function isMoving({ status, detail }: StatusOf): boolean {
  return !DONE.has(status) || (status === "credited" && detail?.final === false);
}

export interface Stage {
  readonly name: string;
  readonly state: "done" | "now" | "ahead" | "bad";
}

const DEPOSIT_WAY = ["seen", "confirming", "credited"] as const;
// Where a deposit can be played before it is final, the way is longer.
const LONG_DEPOSIT_WAY = [...DEPOSIT_WAY, "final"] as const;
const WITHDRAWAL_WAY = ["requested", "in_review", "approved", "broadcast", "confirmed"] as const;
const SAME_STAGE: Record<string, string> = {
  assigned: "approved",
  signed: "approved",
  dead: "approved",
};

/** The way of a movement, stage by stage, ending where it really ended. */
export function stagesOf(movement: StatusOf): Stage[] {
  const { kind, status, detail } = movement;
  const isLong = kind === "deposit" && detail?.final !== undefined;
  const way: readonly string[] =
    kind === "withdrawal" ? WITHDRAWAL_WAY : isLong ? LONG_DEPOSIT_WAY : DEPOSIT_WAY;
  const name = (step: string): string => find(`${kind}.status.${step}`) ?? step;
  const at = way.indexOf(stageOf(movement));
  if (at < 0) {
    const ended: Stage = {
      name: statusText(movement),
      state: statusTone(status) === "bad" ? "bad" : "now",
    };
    return [{ name: name(way[0]!), state: "done" }, ended];
  }
  const last = way.length - 1;
  return way.map((step, index) => ({
    name:
      index === at
        ? nameNow(movement, step) ?? name(status)
        : index < at && step === "confirming"
          ? (find("deposit.stage_counted") ?? step)
          : name(step),
    state: index < at || (index === at && at === last && isDone(movement)) ? "done" : index === at ? "now" : "ahead",
  }));
}

/** Which stage a movement is at; a credited deposit goes on to its last one. */
function stageOf({ kind, status, detail }: StatusOf): string {
  if (kind === "deposit" && detail?.final !== undefined) {
    if (status === "credited") return "final";
    // Before its first block there is nothing to count.
    if (status === "seen" && Number(detail.confirmations ?? 0) > 0) return "confirming";
  }
  return SAME_STAGE[status] ?? status;
}

/** What the stage that a movement is at is called, where it says more than its status. */
function nameNow(movement: StatusOf, step: string): string | null {
  if (step === "confirming") return statusText(movement);
  if (step !== "final") return null;
  if (movement.detail?.final === true) return find("deposit.status.final");
  return soonText("deposit.stage_final", movement.detail) ?? find("deposit.stage_final");
}

function isDone(movement: StatusOf): boolean {
  return !isMoving(movement);
}

/** "Deposit", "Withdrawal", or a held deposit that the house sends back. */
export function kindText({ kind, detail }: Pick<Movement, "kind" | "detail">): string {
  if (kind === "withdrawal" && detail.returns === true) return t("app.kind.return");
  return t(kind === "deposit" ? "app.kind.deposit" : "app.kind.withdrawal");
}

/** Why staff or a rule said no: one of our codes in words, or what a person wrote. */
export function reasonText(reason: string): string {
  return find(reason) ?? find(`refusal.${reason}`) ?? find(`deposit.reason.${reason}`) ?? reason;
}

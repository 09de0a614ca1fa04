// Is play closed now, and until when: in words.
import type { LimitsAnswer } from "@/api/types";
import { momentText, t } from "@/texts/texts";

/** A sentence about a break that is running, or null. */
export function breakText(answer: LimitsAnswer): string | null {
  if (answer.excluded_for_life) return t("app.break.closed_for_life");
  const excluded = later(answer.excluded_until);
  if (excluded !== null) return t("app.break.closed_until", { until: momentText(excluded) });
  const cooling = later(answer.cooling_off_until);
  return cooling === null ? null : t("app.break.resting_until", { until: momentText(cooling) });
}

function later(moment: string | null): string | null {
  return moment !== null && new Date(moment).getTime() > Date.now() ? moment : null;
}

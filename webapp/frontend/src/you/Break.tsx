// A break from play: a time-out for days, or self-exclusion for months; neither can be undone.
import { useState } from "react";
import { errorText } from "@/api/errors";
import { refresh } from "@/api/resource";
import { api, readMe } from "@/app/account";
import { open } from "@/app/router";
import { Button } from "@/design/Button";
import { Banner, Card, Chip, Heading } from "@/design/parts";
import { Sheet } from "@/design/Sheet";
import { showNotice } from "@/design/toast";
import { breakText } from "@/you/breaks";
import { find, t } from "@/texts/texts";
import { useLimits } from "@/you/You";

const HOURS = [24, 72, 168, 336, 1008] as const;
const MONTHS = [6, 12, 36, 60, 0] as const;

type Asked = { kind: "time-out"; hours: number } | { kind: "self-exclusion"; months: number };

export function Break() {
  const limits = useLimits();
  const [hours, setHours] = useState<number>(HOURS[0]);
  const [months, setMonths] = useState<number>(MONTHS[0]);
  const [asked, setAsked] = useState<Asked | null>(null);
  const closed = limits.data === undefined ? null : breakText(limits.data);
  return (
    <div className="space-y-4 pt-4 pb-[calc(var(--safe-bottom)+24px)]">
      <h1 className="text-[24px] font-semibold">{t("app.break.title")}</h1>
      {closed !== null && <Banner tone="care">{closed}</Banner>}
      <p className="text-muted">{t("app.break.text")}</p>
      <Card>
        <h2 className="text-[17px] font-semibold">{t("app.break.time_out")}</h2>
        <p className="mt-1 mb-3 text-[15px] text-muted">{t("app.break.time_out_text")}</p>
        <div className="flex flex-wrap gap-2">
          {HOURS.map((each) => (
            <Chip key={each} pressed={each === hours} onPress={() => setHours(each)}>
              {hoursText(each)}
            </Chip>
          ))}
        </div>
        <div className="mt-3">
          <Button wide small weight="quiet" onPress={() => setAsked({ kind: "time-out", hours })}>
            {t("app.break.take", { time: hoursText(hours) })}
          </Button>
        </div>
      </Card>
      <Card>
        <h2 className="text-[17px] font-semibold">{t("app.break.exclusion")}</h2>
        <p className="mt-1 mb-3 text-[15px] text-muted">{t("app.break.exclusion_text")}</p>
        <div className="flex flex-wrap gap-2">
          {MONTHS.map((each) => (
            <Chip key={each} pressed={each === months} onPress={() => setMonths(each)}>
              {monthsText(each)}
            </Chip>
          ))}
        </div>
        <div className="mt-3">
          <Button
            wide
            small
            weight="danger"
            onPress={() => setAsked({ kind: "self-exclusion", months })}
          >
            {t("app.break.exclude", { time: monthsText(months) })}
          </Button>
        </div>
      </Card>
      <Heading>{t("app.break.help")}</Heading>
      <p className="text-muted">{t("app.break.help_text")}</p>
      <Button wide small weight="quiet" onPress={() => open({ screen: "support" })}>
        {t("app.you.support")}
      </Button>
      {asked !== null && <Confirm asked={asked} onClose={() => setAsked(null)} />}
    </div>
  );
}

function Confirm({ asked, onClose }: { readonly asked: Asked; readonly onClose: () => void }) {
  const [understood, setUnderstood] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const time = asked.kind === "time-out" ? hoursText(asked.hours) : monthsText(asked.months);
  const confirm = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await (asked.kind === "time-out"
        ? api().post("/api/time-out", { hours: asked.hours })
        : api().post("/api/self-exclusion", { months: asked.months === 0 ? null : asked.months }));
      showNotice(t("app.break.done"));
      refresh("limits");
      onClose();
      if (asked.kind === "time-out") void readMe();
    } catch (error) {
      setProblem(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Sheet
      title={t(asked.kind === "time-out" ? "app.break.time_out" : "app.break.exclusion")}
      onClose={onClose}
    >
      <div className="space-y-4">
        <p>
          {t(
            asked.kind === "time-out"
              ? "app.break.confirm_time_out"
              : "app.break.confirm_exclusion",
            { time },
          )}
        </p>
        <ul className="list-disc space-y-1 pl-5 text-muted">
          <li>{t("app.break.means_play")}</li>
          <li>{t("app.break.means_withdraw")}</li>
          <li>{t("app.break.means_no_way_back")}</li>
          {asked.kind === "self-exclusion" && <li>{t("app.break.means_log_out")}</li>}
        </ul>
        <label className="flex min-h-12 cursor-pointer items-center gap-3 rounded-xl border border-line bg-card px-4">
          <input
            type="checkbox"
            checked={understood}
            onChange={(event) => setUnderstood(event.target.checked)}
            className="size-6 accent-felt"
          />
          {t("app.break.understood")}
        </label>
        {problem !== null && <Banner tone="bad">{problem}</Banner>}
        <Button
          wide
          weight="danger"
          disabled={!understood}
          busy={busy}
          onPress={() => void confirm()}
        >
          {t("app.break.confirm", { time })}
        </Button>
        <Button wide weight="quiet" onPress={onClose}>
          {t("app.break.not_now")}
        </Button>
      </div>
    </Sheet>
  );
}

function hoursText(hours: number): string {
  return find(`timeout.${hours}`) ?? t("app.break.hours", { count: hours });
}

function monthsText(months: number): string {
  return find(`exclusion.${months}`) ?? t("app.break.months", { count: months });
}

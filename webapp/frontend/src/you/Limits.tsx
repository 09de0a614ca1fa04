// Limits of the player's own: lower at once, higher only after a day.
import { useState } from "react";
import { errorText } from "@/api/errors";
import { refresh } from "@/api/resource";
import type { LimitView } from "@/api/types";
import { api } from "@/app/account";
import { Button } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { Banner, Card, Chip, Failure, Field, Heading, SkeletonRows } from "@/design/parts";
import { Sheet } from "@/design/Sheet";
import { showNotice } from "@/design/toast";
import { parseUnits, fieldText, REFERENCE_DECIMALS } from "@/money/money";
import { haptics } from "@/telegram/telegram";
import { fieldDigits, find, type Key, momentText, referenceText, t } from "@/texts/texts";
import { useLimits } from "@/you/You";

const KINDS = ["deposit", "loss", "wager", "stake"] as const;
const PRESETS = ["20", "50", "100", "500"];

export function Limits() {
  const limits = useLimits();
  const [editing, setEditing] = useState<LimitView | null>(null);
  return (
    <div className="pt-4 pb-[calc(var(--safe-bottom)+24px)]">
      <h1 className="mb-2 text-[24px] font-semibold">{t("app.limits.title")}</h1>
      <p className="text-muted">{t("app.limits.text")}</p>
      {limits.data === undefined && limits.error === null && (
        <div className="mt-4">
          <SkeletonRows count={5} />
        </div>
      )}
      {limits.data === undefined && limits.error !== null && (
        <div className="mt-4">
          <Failure error={limits.error} onRetry={() => void limits.reload()} />
        </div>
      )}
      {limits.data !== undefined &&
        KINDS.map((kind) => {
          const mine = limits.data!.limits.filter((limit) => limit.kind === kind);
          if (mine.length === 0) return null;
          return (
            <section key={kind}>
              <Heading>{find(`limit.${kind}`) ?? kind}</Heading>
              <Card flush>
                <ul className="divide-y divide-line">
                  {mine.map((limit) => (
                    <LimitRow key={limit.window} limit={limit} onPress={() => setEditing(limit)} />
                  ))}
                </ul>
              </Card>
              <p className="mt-1.5 px-1 text-[13px] text-muted">
                {t(`app.limits.about_${kind}` as Key)}
              </p>
            </section>
          );
        })}
      <p className="mt-6 text-[13px] text-muted">{t("app.limits.windows")}</p>
      {editing !== null && <Edit limit={editing} onClose={() => setEditing(null)} />}
    </div>
  );
}

function windowName(limit: LimitView): string {
  if (limit.kind === "stake") return t("app.limits.one_stake");
  return find(`window.${limit.window}.short`) ?? limit.window;
}

function LimitRow({ limit, onPress }: { readonly limit: LimitView; readonly onPress: () => void }) {
  const used = BigInt(limit.used) > 0n ? BigInt(limit.used) : 0n;
  const top = limit.units === null ? null : BigInt(limit.units);
  const share = top === null || top === 0n ? 0 : Number((used * 100n) / top);
  return (
    <li>
      <button
        type="button"
        onClick={() => {
          haptics.tap();
          onPress();
        }}
        className="press block min-h-14 w-full px-4 py-2.5 text-left"
      >
        <span className="figures flex items-baseline justify-between gap-3">
          <span>{windowName(limit)}</span>
          <span className={top === null ? "text-muted" : "font-semibold"}>
            {top === null ? t("app.limits.none") : referenceText(top)}
          </span>
        </span>
        {limit.kind !== "stake" && (
          <>
            {top !== null && (
              <span className="mt-1.5 block h-1.5 overflow-hidden rounded-full bg-raised">
                <span
                  className={`block h-full origin-left rounded-full ${share >= 80 ? "bg-brass" : "bg-felt"}`}
                  style={{ width: `${Math.min(100, share)}%` }}
                />
              </span>
            )}
            <span className="figures mt-1 block text-[13px] text-muted">
              {t("app.limits.used", { used: referenceText(used) })}
            </span>
          </>
        )}
        {limit.pending_at !== null && (
          <span className="mt-1 flex items-center gap-1.5 text-[13px] text-brass-text">
            <Icon name="clock" size={14} />
            {limit.pending_units === null
              ? t("app.limits.pending_removal", { at: momentText(limit.pending_at) })
              : t("app.limits.pending", {
                  limit: referenceText(BigInt(limit.pending_units)),
                  at: momentText(limit.pending_at),
                })}
          </span>
        )}
      </button>
    </li>
  );
}

function Edit({ limit, onClose }: { readonly limit: LimitView; readonly onClose: () => void }) {
  const [text, setText] = useState(
    limit.units === null ? "" : fieldText(BigInt(limit.units), REFERENCE_DECIMALS),
  );
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const units = parseUnits(text, 2) === null ? null : parseUnits(text, REFERENCE_DECIMALS);
  const current = limit.units === null ? null : BigInt(limit.units);
  const waits = units !== null && current !== null && units > current;
  const save = async (wanted: bigint | null): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      const now = await api().put<LimitView>("/api/limits", {
        kind: limit.kind,
        window: limit.window,
        units: wanted === null ? null : wanted.toString(),
      });
      refresh("limits");
      showNotice(t(now.pending_at === null ? "app.limits.saved" : "app.limits.saved_pending"));
      onClose();
    } catch (error) {
      setProblem(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Sheet
      title={`${find(`limit.${limit.kind}`) ?? limit.kind} · ${windowName(limit)}`}
      onClose={onClose}
    >
      <div className="space-y-4">
        <Field
          label={t("app.limits.amount")}
          value={fieldDigits(text)}
          onChange={(next) => setText(next.replace(",", "."))}
          inputMode="decimal"
          maxLength={14}
          problem={text !== "" && units === null ? t("app.limits.bad_amount") : null}
          side={<span className="px-3 text-muted">EUR</span>}
        />
        <div className="flex gap-2">
          {PRESETS.map((preset) => (
            <Chip key={preset} pressed={text === preset} onPress={() => setText(preset)}>
              {preset}
            </Chip>
          ))}
        </div>
        <Banner tone={waits ? "care" : "info"}>
          {t(waits ? "app.limits.later" : "app.limits.at_once")}
        </Banner>
        {problem !== null && <Banner tone="bad">{problem}</Banner>}
        <Button
          wide
          busy={busy}
          disabled={units === null || units === current}
          onPress={() => void save(units)}
        >
          {units === null
            ? t("app.limits.set_plain")
            : t("app.limits.set", { limit: referenceText(units) })}
        </Button>
        {current !== null && (
          <Button wide small weight="plain" disabled={busy} onPress={() => void save(null)}>
            {t("app.limits.remove")}
          </Button>
        )}
      </div>
    </Sheet>
  );
}

// One deposit or withdrawal: where it stands, its facts, and what can still be done.
import { useEffect, useState } from "react";
import { errorText } from "@/api/errors";
import { refresh } from "@/api/resource";
import type { Movement } from "@/api/types";
import { api, readMe } from "@/app/account";
import { open } from "@/app/router";
import { Button } from "@/design/Button";
import { CopyLine } from "@/design/Copy";
import { Icon } from "@/design/Icon";
import { Amount } from "@/design/money";
import { Banner, Empty, Fact, Failure, SkeletonRows } from "@/design/parts";
import { Sheet } from "@/design/Sheet";
import { showNotice } from "@/design/toast";
import { openOutside } from "@/telegram/telegram";
import { momentText, t } from "@/texts/texts";
import {
  isMoving,
  kindText,
  reasonText,
  stagesOf,
  type Stage,
} from "@/wallet/movements";
import { AddressText } from "@/wallet/Address";
import { railName } from "@/wallet/rails";
import { useMovements } from "@/wallet/Wallet";
import { useOlderMovements } from "@/activity/pages";

const LOOK_EVERY_MS = 6_000;

export function MovementPage({ id }: { readonly id: string }) {
  const newest = useMovements();
  const older = useOlderMovements();
  const movement = [...(newest.data?.movements ?? []), ...older].find((one) => one.id === id);
  const moving = movement !== undefined && isMoving(movement);
  useEffect(() => {
    if (!moving) return undefined;
    const timer = setInterval(() => refresh("movements"), LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [moving]);
  if (movement === undefined) {
    return (
      <div className="pt-4">
        {newest.error !== null ? (
          <Failure error={newest.error} onRetry={() => void newest.reload()} />
        ) : newest.loading ? (
          <SkeletonRows count={4} />
        ) : (
          <Empty icon="search" text={t("app.movement.missing")} />
        )}
      </div>
    );
  }
  return <Shown movement={movement} />;
}

function Shown({ movement }: { readonly movement: Movement }) {
  const { asset, units, detail } = movement;
  return (
    <div className="space-y-4 pt-4 pb-[calc(var(--safe-bottom)+24px)]">
      <div>
        <h1 className="text-[15px] text-muted">{kindText(movement)}</h1>
        <p className="text-[32px] leading-tight">
          <Amount units={units} asset={asset} />
        </p>
      </div>
      <Timeline stages={stagesOf(movement)} />
      {detail.reason && (
        <Banner tone="care">
          {t("app.movement.reason", { reason: reasonText(detail.reason) })}
        </Banner>
      )}
      <dl className="rounded-2xl border border-line bg-card px-4 py-2">
        {detail.rail != null && (
          <Fact name={t("app.review.network")}>{railName({ rail: detail.rail, asset })}</Fact>
        )}
        <Fact name={t("app.movement.time")}>{momentText(movement.at)}</Fact>
        {detail.fee != null && (
          <Fact name={t("app.review.fee")}>
            <Amount units={detail.fee} asset={asset} />
          </Fact>
        )}
        {detail.net != null && (
          <Fact name={t("app.review.arrives")}>
            <Amount units={detail.net} asset={asset} />
          </Fact>
        )}
        {detail.memo && <Fact name={t("app.withdraw.memo")}>{detail.memo}</Fact>}
      </dl>
      <div className="divide-y divide-line overflow-hidden rounded-2xl border border-line bg-card">
        {detail.destination && (
          <CopyLine
            name={t("app.withdraw.destination")}
            text={detail.destination}
            shown={<AddressText text={detail.destination} />}
          />
        )}
        {detail.tx_hash && <CopyLine name={t("app.movement.hash")} text={detail.tx_hash} />}
        <CopyLine name={t("app.movement.id")} text={movement.id} wrap={false} />
      </div>
      {detail.url && (
        <Button wide weight="quiet" onPress={() => openOutside(detail.url!)}>
          <Icon name="link" /> {t("app.movement.explorer")}
        </Button>
      )}
      {detail.cancellable === true && <Cancel movement={movement} />}
      <Button
        wide
        small
        weight="plain"
        onPress={() => open({ screen: "support", about: movement.id })}
      >
        <Icon name="chat" size={18} /> {t("app.movement.ask")}
      </Button>
    </div>
  );
}

function Timeline({ stages }: { readonly stages: readonly Stage[] }) {
  const looks: Record<Stage["state"], string> = {
    done: "border-felt bg-felt text-on-felt",
    now: "border-felt bg-page text-felt-text",
    ahead: "border-line bg-page text-transparent",
    bad: "border-coral bg-page text-coral-text",
  };
  return (
    <ol aria-live="polite" aria-label={t("app.movement.way")}>
      {stages.map((stage, index) => (
        <li
          key={stage.name}
          aria-current={stage.state === "now" ? "step" : undefined}
          className="relative flex min-h-11 gap-3"
        >
          {index < stages.length - 1 && (
            <span
              className={`absolute top-6 bottom-0 left-[11px] w-0.5 ${stage.state === "done" ? "bg-felt" : "bg-line"}`}
            />
          )}
          <span
            className={`z-10 grid size-6 shrink-0 place-items-center rounded-full border-2 ${looks[stage.state]}`}
          >
            {stage.state === "now" ? (
              <span className="size-2.5 animate-pulse rounded-full bg-felt" />
            ) : (
              <Icon name={stage.state === "bad" ? "close" : "check"} size={14} />
            )}
          </span>
          <span
            className={
              stage.state === "ahead" ? "text-muted" : stage.state === "now" ? "font-semibold" : ""
            }
          >
            {stage.name.charAt(0).toLocaleUpperCase() + stage.name.slice(1)}
          </span>
        </li>
      ))}
    </ol>
  );
}

function Cancel({ movement }: { readonly movement: Movement }) {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const cancel = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await api().post(`/api/cashier/withdrawals/${movement.id}/cancel`);
      showNotice(t("app.movement.cancelled"));
      setAsking(false);
    } catch (error) {
      setProblem(errorText(error));
    } finally {
      setBusy(false);
      refresh("movements");
      void readMe();
    }
  };
  return (
    <>
      <Button wide weight="danger" onPress={() => setAsking(true)}>
        {t("app.movement.cancel")}
      </Button>
      {asking && (
        <Sheet title={t("app.movement.cancel")} onClose={() => setAsking(false)}>
          <div className="space-y-4">
            <p>{t("app.movement.cancel_text")}</p>
            {problem !== null && <Banner tone="bad">{problem}</Banner>}
            <Button wide weight="danger" busy={busy} onPress={() => void cancel()}>
              {t("app.movement.cancel_yes")}
            </Button>
            <Button wide weight="quiet" onPress={() => setAsking(false)}>
              {t("app.movement.cancel_no")}
            </Button>
          </div>
        </Sheet>
      )}
    </>
  );
}

// The player's own page: care first, then proof, then everything about the account.
import { useState } from "react";
import { useResource } from "@/api/resource";
import type { LimitsAnswer } from "@/api/types";
import { api, me } from "@/app/account";
import { open, type Route } from "@/app/router";
import { useStore } from "@/app/store";
import { Button } from "@/design/Button";
import { Icon, type IconName } from "@/design/Icon";
import { Banner, Card, Heading, IconTile, Row, Rows } from "@/design/parts";
import { Sheet } from "@/design/Sheet";
import { closeApp } from "@/telegram/telegram";
import { breakText } from "@/you/breaks";
import { t, type Key } from "@/texts/texts";

const LEVELS = 2;

export function useLimits() {
  return useResource<LimitsAnswer>("limits", () => api().get("/api/limits"));
}

export function You() {
  const account = useStore(me);
  const limits = useLimits();
  const [leaving, setLeaving] = useState(false);
  const player = account?.player;
  const level = player?.kyc_level ?? 0;
  const closed = limits.data === undefined ? null : breakText(limits.data);
  const setCount = limits.data?.limits.filter((limit) => limit.units !== null).length ?? 0;
  return (
    <div className="pt-4">
      <h1 className="mb-3 truncate text-[24px] font-semibold">{player?.first_name}</h1>
      {closed !== null && (
        <div className="mb-3">
          <Banner tone="care">{closed}</Banner>
        </div>
      )}
      <Card>
        <div className="flex items-center gap-3">
          <IconTile name="id" tone={level > 0 ? "good" : "calm"} />
          <div className="flex-1">
            <p className="font-semibold">{t("app.you.level", { level })}</p>
            <p className="text-[13px] text-muted">
              {t(`app.verification.level_${Math.min(level, LEVELS)}` as Key)}
            </p>
          </div>
          {level < LEVELS && (
            <Button small weight="quiet" onPress={() => open({ screen: "verification" })}>
              {t("app.you.raise")}
            </Button>
          )}
        </div>
        <div
          role="progressbar"
          aria-label={t("app.you.progress")}
          aria-valuemin={0}
          aria-valuemax={LEVELS}
          aria-valuenow={level}
          className="mt-3 grid grid-cols-2 gap-1.5"
        >
          {Array.from({ length: LEVELS }, (_, index) => (
            <span
              key={index}
              className={`h-1.5 rounded-full ${index < level ? "bg-felt" : "bg-raised"}`}
            />
          ))}
        </div>
      </Card>
      <Heading>{t("app.you.care")}</Heading>
      <Rows>
        <Link
          icon="sliders"
          to={{ screen: "limits" }}
          title="app.you.limits"
          note={t("app.you.limits_note", { count: setCount })}
        />
        <Link
          icon="pause"
          to={{ screen: "break" }}
          title="app.you.break"
          note={t("app.you.break_note")}
        />
      </Rows>
      <Heading>{t("app.you.proof")}</Heading>
      <Rows>
        <Link
          icon="shieldCheck"
          to={{ screen: "fairness" }}
          title="app.you.fairness"
          note={t("app.you.fairness_note")}
        />
        <Link
          icon="search"
          to={{ screen: "verifier" }}
          title="app.you.verifier"
          note={t("app.you.verifier_note")}
        />
      </Rows>
      <Heading>{t("app.you.account")}</Heading>
      <Rows>
        <Link icon="chat" to={{ screen: "support" }} title="app.you.support" />
        <Link icon="device" to={{ screen: "logins" }} title="app.you.logins" />
        <Link icon="heart" to={{ screen: "settings" }} title="app.you.settings" />
        <Link icon="paper" to={{ screen: "terms" }} title="app.you.terms" />
      </Rows>
      <div className="mt-6">
        <Button wide small weight="plain" onPress={() => setLeaving(true)}>
          {t("app.you.log_out")}
        </Button>
      </div>
      <p className="mt-4 flex items-center justify-center gap-2 text-[13px] text-muted">
        <Icon name="shield" size={16} /> {t("app.you.foot")}
      </p>
      {leaving && (
        <Sheet title={t("app.you.log_out")} onClose={() => setLeaving(false)}>
          <p className="mb-4">{t("app.you.log_out_text")}</p>
          <Button wide weight="danger" onPress={() => void logOut()}>
            {t("app.you.log_out")}
          </Button>
        </Sheet>
      )}
    </div>
  );
}

function Link({
  icon,
  to,
  title,
  note,
}: {
  readonly icon: IconName;
  readonly to: Route;
  readonly title: Key;
  readonly note?: string;
}) {
  return (
    <Row
      icon={<IconTile name={icon} />}
      title={t(title)}
      {...(note === undefined ? {} : { note })}
      onPress={() => open(to)}
    />
  );
}

async function logOut(): Promise<void> {
  try {
    await api().post("/api/logout");
  } finally {
    api().forgetToken();
    closeApp();
    location.reload();
  }
}

// The page before there is a player: not in Telegram, still starting, refused, or unreachable.
import type { ReactNode } from "react";
import { errorText } from "@/api/errors";
import { refusal } from "@/app/account";
import { useStore } from "@/app/store";
import { Button } from "@/design/Button";
import { Icon, type IconName } from "@/design/Icon";
import { closeApp } from "@/telegram/telegram";
import { t } from "@/texts/texts";

function Threshold({
  icon,
  title,
  text,
  children,
}: {
  readonly icon: IconName;
  readonly title: string;
  readonly text: string;
  readonly children?: ReactNode;
}) {
  return (
    <main className="mx-auto flex min-h-dvh max-w-(--column) flex-col items-center justify-center gap-4 px-8 text-center">
      <span className="grid size-20 place-items-center rounded-3xl bg-card text-felt-text">
        <Icon name={icon} size={40} />
      </span>
      <h1 className="text-[24px] font-semibold">{title}</h1>
      <p className="max-w-80 text-muted">{text}</p>
      {children}
    </main>
  );
}

/** Opened in a browser: nothing can be proved about who is here. */
export function Outside() {
  return (
    <Threshold icon="shieldCheck" title={t("app.outside.title")} text={t("app.outside.text")} />
  );
}

/** The server would not take this launch: it is old or logged out, or the account is closed. */
export function Refused() {
  const why = useStore(refusal);
  return (
    <Threshold
      icon={why === null ? "clock" : "alert"}
      title={t(why === null ? "app.refused.title" : "app.refused.closed")}
      text={why === null ? t("app.refused.text") : errorText(why)}
    >
      <Button onPress={closeApp}>{t("app.refused.close")}</Button>
    </Threshold>
  );
}

/** Nobody answered the first request. */
export function Unreached({ onRetry }: { readonly onRetry: () => void }) {
  return (
    <Threshold icon="refresh" title={t("app.unreached.title")} text={t("app.unreached.text")}>
      <Button onPress={onRetry}>{t("app.try_again")}</Button>
    </Threshold>
  );
}

/** The lobby in grey, while the first answer is on its way. */
export function Starting() {
  return (
    <main
      role="status"
      aria-label={t("app.loading")}
      className="mx-auto max-w-(--column) px-4 pt-(--safe-top)"
    >
      <div className="flex h-13 items-center gap-3">
        <div className="skeleton size-8 rounded-full!" />
        <div className="skeleton h-5 w-32" />
        <div className="flex-1" />
        <div className="skeleton h-10 w-24" />
      </div>
      <div className="skeleton mt-4 h-16 rounded-2xl!" />
      <div className="mt-8 grid grid-cols-2 gap-3">
        <div className="skeleton aspect-[4/5] rounded-2xl!" />
        <div className="skeleton aspect-[4/5] rounded-2xl!" />
      </div>
    </main>
  );
}

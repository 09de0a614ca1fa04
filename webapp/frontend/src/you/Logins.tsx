// Where the player is logged in, and how to end it.
import { useState } from "react";
import { errorText } from "@/api/errors";
import { useResource } from "@/api/resource";
import type { LoginRow } from "@/api/types";
import { api } from "@/app/account";
import { Button } from "@/design/Button";
import { Failure, IconTile, Rows, SkeletonRows } from "@/design/parts";
import { showProblem } from "@/design/toast";
import { momentText, t } from "@/texts/texts";

export function Logins() {
  const shown = useResource<{ logins: LoginRow[] }>("logins", () => api().get("/api/me/logins"));
  const [ending, setEnding] = useState<string | null>(null);
  const end = async (id: string): Promise<void> => {
    setEnding(id);
    try {
      await api().remove(`/api/me/logins/${id}`);
      await shown.reload();
    } catch (error) {
      showProblem(errorText(error));
    } finally {
      setEnding(null);
    }
  };
  return (
    <div className="space-y-4 pt-4 pb-[calc(var(--safe-bottom)+24px)]">
      <h1 className="text-[24px] font-semibold">{t("app.logins.title")}</h1>
      <p className="text-muted">{t("app.logins.text")}</p>
      {shown.data === undefined && shown.error === null && <SkeletonRows count={3} />}
      {shown.data === undefined && shown.error !== null && (
        <Failure error={shown.error} onRetry={() => void shown.reload()} />
      )}
      {shown.data !== undefined && (
        <Rows>
          {shown.data.logins.map((login) => (
            <li key={login.id} className="flex min-h-16 items-center gap-3 px-4 py-2">
              <IconTile name="device" tone={login.current ? "good" : "calm"} />
              <span className="min-w-0 flex-1">
                <span className="block truncate">{login.agent || t("app.logins.unknown")}</span>
                <span className="block text-[13px] text-muted">
                  {login.current
                    ? t("app.logins.this")
                    : t("app.logins.seen", { at: momentText(login.last_seen_at) })}
                </span>
              </span>
              {!login.current && (
                <Button
                  small
                  weight="quiet"
                  busy={ending === login.id}
                  onPress={() => void end(login.id)}
                >
                  {t("app.logins.end")}
                </Button>
              )}
            </li>
          ))}
        </Rows>
      )}
    </div>
  );
}

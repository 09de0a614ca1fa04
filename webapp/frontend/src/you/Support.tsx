// A conversation with the people of the house.
import { useEffect, useRef, useState } from "react";
import { errorText } from "@/api/errors";
import { refresh, useResource } from "@/api/resource";
import type { SupportMessage } from "@/api/types";
import { api } from "@/app/account";
import { IconButton } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { Banner, Empty, Failure } from "@/design/parts";
import { momentText, t } from "@/texts/texts";

const LOOK_EVERY_MS = 10_000;
const TEXT_MAX = 2_000;

export function Support({ about }: { readonly about?: string }) {
  const shown = useResource<{ messages: SupportMessage[] }>("support", () =>
    api().get("/api/support?limit=50"),
  );
  const [text, setText] = useState(
    about === undefined ? "" : t("app.support.about", { id: about }),
  );
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const end = useRef<HTMLDivElement>(null);
  const messages = [...(shown.data?.messages ?? [])].sort((a, b) => (a.at < b.at ? -1 : 1));
  useEffect(() => {
    const timer = setInterval(() => refresh("support"), LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    void end.current?.scrollIntoView({ block: "end" });
  }, [messages.length]);
  const send = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await api().post("/api/support", { text: text.trim() });
      setText("");
      await shown.reload();
    } catch (error) {
      setProblem(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="flex flex-1 flex-col pt-4">
      <h1 className="text-[24px] font-semibold">{t("app.support.title")}</h1>
      <p className="mb-4 text-muted">{t("app.support.text")}</p>
      <div className="flex flex-1 flex-col gap-2" role="log" aria-live="polite">
        {shown.data === undefined && shown.error === null && (
          <>
            <div className="skeleton h-14 w-3/4 rounded-2xl!" />
            <div className="skeleton ml-auto h-14 w-2/3 rounded-2xl!" />
          </>
        )}
        {shown.data === undefined && shown.error !== null && (
          <Failure error={shown.error} onRetry={() => void shown.reload()} />
        )}
        {shown.data !== undefined && messages.length === 0 && (
          <Empty icon="chat" text={t("app.support.empty")} />
        )}
        {messages.map((message) => (
          <div
            key={message.id}
            className={`max-w-[85%] rounded-2xl px-4 py-2 ${
              message.from === "player"
                ? "ml-auto rounded-br-md bg-felt/20"
                : "rounded-bl-md border border-line bg-card"
            }`}
          >
            {message.from === "staff" && (
              <p className="text-[13px] font-semibold text-felt-text">{t("app.support.staff")}</p>
            )}
            <p className="break-words whitespace-pre-wrap">{message.text}</p>
            <p className="figures text-right text-[13px] text-muted">{momentText(message.at)}</p>
          </div>
        ))}
        <div ref={end} />
      </div>
      {problem !== null && (
        <div className="mt-3">
          <Banner tone="bad">{problem}</Banner>
        </div>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== "" && !busy) void send();
        }}
        className="sticky bottom-0 -mx-4 flex items-end gap-2 border-t border-line bg-page px-4 pt-3 pb-[calc(var(--safe-bottom)+12px)]"
      >
        <textarea
          value={text}
          onChange={(event) => setText(event.target.value)}
          rows={Math.min(4, text.split("\n").length)}
          maxLength={TEXT_MAX}
          aria-label={t("app.support.write")}
          placeholder={t("app.support.write")}
          className="min-h-12 flex-1 resize-none rounded-xl border border-line bg-card px-4 py-3 outline-none focus:border-felt"
        />
        <span
          className={`rounded-xl ${text.trim() === "" || busy ? "bg-raised" : "bg-felt text-on-felt"}`}
        >
          <IconButton
            label={t("app.support.send")}
            onPress={() => text.trim() !== "" && !busy && void send()}
          >
            <Icon name="next" />
          </IconButton>
        </span>
      </form>
    </div>
  );
}

// Somebody else's game in a frame of its own: no cookies of ours, no way out of its box.
import { useEffect, useRef, useState } from "react";
import type { GameCard } from "@/api/types";
import { api, chosenAsset, readMe } from "@/app/account";
import { goBack } from "@/app/router";
import { IconButton } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { Empty, Failure } from "@/design/parts";
import { boxOf, messageKind } from "@/games/frame/messages";
import { gameName } from "@/lobby/Lobby";
import { setFullscreen } from "@/telegram/telegram";
import { t } from "@/texts/texts";

// What such games say to their parent when the player's money moved or he wants to leave.
const CLOSING = new Set(["close", "exit", "closeGame", "gameClosed", "goHome"]);
const REFRESH_PAUSE_MS = 800;

export function Frame({ game }: { readonly game: GameCard }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [isFull, setFull] = useState(false);
  const [loaded, setLoaded] = useState(false);
  const { address, error, again } = useSession(game.slug);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const listen = (event: MessageEvent): void => {
      // Only the game itself is heard, and nothing it says is believed: it only makes us look.
      if (event.source !== frame.current?.contentWindow) return;
      const kind = messageKind(event.data);
      if (kind !== null && CLOSING.has(kind)) {
        goBack();
        return;
      }
      clearTimeout(timer);
      timer = setTimeout(() => void readMe(), REFRESH_PAUSE_MS);
    };
    addEventListener("message", listen);
    return () => {
      removeEventListener("message", listen);
      clearTimeout(timer);
      void readMe();
      void setFullscreen(false).catch(() => undefined);
    };
  }, []);

  const toggleFull = (): void => {
    setFull(!isFull);
    // Clients without the whole screen still get the whole page.
    void setFullscreen(!isFull).catch(() => undefined);
  };
  if (error !== null) {
    return (
      <div className="space-y-3 pt-4">
        <Empty icon="play" text={t("app.frame.unavailable")} />
        <Failure error={error} onRetry={again} />
      </div>
    );
  }
  return (
    <div
      className={
        isFull
          ? "fixed inset-0 z-40 flex flex-col bg-page pt-(--safe-top) pb-(--safe-bottom)"
          : "-mx-4 flex flex-1 flex-col pb-(--safe-bottom)"
      }
    >
      <div className="flex h-11 items-center gap-1 px-2">
        {isFull && (
          <IconButton label={t("app.back")} onPress={goBack}>
            <Icon name="back" />
          </IconButton>
        )}
        <h1 className="min-w-0 flex-1 truncate px-2 font-semibold">
          {gameName(game.slug, game.title)}
        </h1>
        <IconButton label={t("app.frame.refresh")} onPress={() => void readMe()}>
          <Icon name="refresh" size={20} />
        </IconButton>
        <IconButton
          label={t(isFull ? "app.frame.leave_full" : "app.frame.full")}
          onPress={toggleFull}
        >
          <Icon name={isFull ? "close" : "full"} size={20} />
        </IconButton>
      </div>
      <div className="relative flex-1">
        {!loaded && <div className="skeleton absolute inset-4 rounded-2xl!" />}
        {address !== null && (
          <iframe
            ref={frame}
            src={address}
            title={gameName(game.slug, game.title)}
            onLoad={() => setLoaded(true)}
            sandbox={boxOf(address, location.origin)}
            allow="autoplay; fullscreen"
            referrerPolicy="no-referrer"
            className="absolute inset-0 size-full border-0"
          />
        )}
      </div>
    </div>
  );
}

interface Opened {
  readonly address: string | null;
  readonly error: unknown;
}

const OPENING: Opened = { address: null, error: null };

/** A session of the game in the asset that is chosen now; it stays in that asset while it is open. */
function useSession(slug: string): Opened & { readonly again: () => void } {
  const [opened, setOpened] = useState<Opened>(OPENING);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let isLeft = false;
    setOpened(OPENING);
    const tell = (next: Opened): void => {
      if (!isLeft) setOpened(next);
    };
    api()
      .post<{ url: string }>(`/api/games/${slug}/launch`, { asset: chosenAsset.get() })
      .then(
        ({ url }) => tell({ address: url, error: null }),
        (error: unknown) => tell({ address: null, error }),
      );
    return () => {
      isLeft = true;
    };
  }, [slug, attempt]);
  return { ...opened, again: () => setAttempt((count) => count + 1) };
}

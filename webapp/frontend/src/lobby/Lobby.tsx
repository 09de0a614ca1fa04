// The lobby: what is unfinished, our games, other people's games, and why to believe any of it.
import { useState } from "react";
import { useResource } from "@/api/resource";
import type { GameCard, Lobby as LobbyAnswer, RoundView } from "@/api/types";
import { api, me } from "@/app/account";
import { open } from "@/app/router";
import { useStore } from "@/app/store";
import { IconButton } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { Amount } from "@/design/money";
import { Banner, Card, Empty, Failure, Heading } from "@/design/parts";
import { Cover } from "@/lobby/covers";
import { haptics } from "@/telegram/telegram";
import { find, percentText, t } from "@/texts/texts";

/** The games and what they are called. */
export function useLobby() {
  return useResource<LobbyAnswer>("lobby", () => api().get("/api/lobby"));
}

/** A game's name: ours from the texts, others' as they call themselves. */
export function gameName(slug: string, title?: string | null): string {
  return find(`app.game.${slug}.name`) ?? title ?? slug;
}

export function Lobby() {
  const lobby = useLobby();
  const account = useStore(me);
  const [search, setSearch] = useState<string | null>(null);
  const games = (lobby.data?.games ?? []).filter((game) => matches(game, search));
  const ours = games.filter((game) => game.kind !== "iframe");
  const others = games.filter((game) => game.kind === "iframe");
  const stopped = lobby.data?.stopped ?? [];
  return (
    <div className="pt-4">
      {stopped.includes("bets") && <Banner tone="care">{t("app.lobby.stopped")}</Banner>}
      {(account?.open_rounds ?? []).map((round) => (
        <Continue key={round.round_id} round={round} />
      ))}
      <div className="mt-2 mb-3 flex min-h-11 items-center gap-2">
        {search === null ? (
          <h1 className="flex-1 text-[24px] font-semibold">{t("app.lobby.title")}</h1>
        ) : (
          <input
            autoFocus
            value={search}
            onChange={(event) => setSearch(event.target.value)}
            placeholder={t("app.lobby.search")}
            aria-label={t("app.lobby.search")}
            className="h-11 min-w-0 flex-1 rounded-xl border border-line bg-card px-4 outline-none focus:border-felt"
          />
        )}
        <IconButton
          label={t(search === null ? "app.lobby.search" : "app.close")}
          onPress={() => setSearch(search === null ? "" : null)}
        >
          <Icon name={search === null ? "search" : "close"} />
        </IconButton>
      </div>
      {lobby.error !== null && lobby.data === undefined && (
        <Failure error={lobby.error} onRetry={() => void lobby.reload()} />
      )}
      {lobby.data === undefined && lobby.error === null && <CoverSkeletons />}
      <div className="grid grid-cols-2 gap-3">
        {ours.map((game) => (
          <CoverButton key={game.slug} game={game} stopped={stopped} />
        ))}
      </div>
      {lobby.data !== undefined && games.length === 0 && (
        <Empty icon="search" text={t("app.lobby.nothing_found")} />
      )}
      {others.length > 0 && (
        <>
          <Heading>{t("app.lobby.others")}</Heading>
          <div className="no-bar -mx-4 flex snap-x gap-3 overflow-x-auto px-4">
            {others.map((game) => (
              <div key={game.slug} className="w-32 shrink-0 snap-start">
                <CoverButton game={game} stopped={stopped} />
              </div>
            ))}
          </div>
        </>
      )}
      {search === null && <FairStrip games={lobby.data?.games ?? []} />}
    </div>
  );
}

function matches(game: GameCard, search: string | null): boolean {
  const wanted = (search ?? "").trim().toLocaleLowerCase();
  return gameName(game.slug, game.title).toLocaleLowerCase().includes(wanted);
}

function Continue({ round }: { readonly round: RoundView }) {
  return (
    <button
      type="button"
      onClick={() => {
        haptics.tap();
        open({ screen: "game", slug: round.game });
      }}
      className="press rise mb-3 flex w-full items-center gap-3 rounded-2xl border border-felt bg-felt/10 p-3 text-left"
    >
      <span className="size-12 overflow-hidden rounded-xl">
        <Cover slug={round.game} />
      </span>
      <span className="min-w-0 flex-1">
        <span className="block font-semibold">
          {t("app.lobby.continue", { game: gameName(round.game) })}
        </span>
        <span className="block text-[13px] text-muted">
          {t("app.lobby.continue_stake")} <Amount units={round.stake} asset={round.asset} />
        </span>
      </span>
      <Icon name="next" className="text-felt-text" />
    </button>
  );
}

function CoverButton({
  game,
  stopped,
}: {
  readonly game: GameCard;
  readonly stopped: readonly string[];
}) {
  const isStopped = stopped.includes(`game:${game.slug}`) || stopped.includes(`game.${game.slug}`);
  return (
    <button
      type="button"
      onClick={() => {
        haptics.tap();
        open({ screen: "game", slug: game.slug });
      }}
      className="group press w-full overflow-hidden rounded-2xl border border-line bg-card text-left"
    >
      <Cover slug={game.slug} />
      <span className="block min-h-14 px-3 py-2">
        <span className="block truncate text-[17px] font-semibold">
          {gameName(game.slug, game.title)}
        </span>
        {isStopped ? (
          <span className="text-[13px] text-brass-text">{t("app.lobby.paused")}</span>
        ) : (
          game.rtp_bp != null && (
            <span className="figures text-[13px] whitespace-nowrap text-muted">
              {t("app.lobby.rtp", { rtp: percentText(game.rtp_bp) })}
            </span>
          )
        )}
      </span>
    </button>
  );
}

function CoverSkeletons() {
  return (
    <div role="status" aria-label={t("app.loading")} className="grid grid-cols-2 gap-3">
      <div className="skeleton aspect-[5/7] rounded-2xl!" />
      <div className="skeleton aspect-[5/7] rounded-2xl!" />
    </div>
  );
}

function FairStrip({ games }: { readonly games: readonly GameCard[] }) {
  const own = games.filter((game) => game.rtp_bp != null);
  return (
    <>
      <Heading>{t("app.lobby.why")}</Heading>
      <Card flush>
        <button
          type="button"
          onClick={() => {
            haptics.tap();
            open({ screen: "fairness" });
          }}
          className="press flex w-full items-center gap-3 p-4 text-left"
        >
          <span className="grid size-11 shrink-0 place-items-center rounded-xl bg-felt/15 text-felt-text">
            <Icon name="shieldCheck" />
          </span>
          <span className="flex-1">
            <span className="block font-semibold">{t("app.lobby.how_fair")}</span>
            <span className="block text-[13px] text-muted">{t("app.lobby.how_fair_note")}</span>
          </span>
          <Icon name="next" size={16} className="text-muted" />
        </button>
        {own.length > 0 && (
          <dl className="flex divide-x divide-line border-t border-line">
            {own.map((game) => (
              <div key={game.slug} className="flex-1 px-4 py-2.5">
                <dt className="text-[13px] text-muted">
                  {t("app.lobby.rtp_of", { game: gameName(game.slug) })}
                </dt>
                <dd className="figures text-[17px] font-semibold">{percentText(game.rtp_bp!)}</dd>
              </div>
            ))}
          </dl>
        )}
      </Card>
    </>
  );
}

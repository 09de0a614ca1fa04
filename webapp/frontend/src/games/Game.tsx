// Which page plays a game.
import { Dice } from "@/games/dice/Dice";
import { Frame } from "@/games/frame/Frame";
import { Mines } from "@/games/mines/Mines";
import { useLobby } from "@/lobby/Lobby";
import { Empty, Failure } from "@/design/parts";
import { t } from "@/texts/texts";

export function Game({ slug }: { readonly slug: string }) {
  const lobby = useLobby();
  if (lobby.data === undefined) {
    if (lobby.error !== null) {
      return (
        <div className="pt-4">
          <Failure error={lobby.error} onRetry={() => void lobby.reload()} />
        </div>
      );
    }
    return (
      <div
        role="status"
        aria-label={t("app.loading")}
        className="skeleton mt-4 flex-1 rounded-2xl! mb-4"
      />
    );
  }
  const game = lobby.data.games.find((card) => card.slug === slug);
  if (game === undefined) {
    return (
      <div className="pt-4">
        <Empty icon="play" text={t("app.game.missing")} />
      </div>
    );
  }
  if (slug === "dice") return <Dice game={game} />;
  if (slug === "mines") return <Mines game={game} />;
  return <Frame game={game} />;
}

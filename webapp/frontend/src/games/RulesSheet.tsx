// The rules of a game in a few sentences, with its numbers.
import type { GameCard } from "@/api/types";
import { chosenAsset } from "@/app/account";
import { useStore } from "@/app/store";
import { Amount } from "@/design/money";
import { Fact } from "@/design/parts";
import { Sheet } from "@/design/Sheet";
import { gameName } from "@/lobby/Lobby";
import { percentText, t, type Key } from "@/texts/texts";

export function RulesSheet({
  game,
  onClose,
}: {
  readonly game: GameCard;
  readonly onClose: () => void;
}) {
  const asset = useStore(chosenAsset);
  const range = game.stake[asset];
  return (
    <Sheet title={t("app.rules.title", { game: gameName(game.slug) })} onClose={onClose}>
      {["one", "two", "three"].map((part) => (
        <p key={part} className="mb-3">
          {t(`app.game.${game.slug}.rule_${part}` as Key)}
        </p>
      ))}
      <dl className="border-t border-line pt-2">
        {game.rtp_bp != null && <Fact name={t("app.rules.rtp")}>{percentText(game.rtp_bp)}</Fact>}
        {range !== undefined && (
          <>
            <Fact name={t("app.rules.min")}>
              <Amount units={range.min} asset={asset} />
            </Fact>
            <Fact name={t("app.rules.max")}>
              <Amount units={range.max} asset={asset} />
            </Fact>
          </>
        )}
      </dl>
      <p className="mt-2 text-[13px] text-muted">{t("app.rules.house_edge")}</p>
    </Sheet>
  );
}

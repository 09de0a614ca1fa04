// Mines: open tiles, stop before a mine; the round lives on the server and survives a reload.
import { useEffect, useState } from "react";
import type { GameCard, RoundView } from "@/api/types";
import { refresh } from "@/api/resource";
import { api, me, setCash, setOpenRound } from "@/app/account";
import { useStore } from "@/app/store";
import { Button, IconButton } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { TILES, fractionText, minesMultiplier, scaled } from "@/fairness/games";
import { Controls } from "@/games/mines/Controls";
import { MinesGrid } from "@/games/mines/MinesGrid";
import { tilesOf } from "@/games/mines/tiles";
import { StageProblem, useCommands } from "@/games/pendingBet";
import { ResultChips, useRecent } from "@/games/recent";
import { RulesSheet } from "@/games/RulesSheet";
import { useStake } from "@/games/stake";
import { gameName } from "@/lobby/Lobby";
import { haptics } from "@/telegram/telegram";
import { amountText, multiplierText, t } from "@/texts/texts";

const MINES = "mines:count";

export function Mines({ game }: { readonly game: GameCard }) {
  const account = useStore(me);
  const waiting = account?.open_rounds.find((open) => open.game === "mines") ?? null;
  const [ended, setEnded] = useState<RoundView | null>(null);
  const round = waiting ?? ended;
  const [count, setCount] = useState(() => Number(sessionStorage.getItem(MINES) ?? "3"));
  const [touched, setTouched] = useState<number | null>(null);
  const [rules, setRules] = useState(false);
  const stake = useStake(game);
  const recent = useRecent("mines");
  const commands = useCommands<RoundView>("mines");

  // Another device may have played on: believe the server when the page opens.
  useEffect(() => {
    void api()
      .get<{ rounds: RoundView[] }>("/api/rounds/open")
      .then(({ rounds }) => rounds.filter((open) => open.game === "mines").forEach(setOpenRound))
      .catch(() => undefined);
  }, []);

  const receive = (answer: RoundView): void => {
    setTouched(null);
    setOpenRound(answer);
    if (answer.balance != null) setCash(answer.asset, answer.balance);
    if (answer.status === "open") return;
    setEnded(answer);
    refresh("rounds");
    if (BigInt(answer.payout ?? "0") > 0n) haptics.success();
    else haptics.warning();
  };
  const send = async (path: string, body: Readonly<Record<string, unknown>>): Promise<void> => {
    const answer = await commands.send(path, body);
    if (answer === null) {
      setTouched(null);
      refreshOpen();
    } else {
      receive(answer);
    }
  };
  const start = (): void => {
    if (stake.units === null) return;
    setEnded(null);
    void send("/api/rounds", {
      game: "mines",
      asset: stake.asset,
      stake: stake.units.toString(),
      choice: { mines: count },
    });
  };
  const openTile = (tile: number): void => {
    if (round?.status !== "open" || commands.busy || commands.unanswered) return;
    haptics.tap();
    setTouched(tile);
    void send(`/api/rounds/${round.round_id}/act`, { action: { tile } });
  };
  const cashOut = (): void => {
    if (round?.status === "open") void send(`/api/rounds/${round.round_id}/cash-out`, {});
  };
  const chooseCount = (next: number): void => {
    sessionStorage.setItem(MINES, String(next));
    setCount(next);
    setEnded(null);
  };

  const { opened } = tilesOf(round);
  const isOpen = round?.status === "open";
  const shownMines = isOpen ? Number(round.choice["mines"]) : count;
  return (
    <div className="flex flex-1 flex-col gap-3 pt-2 pb-[calc(var(--safe-bottom)+12px)]">
      <div className="flex items-center gap-2">
        <h1 className="text-[17px] font-semibold">{gameName("mines")}</h1>
        <div className="min-w-0 flex-1">
          <ResultChips
            results={recent.rounds.map((past) => ({
              id: past.round_id,
              text:
                BigInt(past.payout ?? "0") > 0n && past.multiplier !== null
                  ? multiplierText(
                      fractionText({ n: BigInt(past.multiplier.n), d: BigInt(past.multiplier.d) }),
                    )
                  : t("app.mines.hit"),
              won: BigInt(past.payout ?? "0") > 0n,
            }))}
          />
        </div>
        <IconButton label={t("app.rules.open")} onPress={() => setRules(true)}>
          <Icon name="info" />
        </IconButton>
      </div>
      <div className="relative flex flex-1 flex-col items-center gap-2">
        <StageProblem commands={commands} onAnswer={receive} />
        <MinesGrid
          round={round}
          touched={touched}
          disabled={!isOpen || commands.busy}
          onOpen={openTile}
        />
        <p role="status" aria-live="polite" className="figures min-h-6 text-center">
          <Outcome round={round} />
        </p>
      </div>
      {isOpen ? (
        <OpenRound
          round={round}
          busy={commands.busy || commands.unanswered}
          opened={opened.length}
          onCashOut={cashOut}
        />
      ) : (
        <Controls
          stake={stake}
          mines={shownMines}
          busy={commands.busy}
          blocked={commands.unanswered}
          onMines={chooseCount}
          onStart={start}
        />
      )}
      {rules && <RulesSheet game={game} onClose={() => setRules(false)} />}
    </div>
  );
}

function OpenRound({
  round,
  busy,
  opened,
  onCashOut,
}: {
  readonly round: RoundView;
  readonly busy: boolean;
  readonly opened: number;
  readonly onCashOut: () => void;
}) {
  const mines = Number(round.choice["mines"]);
  const safe = TILES - mines - opened;
  const next = opened + 1 <= TILES - mines ? minesMultiplier(mines, opened + 1) : null;
  return (
    <div className="space-y-3">
      <dl className="figures grid grid-cols-3 divide-x divide-line rounded-xl border border-line bg-card">
        <Cell
          name={t("app.mines.safe_left")}
          text={t("app.mines.of", { part: safe, whole: TILES - opened })}
        />
        <Cell
          name={t("app.mines.now")}
          text={multiplierText(fractionText(minesMultiplier(mines, opened)))}
        />
        <Cell
          name={t("app.mines.next")}
          text={next === null ? "—" : multiplierText(fractionText(next))}
          note={next === null ? "" : amountText(scaled(BigInt(round.stake), next), round.asset, 4)}
        />
      </dl>
      <Button wide busy={busy} disabled={opened === 0} onPress={onCashOut}>
        {opened === 0
          ? t("app.mines.open_first")
          : t("app.mines.cash_out", {
              amount: amountText(BigInt(round.cash_out_units ?? "0"), round.asset),
            })}
      </Button>
    </div>
  );
}

function Cell({
  name,
  text,
  note,
}: {
  readonly name: string;
  readonly text: string;
  readonly note?: string;
}) {
  return (
    <div className="min-h-16 px-3 py-1.5">
      <dt className="truncate text-[13px] text-muted">{name}</dt>
      <dd className="text-[17px] leading-tight font-semibold">{text}</dd>
      {note !== undefined && <dd className="truncate text-[13px] text-muted">{note}</dd>}
    </div>
  );
}

function Outcome({ round }: { readonly round: RoundView | null }) {
  if (round === null) return <span className="text-muted">{t("app.mines.invite")}</span>;
  if (round.status === "open") {
    return (
      <span className="text-muted">
        {t("app.mines.playing", {
          stake: amountText(BigInt(round.stake), round.asset),
          count: Number(round.choice["mines"]),
        })}
      </span>
    );
  }
  if (round.status === "void")
    return <span className="text-brass-text">{t("app.result.void")}</span>;
  const payout = BigInt(round.payout ?? "0");
  if (payout === 0n) return <span className="text-muted">{t("app.mines.lost")}</span>;
  return (
    <span className="pop inline-block font-semibold text-brass-text">
      {t("app.result.paid", { amount: amountText(payout, round.asset) })}
    </span>
  );
}

function refreshOpen(): void {
  void api()
    .get<{ rounds: RoundView[] }>("/api/rounds/open")
    .then(({ rounds }) =>
      me.update((account) => (account === null ? null : { ...account, open_rounds: rounds })),
    )
    .catch(() => undefined);
}

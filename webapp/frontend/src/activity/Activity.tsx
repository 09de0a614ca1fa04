// Everything that happened, newest first: rounds, deposits and withdrawals in one list.
import { useEffect, useState } from "react";
import { errorText } from "@/api/errors";
import { useResource } from "@/api/resource";
import type { Movement, RoundRow } from "@/api/types";
import { api } from "@/app/account";
import { open } from "@/app/router";
import { Button } from "@/design/Button";
import { Amount } from "@/design/money";
import {
  Empty,
  Failure,
  Heading,
  IconTile,
  Row,
  Rows,
  Segments,
  SkeletonRows,
} from "@/design/parts";
import { showProblem } from "@/design/toast";
import {
  forgetOlder,
  readOlderMovements,
  readOlderRounds,
  unique,
  useMovementsEnded,
  useOlderMovements,
  useOlderRounds,
} from "@/activity/pages";
import { outcomeText } from "@/games/outcome";
import { Cover } from "@/lobby/covers";
import { gameName } from "@/lobby/Lobby";
import { dayText, t, timeText } from "@/texts/texts";
import { MovementRow } from "@/wallet/MovementRow";
import { useMovements } from "@/wallet/Wallet";

type Filter = "all" | "rounds" | "deposit" | "withdrawal";
type Line =
  | { kind: "round"; at: string; round: RoundRow }
  | { kind: "movement"; at: string; movement: Movement };

const PAGE = 20;

export function Activity() {
  const [filter, setFilter] = useState<Filter>("all");
  const [busy, setBusy] = useState(false);
  const rounds = useResource<{ rounds: RoundRow[] }>("rounds:newest", () =>
    api().get(`/api/rounds?limit=${PAGE}`),
  );
  const movements = useMovements();
  const olderRounds = useOlderRounds();
  const olderMoved = useOlderMovements();
  const movedEnded = useMovementsEnded();
  useEffect(forgetOlder, []);

  const allRounds = unique(
    [...(rounds.data?.rounds ?? []), ...olderRounds.rows],
    (one) => one.round_id,
  );
  const allMoved = unique([...(movements.data?.movements ?? []), ...olderMoved], (one) => one.id);
  const moreRounds = !olderRounds.ended && (rounds.data?.rounds.length ?? 0) >= PAGE;
  const moreMoved = !movedEnded && (movements.data?.movements.length ?? 0) >= PAGE;
  const lines = merged(filter, allRounds, allMoved, { rounds: moreRounds, moved: moreMoved });
  const loading = rounds.data === undefined || movements.data === undefined;
  const error = rounds.error ?? movements.error;
  const more =
    (filter !== "deposit" && filter !== "withdrawal" && moreRounds) ||
    (filter !== "rounds" && moreMoved);

  const readMore = async (): Promise<void> => {
    setBusy(true);
    try {
      const lastRound = allRounds.at(-1);
      const lastMoved = allMoved.at(-1);
      await Promise.all([
        filter !== "deposit" && filter !== "withdrawal" && moreRounds && lastRound !== undefined
          ? readOlderRounds(lastRound.round_id)
          : null,
        filter !== "rounds" && moreMoved && lastMoved !== undefined
          ? readOlderMovements(lastMoved.id)
          : null,
      ]);
    } catch (problem) {
      showProblem(errorText(problem));
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className="pt-4">
      <h1 className="mb-3 text-[24px] font-semibold">{t("app.activity.title")}</h1>
      <Segments
        label={t("app.activity.filter")}
        value={filter}
        onChange={setFilter}
        options={[
          { value: "all", label: t("app.activity.all") },
          { value: "rounds", label: t("app.activity.rounds") },
          { value: "deposit", label: t("app.activity.deposits") },
          { value: "withdrawal", label: t("app.activity.withdrawals") },
        ]}
      />
      {loading && error === null && (
        <div className="mt-4">
          <SkeletonRows count={6} />
        </div>
      )}
      {loading && error !== null && (
        <div className="mt-4">
          <Failure
            error={error}
            onRetry={() => {
              void rounds.reload();
              void movements.reload();
            }}
          />
        </div>
      )}
      {!loading && lines.length === 0 && (
        <div className="mt-4">
          <Empty
            icon="activity"
            text={t(
              filter === "all" || filter === "rounds"
                ? "app.activity.empty_rounds"
                : "app.activity.empty_money",
            )}
            action={
              filter === "all" || filter === "rounds" ? (
                <Button small onPress={() => open({ screen: "play" })}>
                  {t("app.activity.go_play")}
                </Button>
              ) : undefined
            }
          />
        </div>
      )}
      {byDay(lines).map(([day, group]) => (
        <section key={day}>
          <Heading>{day}</Heading>
          <Rows>
            {group.map((line) =>
              line.kind === "round" ? (
                <RoundLine key={line.round.round_id} round={line.round} />
              ) : (
                <MovementRow key={line.movement.id} movement={line.movement} />
              ),
            )}
          </Rows>
        </section>
      ))}
      {!loading && more && (
        <div className="mt-4">
          <Button wide small weight="quiet" busy={busy} onPress={() => void readMore()}>
            {t("app.activity.more")}
          </Button>
        </div>
      )}
    </div>
  );
}

function RoundLine({ round }: { readonly round: RoundRow }) {
  const payout = BigInt(round.payout ?? "0");
  const isOpen = round.status === "open";
  return (
    <Row
      icon={
        round.game === "dice" || round.game === "mines" ? (
          <span className="size-10 shrink-0 overflow-hidden rounded-xl">
            <Cover slug={round.game} />
          </span>
        ) : (
          <IconTile name="play" />
        )
      }
      title={gameName(round.game)}
      note={round.status === "void" ? t("app.result.void") : outcomeText(round)}
      side={
        isOpen ? (
          <Amount units={`-${round.stake}`} asset={round.asset} shown={4} />
        ) : (
          <span className={payout > BigInt(round.stake) ? "text-felt-text" : ""}>
            <Amount units={payout - BigInt(round.stake)} asset={round.asset} shown={4} sign />
          </span>
        )
      }
      sideNote={timeText(timeOf(round))}
      onPress={() =>
        isOpen
          ? open({ screen: "game", slug: round.game })
          : open({ screen: "round", id: round.round_id })
      }
    />
  );
}

function timeOf(round: RoundRow): string {
  return round.settled_at ?? round.opened_at ?? new Date(0).toISOString();
}

/** Both lists by time; nothing older than what one of them may still hold back. */
function merged(
  filter: Filter,
  rounds: readonly RoundRow[],
  moved: readonly Movement[],
  more: { rounds: boolean; moved: boolean },
): Line[] {
  const roundLines: Line[] = rounds.map((round) => ({
    kind: "round",
    at: round.opened_at ?? timeOf(round),
    round,
  }));
  const movedLines: Line[] = moved.map((movement) => ({
    kind: "movement",
    at: movement.at,
    movement,
  }));
  if (filter === "rounds") return roundLines;
  if (filter !== "all")
    return movedLines.filter((line) => line.kind === "movement" && line.movement.kind === filter);
  const horizon = [
    more.rounds ? roundLines.at(-1)?.at : undefined,
    more.moved ? movedLines.at(-1)?.at : undefined,
  ]
    .filter((at) => at !== undefined)
    .sort()
    .at(-1);
  return [...roundLines, ...movedLines]
    .filter((line) => horizon === undefined || line.at >= horizon)
    .sort((a, b) => (a.at < b.at ? 1 : -1));
}

function byDay(lines: readonly Line[]): [string, Line[]][] {
  const days = new Map<string, Line[]>();
  for (const line of lines) {
    const day = dayText(line.at);
    days.set(day, [...(days.get(day) ?? []), line]);
  }
  return [...days];
}

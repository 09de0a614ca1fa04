// The field of mines: twenty-five tiles that turn over, by tap or by keyboard.
import type { RoundView } from "@/api/types";
import { tilesOf } from "@/games/mines/tiles";
import { t } from "@/texts/texts";

export function MinesGrid({
  round,
  touched,
  disabled,
  onOpen,
}: {
  readonly round: RoundView | null;
  readonly touched: number | null;
  readonly disabled: boolean;
  readonly onOpen: (tile: number) => void;
}) {
  const { opened, mines } = tilesOf(round);
  return (
    <div
      role="group"
      aria-label={t("app.mines.field")}
      className="grid aspect-square w-[min(100%,calc(100dvh-388px-var(--safe-top)-var(--safe-bottom)))] max-w-100 min-w-61 grid-cols-5 grid-rows-5 gap-1.5"
    >
      {Array.from({ length: 25 }, (_, tile) => (
        <Tile
          key={tile}
          number={tile + 1}
          isOpened={opened.includes(tile)}
          isMine={mines.includes(tile)}
          isTouched={touched === tile}
          isOver={mines.length > 0}
          isIdle={round === null}
          disabled={disabled || opened.includes(tile)}
          onOpen={() => onOpen(tile)}
        />
      ))}
    </div>
  );
}

interface TileProps {
  readonly number: number;
  readonly isOpened: boolean;
  readonly isMine: boolean;
  readonly isTouched: boolean;
  readonly isOver: boolean;
  readonly isIdle: boolean;
  readonly disabled: boolean;
  readonly onOpen: () => void;
}

function Tile({
  number,
  isOpened,
  isMine,
  isTouched,
  isOver,
  isIdle,
  disabled,
  onOpen,
}: TileProps) {
  const state =
    isOpened && isMine ? "hit" : isOpened ? "safe" : isMine ? "mine" : isOver ? "missed" : "closed";
  const looks = {
    hit: "flip border-coral bg-coral/25 text-coral-text",
    safe: "flip border-felt bg-felt/20 text-felt-text",
    mine: "border-line bg-card text-muted",
    missed: "border-line bg-card text-muted/30",
    closed: isIdle ? "border-line bg-raised opacity-70" : "border-line bg-raised",
  } as const;
  return (
    <button
      type="button"
      disabled={disabled}
      onClick={onOpen}
      aria-label={t(`app.mines.tile_${state}`, { number })}
      className={`press grid place-items-center rounded-xl border ${looks[state]} ${isTouched ? "animate-pulse border-felt" : ""}`}
    >
      {(state === "safe" || state === "missed") && <Gem />}
      {(state === "hit" || state === "mine") && <Bomb />}
    </button>
  );
}

function Gem() {
  return (
    <svg viewBox="0 0 24 24" className="w-[52%]" aria-hidden="true" fill="currentColor">
      <path d="M7 4h10l4 5.5L12 21 3 9.5 7 4Z" opacity="0.35" />
      <path d="M7 4h10l4 5.5H3L7 4Zm5 17L8 9.5h8L12 21Z" />
    </svg>
  );
}

function Bomb() {
  return (
    <svg
      viewBox="0 0 24 24"
      className="w-[58%]"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
    >
      <circle cx="12" cy="12" r="5" fill="currentColor" />
      <path d="M12 3.5v3M12 17.5v3M3.5 12h3M17.5 12h3M6 6l2 2M16 16l2 2M6 18l2-2M16 8l2-2" />
    </svg>
  );
}

// Covers of our own games: one bold shape on a two-tone ground, drawn here.
import type { ReactNode } from "react";

function Ground({
  low,
  high,
  children,
}: {
  readonly low: string;
  readonly high: string;
  readonly children: ReactNode;
}) {
  return (
    <svg
      viewBox="0 0 160 160"
      className="block w-full"
      aria-hidden="true"
      preserveAspectRatio="xMidYMid slice"
    >
      <rect width="160" height="160" fill={low} />
      <path d="M0 160 160 34V160Z" fill={high} />
      {children}
    </svg>
  );
}

/** A die on its corner, three of its faces in sight. */
export function DiceCover() {
  const pips: readonly [number, number][] = [
    [80, 52],
    [58, 42],
    [102, 42],
    [80, 32],
    [80, 62],
  ];
  return (
    <Ground low="#0f5f45" high="#14785a">
      <g className="origin-center transition-transform duration-200 group-active:-rotate-6">
        <path d="M80 20 130 46 80 73 30 46Z" fill="#f3fbf7" />
        <path d="M30 46 80 73V134L30 106Z" fill="#bfe3d4" />
        <path d="M130 46 80 73V134L130 106Z" fill="#8fcbb4" />
        {pips.map(([x, y]) => (
          <ellipse key={`${x}:${y}`} cx={x} cy={y - 1} rx="6.5" ry="3.6" fill="#0e1513" />
        ))}
        <ellipse cx="44" cy="72" rx="4.5" ry="6.5" fill="#0e1513" transform="rotate(-12 44 72)" />
        <ellipse cx="66" cy="113" rx="4.5" ry="6.5" fill="#0e1513" transform="rotate(-12 66 113)" />
        <ellipse cx="105" cy="92" rx="4.5" ry="6.5" fill="#0e1513" transform="rotate(12 105 92)" />
      </g>
    </Ground>
  );
}

/** A grid of tiles, one opened on a gem and one on a mine. */
export function MinesCover() {
  const tiles = Array.from(
    { length: 9 },
    (_, index) => [index % 3, Math.floor(index / 3)] as const,
  );
  return (
    <Ground low="#3a2f6b" high="#4a3d86">
      <g className="origin-center transition-transform duration-200 group-active:scale-95">
        {tiles.map(([x, y]) => (
          <rect
            key={`${x}${y}`}
            x={29 + x * 35}
            y={29 + y * 35}
            width="31"
            height="31"
            rx="8"
            fill={x === 1 && y === 1 ? "#1d1638" : "#9d90e0"}
            opacity={x === 2 && y === 0 ? 0.25 : 1}
          />
        ))}
        <path d="M132 36l8 9-14 16-14-16 8-9Z" transform="translate(-11.5 -3.5)" fill="#5ce0ae" />
        <circle cx="79.5" cy="82" r="9" fill="#f0616d" />
        <path
          d="M79.5 66v5M79.5 93v5M64 82h5M90 82h5M69 71.5l3 3M87 89.5l3 3M69 92.5l3-3M87 74.5l3-3"
          stroke="#f0616d"
          strokeWidth="3"
          strokeLinecap="round"
        />
      </g>
    </Ground>
  );
}

/** A game of somebody else, before its own picture is known. */
export function FrameCover() {
  return (
    <Ground low="#5c4410" high="#7a5b18">
      <rect x="30" y="48" width="100" height="64" rx="14" fill="#f7e6bd" />
      <path d="M63 48v64M97 48v64" stroke="#7a5b18" strokeWidth="4" />
      <path
        d="M46.5 68l6 12-6 12-6-12ZM80 68l6 12-6 12-6-12ZM113.5 68l6 12-6 12-6-12Z"
        fill="#5c4410"
      />
    </Ground>
  );
}

/** The cover of a game by its name. */
export function Cover({ slug }: { readonly slug: string }) {
  if (slug === "dice") return <DiceCover />;
  if (slug === "mines") return <MinesCover />;
  return <FrameCover />;
}

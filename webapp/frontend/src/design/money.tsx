// Amounts and assets as they look: digits that do not jump, the unit always beside them.
import { amountText, unitsText } from "@/texts/texts";

/** An amount with its unit; `shown` decimals are a rounded-down short form. */
export function Amount({
  units,
  asset,
  shown,
  sign = false,
}: {
  readonly units: bigint | string;
  readonly asset: string;
  readonly shown?: number;
  readonly sign?: boolean;
}) {
  const whole = BigInt(units);
  const plus = sign && whole > 0n ? "+" : "";
  return (
    <span className="figures font-semibold whitespace-nowrap" title={amountText(whole, asset)}>
      {plus}
      {unitsText(whole, asset, shown)}
      <span className="ml-1 font-normal text-muted">{asset}</span>
    </span>
  );
}

const ASSET_LOOKS: Record<string, { ground: string; shape: string }> = {
  TON: { ground: "#1c6f9f", shape: "M7 8.5h10L12 17.5 7 8.5Zm5 0v9" },
  USDT: { ground: "#14775a", shape: "M7 8h10M12 8v9.5M7.5 11.5c0 1.2 9 1.2 9 0s-9-1.2-9 0Z" },
  BTC: {
    ground: "#a05a10",
    shape:
      "M9.5 7v10M9.5 7h3.8a2.3 2.3 0 0 1 0 4.7H9.5h4.3a2.6 2.6 0 0 1 0 5.3H9.5M11.5 5.5V7m0 10v1.5",
  },
};

// Where an asset is at home it needs no badge.
const NETWORK_LOOKS: Record<string, { home: string; ground: string; shape: string }> = {
  ton: { home: "TON", ground: "#1c6f9f", shape: ASSET_LOOKS["TON"]!.shape },
  ethereum: { home: "ETH", ground: "#5b5fa8", shape: "M12 5.5 7.5 12l4.5 6.5 4.5-6.5Z" },
  bitcoin: { home: "BTC", ground: "#a05a10", shape: ASSET_LOOKS["BTC"]!.shape },
};

/** Our own sign for an asset; on a network that is not its own, with that network's badge. */
export function AssetIcon({
  asset,
  network,
  size = 40,
}: {
  readonly asset: string;
  readonly network?: string;
  readonly size?: number;
}) {
  const look = ASSET_LOOKS[asset] ?? { ground: "#4a5a55", shape: "M8 12h8" };
  const badge = network === undefined ? undefined : NETWORK_LOOKS[network];
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" className="shrink-0">
      <circle cx="12" cy="12" r="12" fill={look.ground} />
      <Strokes shape={look.shape} />
      {badge !== undefined && badge.home !== asset && (
        <g transform="translate(13.5 13.5) scale(0.44)">
          <circle cx="12" cy="12" r="14.5" className="fill-card" />
          <circle cx="12" cy="12" r="12" fill={badge.ground} />
          <Strokes shape={badge.shape} width={2.2} />
        </g>
      )}
    </svg>
  );
}

function Strokes({ shape, width = 1.6 }: { readonly shape: string; readonly width?: number }) {
  return (
    <path
      d={shape}
      fill="none"
      stroke="#fff"
      strokeWidth={width}
      strokeLinejoin="round"
      strokeLinecap="round"
    />
  );
}

// The ways for money to come and go, and the choice among them.
import { useResource } from "@/api/resource";
import type { Rail } from "@/api/types";
import { api } from "@/app/account";
import { AssetIcon } from "@/design/money";
import { find, t } from "@/texts/texts";
import { haptics } from "@/telegram/telegram";

export function useRails() {
  return useResource<{ rails: Rail[] }>("rails", () => api().get("/api/cashier"));
}

/** Asset and network of a rail as people call them. */
export function railName(rail: Pick<Rail, "rail" | "asset">): string {
  return find(`rail.${rail.rail}`) ?? rail.asset;
}

/** What is sent and where, above everything that is said about it. */
export function RailLine({
  rail,
  asset,
  network,
  note,
}: Pick<Rail, "rail" | "asset" | "network"> & { readonly note: string }) {
  return (
    <div className="flex items-center gap-3">
      <AssetIcon asset={asset} network={network} size={36} />
      <p className="min-w-0">
        <span className="block font-semibold">{railName({ rail, asset })}</span>
        <span className="block text-[13px] text-muted">{note}</span>
      </p>
    </div>
  );
}

/** A network as people call it. */
export function networkName(network: string): string {
  return find(`network.${network}`) ?? network;
}

/** The rails as large choices; those that are off say so. */
export function RailChoice({
  rails,
  chosen,
  isOn,
  onChoose,
}: {
  readonly rails: readonly Rail[];
  readonly chosen: string | null;
  readonly isOn: (rail: Rail) => boolean;
  readonly onChoose: (rail: string) => void;
}) {
  return (
    <div role="radiogroup" aria-label={t("app.rail.choose")} className="grid grid-cols-2 gap-2">
      {rails.map((rail) => (
        <button
          key={rail.rail}
          type="button"
          role="radio"
          aria-checked={rail.rail === chosen}
          disabled={!isOn(rail)}
          onClick={() => {
            haptics.select();
            onChoose(rail.rail);
          }}
          className={`press flex min-h-14 items-center gap-2.5 rounded-xl border px-3 py-2 text-left disabled:opacity-60 ${
            rail.rail === chosen ? "border-felt bg-felt/10" : "border-line bg-card"
          }`}
        >
          <AssetIcon asset={rail.asset} network={rail.network} size={32} />
          <span className="min-w-0">
            <span className="block font-semibold">{rail.asset}</span>
            <span className="block text-[13px] leading-tight break-words text-muted">
              {networkName(rail.network)}
              {!isOn(rail) && <span className="block">{t("app.rail.off")}</span>}
            </span>
          </span>
        </button>
      ))}
    </div>
  );
}

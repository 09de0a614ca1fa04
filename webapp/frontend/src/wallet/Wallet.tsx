// The wallet: what the player has, how it comes and goes, and the latest of both.
import { useResource } from "@/api/resource";
import type { Movement } from "@/api/types";
import { api, me } from "@/app/account";
import { open } from "@/app/router";
import { useStore } from "@/app/store";
import { Button } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { Amount, AssetIcon } from "@/design/money";
import { Banner, Empty, Failure, Heading, Rows, SkeletonRows } from "@/design/parts";
import { useRails } from "@/wallet/rails";
import { MovementRow } from "@/wallet/MovementRow";
import { amountText, t } from "@/texts/texts";

const SHOWN = 5;

/** Deposits and withdrawals, newest first. */
export function useMovements() {
  return useResource<{ movements: Movement[] }>("movements:newest", () =>
    api().get("/api/cashier/movements?limit=20"),
  );
}

export function Wallet() {
  const account = useStore(me);
  const movements = useMovements();
  const rails = useRails();
  const stopped = account?.stopped ?? [];
  const list = movements.data?.movements ?? [];
  return (
    <div className="pt-4">
      <h1 className="mb-3 text-[24px] font-semibold">{t("app.wallet.title")}</h1>
      <div className="space-y-3">
        {(account?.balances ?? []).map((balance) => (
          <article key={balance.asset} className="rounded-2xl border border-line bg-card p-4">
            <div className="flex items-center gap-3">
              <AssetIcon asset={balance.asset} />
              <div className="min-w-0 flex-1">
                <p className="text-[20px] leading-tight">
                  <Amount units={balance.cash} asset={balance.asset} />
                </p>
                <p className="figures text-[13px] text-muted">
                  {t("app.wallet.withdrawable", {
                    amount: amountText(BigInt(balance.withdrawable), balance.asset),
                  })}
                </p>
              </div>
            </div>
            <Extra
              name={t("app.balance.not_final")}
              units={balance.not_final}
              asset={balance.asset}
            />
            <Extra name={t("app.balance.bonus")} units={balance.bonus} asset={balance.asset} />
            <Extra
              name={t("app.balance.reserved")}
              units={balance.reserved}
              asset={balance.asset}
            />
            <Extra name={t("app.balance.held")} units={balance.held} asset={balance.asset} />
          </article>
        ))}
      </div>
      <div className="mt-4 grid grid-cols-2 gap-3">
        <Button onPress={() => open({ screen: "deposit" })}>
          <Icon name="down" /> {t("app.deposit")}
        </Button>
        <Button weight="quiet" onPress={() => open({ screen: "withdraw" })}>
          <Icon name="up" /> {t("app.withdraw")}
        </Button>
      </div>
      <div className="mt-1">
        <Button small weight="plain" onPress={() => open({ screen: "addresses" })}>
          <Icon name="paper" size={18} /> {t("app.book.open")}
        </Button>
      </div>
      <div className="mt-3 space-y-3 empty:hidden">
        {stopped.includes("deposits") && (
          <Banner tone="care">{t("app.wallet.deposits_stopped")}</Banner>
        )}
        {stopped.includes("withdrawals") && (
          <Banner tone="care">{t("app.wallet.withdrawals_stopped")}</Banner>
        )}
        {rails.data === undefined && rails.error !== null && (
          <Failure error={rails.error} onRetry={() => void rails.reload()} />
        )}
      </div>
      <Heading
        action={
          list.length > 0 && (
            <button
              type="button"
              className="press min-h-11 px-2 text-[15px] text-felt-text"
              onClick={() => open({ screen: "activity" })}
            >
              {t("app.wallet.all")}
            </button>
          )
        }
      >
        {t("app.wallet.latest")}
      </Heading>
      {movements.data === undefined && movements.error === null && <SkeletonRows count={3} />}
      {movements.data === undefined && movements.error !== null && (
        <Failure error={movements.error} onRetry={() => void movements.reload()} />
      )}
      {movements.data !== undefined && list.length === 0 && (
        <Empty icon="wallet" text={t("app.wallet.empty")} />
      )}
      {list.length > 0 && (
        <Rows>
          {list.slice(0, SHOWN).map((movement) => (
            <MovementRow key={movement.id} movement={movement} />
          ))}
        </Rows>
      )}
    </div>
  );
}

function Extra({
  name,
  units,
  asset,
}: {
  readonly name: string;
  readonly units: string;
  readonly asset: string;
}) {
  if (BigInt(units) === 0n) return null;
  return (
    <p className="mt-2 flex justify-between border-t border-line pt-2 text-[15px]">
      <span className="text-muted">{name}</span>
      <Amount units={units} asset={asset} />
    </p>
  );
}

// A deposit: choose how, then the address and its comment, ways to send, and what has arrived.
import { lazy, Suspense, useEffect, useState } from "react";
import { refresh, useResource } from "@/api/resource";
import type { Instruction } from "@/api/types";
import { errorText } from "@/api/errors";
import { api, chosenAsset, readMe } from "@/app/account";
import { Button } from "@/design/Button";
import { CopyLine } from "@/design/Copy";
import { Icon } from "@/design/Icon";
import { Banner, Card, Empty, Failure, Fact, Heading, Rows, SkeletonRows } from "@/design/parts";
import { WayOut } from "@/games/pendingBet";
import { amountText, t } from "@/texts/texts";
import { AddressText } from "@/wallet/Address";
import { MovementRow } from "@/wallet/MovementRow";
import { isMoving } from "@/wallet/movements";
import { Qr } from "@/wallet/Qr";
import { RailChoice, RailLine, railName, useRails } from "@/wallet/rails";
import { useMovements } from "@/wallet/Wallet";

const SendSheet = lazy(() => import("@/wallet/SendSheet").then((m) => ({ default: m.SendSheet })));
const LOOK_EVERY_MS = 8_000;

export function Deposit({ first }: { readonly first?: string }) {
  const rails = useRails();
  const offered = (rails.data?.rails ?? []).filter((rail) => rail.deposit.offered);
  const [chosen, setChosen] = useState<string | null>(first ?? null);
  const usable = offered.filter((rail) => rail.deposit.enabled);
  const wanted = chosenAsset.get();
  const rail = chosen ?? (usable.find((one) => one.asset === wanted) ?? usable[0])?.rail ?? null;
  return (
    <div className="space-y-4 pt-4 pb-[calc(var(--safe-bottom)+24px)]">
      <h1 className="text-[24px] font-semibold">{t("app.deposit.title")}</h1>
      {rails.data === undefined && rails.error === null && <SkeletonRows count={3} />}
      {rails.data === undefined && rails.error !== null && (
        <Failure error={rails.error} onRetry={() => void rails.reload()} />
      )}
      {offered.length > 0 && (
        <RailChoice
          rails={offered}
          chosen={rail}
          isOn={(one) => one.deposit.enabled}
          onChoose={setChosen}
        />
      )}
      {rails.data !== undefined && rail === null && (
        <Empty icon="pause" text={t("app.deposit.none")} />
      )}
      {rail !== null && <Address key={rail} rail={rail} />}
      <Arrivals />
    </div>
  );
}

function Address({ rail }: { readonly rail: string }) {
  const shown = useResource<Instruction>(`instruction:${rail}`, () =>
    api().post("/api/cashier/deposit", { rail }),
  );
  const [sending, setSending] = useState(false);
  if (shown.data === undefined) {
    if (shown.error === null) return <SkeletonRows count={4} />;
    return (
      <Banner tone="care" action={<WayOut problem={shown.error} />}>
        {errorText(shown.error)}
      </Banner>
    );
  }
  const { address, tag, asset, minimum, uri, token } = shown.data;
  const confirmations = shown.data.confirmations_text;
  if (address === null || address === "") {
    return <Banner>{confirmations ?? t("app.deposit.no_address")}</Banner>;
  }
  return (
    <>
      <Banner tone="care">
        {tag === null
          ? t("app.deposit.own_needed", { rail: railName({ rail, asset }) })
          : t("app.deposit.comment_needed", { rail: railName({ rail, asset }), tag })}
      </Banner>
      <Card flush>
        <div className="border-b border-line px-4 py-3">
          <RailLine
            rail={rail}
            asset={asset}
            network={shown.data.network}
            note={t(tag === null ? "app.deposit.is_own" : "app.deposit.is_shared")}
          />
        </div>
        <div className="flex flex-col items-center gap-3 border-b border-line px-4 py-5">
          <Qr
            text={uri ?? address}
            label={t(tag === null ? "app.deposit.qr_own" : "app.deposit.qr")}
          />
          <p className="text-center text-[13px] text-muted">
            {t(tag === null ? "app.deposit.scan_own" : "app.deposit.scan", { asset })}
          </p>
        </div>
        <div className="divide-y divide-line">
          <CopyLine
            name={t("app.deposit.address")}
            text={address}
            shown={<AddressText text={address} />}
          />
          {tag !== null && <CopyLine name={t("app.deposit.comment")} text={tag} />}
          {token !== null && <CopyLine name={t("app.deposit.token")} text={token} />}
        </div>
      </Card>
      {shown.data.network === "ton" && (
        <Button wide onPress={() => setSending(true)}>
          <Icon name="link" /> {t("app.deposit.send")}
        </Button>
      )}
      <dl>
        <Fact name={t("app.deposit.minimum")}>{amountText(BigInt(minimum), asset)}</Fact>
      </dl>
      {confirmations !== null && <p className="text-[13px] text-muted">{confirmations}</p>}
      {sending && (
        <Suspense fallback={null}>
          <SendSheet instruction={{ ...shown.data, address }} onClose={() => setSending(false)} />
        </Suspense>
      )}
    </>
  );
}

/** What has been seen on the chain: the list is pushed, and looked at besides. */
function Arrivals() {
  const movements = useMovements();
  useEffect(() => {
    const timer = setInterval(() => {
      refresh("movements");
      void readMe();
    }, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const deposits = (movements.data?.movements ?? [])
    .filter((one) => one.kind === "deposit")
    .slice(0, 3);
  return (
    <section aria-live="polite">
      <Heading>{t("app.deposit.arrivals")}</Heading>
      {deposits.length === 0 ? (
        <div className="flex items-center gap-3 rounded-2xl border border-dashed border-line px-4 py-4 text-muted">
          <span className="size-2.5 shrink-0 animate-pulse rounded-full bg-felt" />
          {t("app.deposit.waiting")}
        </div>
      ) : (
        <Rows>
          {deposits.map((deposit) => (
            <MovementRow key={deposit.id} movement={deposit} />
          ))}
        </Rows>
      )}
      {deposits.some(isMoving) && (
        <p className="mt-2 text-[13px] text-muted">{t("app.deposit.moving")}</p>
      )}
    </section>
  );
}

// The balance, always in sight: tap it for all assets; the way to a deposit beside it.
import { useState } from "react";
import { balanceOf, chosenAsset, me } from "@/app/account";
import { goBack, isTab, open, place } from "@/app/router";
import { useStore } from "@/app/store";
import { Button, IconButton } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { Amount, AssetIcon } from "@/design/money";
import { Fact, Row, Rows } from "@/design/parts";
import { Sheet } from "@/design/Sheet";
import { hasBackButton } from "@/telegram/telegram";
import { amountText, t } from "@/texts/texts";

export function Header() {
  const [isOpen, setOpen] = useState(false);
  const account = useStore(me);
  const asset = useStore(chosenAsset);
  const { route, depth } = useStore(place);
  const balance = balanceOf(account, asset);
  const atRoot = isTab(route) && depth === 0;
  const busyWithMoney = route.screen === "deposit" || route.screen === "withdraw";
  return (
    <header className="sticky top-0 z-30 border-b border-line bg-page pt-(--safe-top)">
      <div className="flex h-13 items-center gap-1 px-2">
        {!atRoot && !hasBackButton() && (
          <IconButton label={t("app.back")} onPress={goBack}>
            <Icon name="back" />
          </IconButton>
        )}
        <button
          type="button"
          aria-haspopup="dialog"
          aria-label={t("app.balance_label", { amount: amountText(BigInt(balance.cash), asset) })}
          onClick={() => setOpen(true)}
          className="press flex min-h-11 min-w-0 items-center gap-2 rounded-xl px-2"
        >
          <AssetIcon asset={asset} size={26} />
          <span className="truncate text-[17px]" aria-live="polite">
            <Amount units={balance.cash} asset={asset} shown={4} />
          </span>
          {(atRoot || hasBackButton()) && (
            <Icon name="next" size={14} className="rotate-90 text-muted" />
          )}
        </button>
        <span className="flex-1" />
        {!busyWithMoney && (
          <Button
            small
            weight={route.screen === "game" ? "quiet" : "primary"}
            onPress={() => open({ screen: "deposit" })}
          >
            {t("app.deposit")}
          </Button>
        )}
      </div>
      {isOpen && <BalanceSheet onClose={() => setOpen(false)} />}
    </header>
  );
}

function BalanceSheet({ onClose }: { readonly onClose: () => void }) {
  const account = useStore(me);
  const asset = useStore(chosenAsset);
  const shown = balanceOf(account, asset);
  const assets = (account?.balances ?? []).map((balance) => balance.asset);
  return (
    <Sheet title={t("app.balance.title")} onClose={onClose}>
      <p className="mb-2 text-[13px] text-muted">{t("app.balance.choose")}</p>
      <Rows>
        {assets.map((each) => (
          <Row
            key={each}
            icon={<AssetIcon asset={each} />}
            title={each}
            note={t(each === asset ? "app.balance.playing" : "app.balance.switch")}
            side={<Amount units={balanceOf(account, each).cash} asset={each} />}
            onPress={() => {
              chosenAsset.set(each);
              onClose();
            }}
          />
        ))}
      </Rows>
      <dl className="mt-4">
        <Fact name={t("app.balance.withdrawable")}>
          <Amount units={shown.withdrawable} asset={asset} />
        </Fact>
        {BigInt(shown.not_final) > 0n && (
          <Fact name={t("app.balance.not_final")}>
            <Amount units={shown.not_final} asset={asset} />
          </Fact>
        )}
        <Fact name={t("app.balance.bonus")}>
          <Amount units={shown.bonus} asset={asset} />
        </Fact>
        <Fact name={t("app.balance.reserved")}>
          <Amount units={shown.reserved} asset={asset} />
        </Fact>
        <Fact name={t("app.balance.held")}>
          <Amount units={shown.held} asset={asset} />
        </Fact>
      </dl>
      <p className="mt-2 text-[13px] text-muted">{t("app.balance.explained")}</p>
    </Sheet>
  );
}

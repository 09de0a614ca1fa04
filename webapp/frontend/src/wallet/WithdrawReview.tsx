// The last look before a withdrawal: the amount, and the address in groups that eyes can compare.
import { useEffect, useRef, useState, type ReactNode } from "react";
import type { Quote, Rail } from "@/api/types";
import { ActionBar } from "@/design/ActionBar";
import { Button } from "@/design/Button";
import { Amount } from "@/design/money";
import { Banner, Card, Fact } from "@/design/parts";
import { CopyButton } from "@/design/Copy";
import { useBackButton } from "@/telegram/telegram";
import { amountText, t } from "@/texts/texts";
import { AddressGrid } from "@/wallet/Address";
import { clockText } from "@/wallet/countdown";
import { useSecondsLeft } from "@/wallet/quotes";
import { RailLine } from "@/wallet/rails";

export function WithdrawReview({
  rail,
  units,
  quote,
  until,
  refused,
  destination,
  label,
  memo,
  busy,
  blocked,
  failed,
  problem,
  onConfirm,
  onRequote,
  onEdit,
}: {
  readonly rail: Rail;
  readonly units: bigint;
  readonly quote: Quote;
  /** When the quote runs out by this phone's clock. */
  readonly until: number;
  /** Whether the server said that it has run out already. */
  readonly refused: boolean;
  readonly destination: string;
  /** The player's own name for the address. */
  readonly label: string | null;
  readonly memo: string;
  readonly busy: boolean;
  readonly blocked: boolean;
  /** Whether there is a problem to be seen. */
  readonly failed: boolean;
  readonly problem: ReactNode;
  readonly onConfirm: () => void;
  readonly onRequote: () => Promise<void>;
  readonly onEdit: () => void;
}) {
  const { asset } = rail;
  const top = useRef<HTMLHeadingElement>(null);
  const stopped = blocked || (!refused && failed);
  useEffect(() => {
    if (stopped) top.current?.scrollIntoView({ block: "center" });
  }, [stopped]);
  const left = useSecondsLeft(until);
  const [asking, setAsking] = useState(false);
  const expired = (refused || left === 0) && !blocked;
  useBackButton(busy || blocked ? null : onEdit);
  const requote = (): void => {
    setAsking(true);
    void onRequote().finally(() => setAsking(false));
  };
  return (
    <div className="flex flex-1 flex-col gap-4 pt-4 pb-[calc(var(--safe-bottom)+16px)]">
      <h1 ref={top} className="text-[24px] font-semibold">
        {t("app.review.title")}
      </h1>
      {!refused && problem}
      <p className="text-muted">{t("app.review.compare")}</p>
      <Card>
        <div className="mb-3 border-b border-line pb-3">
          <RailLine
            rail={rail.rail}
            asset={asset}
            network={rail.network}
            note={t("app.review.sent_over")}
          />
        </div>
        <div className="mb-2 flex min-h-11 items-center justify-between gap-2">
          <p className="min-w-0 truncate text-[13px] text-muted">
            {label ?? t("app.withdraw.destination")}
          </p>
          <CopyButton label={t("app.address.copy")} text={destination} />
        </div>
        <AddressGrid text={destination} />
      </Card>
      <Card>
        <dl>
          <Fact name={t("app.review.leaves")}>
            <Amount units={units} asset={asset} />
          </Fact>
          <Fact name={t("app.review.fee")}>
            <Amount units={quote.fee} asset={asset} />
          </Fact>
          <Fact name={t("app.review.arrives")}>
            <span className="text-[17px]">
              <Amount units={quote.net} asset={asset} />
            </span>
          </Fact>
          {!expired && (
            <Fact name={t("app.review.holds")}>
              <span role="timer" className={left < 60 ? "text-brass-text" : ""}>
                {clockText(left)}
              </span>
            </Fact>
          )}
          {memo !== "" && <Fact name={t("app.withdraw.memo")}>{memo}</Fact>}
        </dl>
      </Card>
      {expired ? (
        <Banner
          tone="care"
          action={
            <Button small weight="quiet" busy={asking} onPress={requote}>
              {t("app.review.requote")}
            </Button>
          }
        >
          {t("app.review.expired")}
        </Banner>
      ) : (
        <Banner>{t("app.review.final")}</Banner>
      )}
      <div className="flex-1" />
      <Button wide small weight="plain" disabled={busy} onPress={onEdit}>
        {t("app.review.change")}
      </Button>
      <ActionBar
        text={t("app.review.confirm", { amount: amountText(BigInt(quote.net), asset) })}
        busy={busy}
        disabled={blocked || expired}
        onPress={onConfirm}
      />
    </div>
  );
}

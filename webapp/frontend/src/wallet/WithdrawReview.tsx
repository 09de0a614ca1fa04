// The last look before a withdrawal: the amount, and the address in groups that eyes can compare.
import type { ReactNode } from "react";
import type { Quote } from "@/api/types";
import { ActionBar } from "@/design/ActionBar";
import { Button } from "@/design/Button";
import { Amount } from "@/design/money";
import { Banner, Card, Fact } from "@/design/parts";
import { amountText, t } from "@/texts/texts";
import { chunked } from "@/wallet/tonAddress";

export function WithdrawReview({
  asset,
  units,
  quote,
  destination,
  memo,
  busy,
  blocked,
  problem,
  onConfirm,
  onEdit,
}: {
  readonly asset: string;
  readonly units: bigint;
  readonly quote: Quote;
  readonly destination: string;
  readonly memo: string;
  readonly busy: boolean;
  readonly blocked: boolean;
  readonly problem: ReactNode;
  readonly onConfirm: () => void;
  readonly onEdit: () => void;
}) {
  const groups = chunked(destination);
  return (
    <div className="flex flex-1 flex-col gap-4 pt-4 pb-[calc(var(--safe-bottom)+16px)]">
      <h1 className="text-[24px] font-semibold">{t("app.review.title")}</h1>
      <p className="text-muted">{t("app.review.compare")}</p>
      <Card>
        <p className="mb-2 text-[13px] text-muted">{t("app.withdraw.destination")}</p>
        <p
          aria-label={destination}
          className="grid grid-cols-4 gap-x-2 gap-y-1.5 text-center font-mono text-[17px]"
        >
          {groups.map((group, index) => {
            const isEnd = index < 2 || index >= groups.length - 2;
            return (
              <span
                key={`${index}:${group}`}
                className={`rounded-lg py-1 ${isEnd ? "bg-felt/15 font-semibold text-felt-text" : "bg-raised"}`}
              >
                {group}
              </span>
            );
          })}
        </p>
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
          {memo !== "" && <Fact name={t("app.withdraw.memo")}>{memo}</Fact>}
        </dl>
      </Card>
      <Banner>{t("app.review.final")}</Banner>
      {problem}
      <div className="flex-1" />
      <Button wide small weight="plain" disabled={busy} onPress={onEdit}>
        {t("app.review.change")}
      </Button>
      <ActionBar
        text={t("app.review.confirm", { amount: amountText(BigInt(quote.net), asset) })}
        busy={busy}
        disabled={blocked}
        onPress={onConfirm}
      />
    </div>
  );
}

// One round in full: what was played, what came of it, and its proof.
import { useResource } from "@/api/resource";
import type { RoundDetail } from "@/api/types";
import { api } from "@/app/account";
import { open } from "@/app/router";
import { Button } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { Failure, SkeletonRows } from "@/design/parts";
import { RoundProof } from "@/fairness/RoundProof";
import { gameName } from "@/lobby/Lobby";
import { saveFile } from "@/telegram/telegram";
import { t } from "@/texts/texts";

function saveReceipt(round: RoundDetail): Promise<void> {
  const name = `fairhouse-receipt-${round.round_id}.json`;
  return saveFile(`/receipts/${round.round_id}/${round.receipt_hash}`, name);
}

export function RoundPage({ id }: { readonly id: string }) {
  const round = useResource<RoundDetail>(`rounds:one:${id}`, () => api().get(`/api/rounds/${id}`));
  return (
    <div className="space-y-4 pt-4 pb-[calc(var(--safe-bottom)+24px)]">
      <h1 className="text-[24px] font-semibold">
        {round.data === undefined ? t("app.proof.title") : gameName(round.data.game)}
      </h1>
      {round.data === undefined && round.error === null && <SkeletonRows count={6} />}
      {round.data === undefined && round.error !== null && (
        <Failure error={round.error} onRetry={() => void round.reload()} />
      )}
      {round.data !== undefined && (
        <>
          <RoundProof round={round.data} />
          {Boolean(round.data.receipt_hash) && (
            <>
              <Button wide small weight="plain" onPress={() => void saveReceipt(round.data!)}>
                <Icon name="down" size={18} /> {t("app.receipt.download")}
              </Button>
              <p className="text-[13px] text-muted">{t("app.receipt.about")}</p>
            </>
          )}
          <Button wide small weight="plain" onPress={() => open({ screen: "support", about: id })}>
            <Icon name="chat" size={18} /> {t("app.movement.ask")}
          </Button>
        </>
      )}
    </div>
  );
}

// The proof of one round in a sheet: what decided it, and the same arithmetic done here.
import { useResource } from "@/api/resource";
import type { RoundDetail } from "@/api/types";
import { api } from "@/app/account";
import { Failure, SkeletonRows } from "@/design/parts";
import { Sheet } from "@/design/Sheet";
import { RoundProof } from "@/fairness/RoundProof";
import { t } from "@/texts/texts";

export function ProofSheet({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const round = useResource<RoundDetail>(`rounds:one:${id}`, () => api().get(`/api/rounds/${id}`));
  return (
    <Sheet title={t("app.proof.title")} onClose={onClose}>
      {round.data !== undefined ? (
        <RoundProof round={round.data} />
      ) : round.error === null ? (
        <SkeletonRows count={4} />
      ) : (
        <Failure error={round.error} onRetry={() => void round.reload()} />
      )}
    </Sheet>
  );
}

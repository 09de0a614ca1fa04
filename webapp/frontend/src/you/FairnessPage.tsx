// Fairness: what is committed to now, a client seed of one's own, and the secrets already revealed.
import { useState } from "react";
import { errorText } from "@/api/errors";
import { refresh, useResource } from "@/api/resource";
import type { Fairness, RevealedPair } from "@/api/types";
import { api } from "@/app/account";
import { open } from "@/app/router";
import { Button } from "@/design/Button";
import { CopyLine } from "@/design/Copy";
import { Icon } from "@/design/Icon";
import { Banner, Empty, Failure, Field, Heading, SkeletonRows } from "@/design/parts";
import { Sheet } from "@/design/Sheet";
import { commitmentOf } from "@/fairness/stream";
import { momentText, t } from "@/texts/texts";

const SEED_MAX = 64;

export function FairnessPage() {
  const now = useResource<Fairness>("fairness:now", () => api().get("/api/fairness"));
  const past = useResource<{ revealed: RevealedPair[] }>("fairness:revealed", () =>
    api().get("/api/fairness/revealed"),
  );
  const [changing, setChanging] = useState(false);
  const revealed = past.data?.revealed ?? [];
  return (
    <div className="space-y-4 pt-4 pb-[calc(var(--safe-bottom)+24px)]">
      <h1 className="text-[24px] font-semibold">{t("app.fairness.title")}</h1>
      <ol className="space-y-2">
        {(
          ["app.fairness.step_one", "app.fairness.step_two", "app.fairness.step_three"] as const
        ).map((key, index) => (
          <li key={key} className="flex gap-3">
            <span className="figures grid size-6 shrink-0 place-items-center rounded-full bg-felt/15 text-[13px] font-semibold text-felt-text">
              {index + 1}
            </span>
            <span>{t(key)}</span>
          </li>
        ))}
      </ol>
      {now.data === undefined && now.error === null && <SkeletonRows count={4} />}
      {now.data === undefined && now.error !== null && (
        <Failure error={now.error} onRetry={() => void now.reload()} />
      )}
      {now.data !== undefined && (
        <>
          <div className="divide-y divide-line overflow-hidden rounded-2xl border border-line bg-card">
            <CopyLine name={t("app.fairness.commitment")} text={now.data.commitment} />
            <CopyLine name={t("app.fairness.next_commitment")} text={now.data.next_commitment} />
            <CopyLine name={t("app.proof.client_seed")} text={now.data.client_seed} />
            <CopyLine name={t("app.fairness.nonce")} text={String(now.data.nonce)} />
          </div>
          {now.data.open_round !== null && (
            <Banner tone="care">{t("app.fairness.open_round")}</Banner>
          )}
          <Button wide disabled={now.data.open_round !== null} onPress={() => setChanging(true)}>
            <Icon name="refresh" /> {t("app.fairness.rotate")}
          </Button>
        </>
      )}
      <Heading>{t("app.fairness.revealed")}</Heading>
      {past.data !== undefined && revealed.length === 0 && (
        <Empty icon="shield" text={t("app.fairness.none_revealed")} />
      )}
      {revealed.map((pair) => (
        <Revealed key={pair.pair_id} pair={pair} />
      ))}
      <Button wide small weight="quiet" onPress={() => open({ screen: "verifier" })}>
        <Icon name="shieldCheck" size={18} /> {t("app.you.verifier")}
      </Button>
      {changing && <Rotate onClose={() => setChanging(false)} />}
    </div>
  );
}

function Revealed({ pair }: { readonly pair: RevealedPair }) {
  const holds = commitmentOf(pair.server_seed) === pair.commitment;
  return (
    <div className="divide-y divide-line overflow-hidden rounded-2xl border border-line bg-card">
      <p className="figures flex items-center justify-between gap-3 px-4 py-2.5">
        <span>
          {t("app.fairness.rounds", { count: pair.rounds })}
          {pair.revealed_at !== undefined && (
            <span className="block text-[13px] text-muted">{momentText(pair.revealed_at)}</span>
          )}
        </span>
        <span
          className={`flex items-center gap-1.5 text-[13px] font-semibold ${holds ? "text-felt-text" : "text-coral-text"}`}
        >
          <Icon name={holds ? "shieldCheck" : "alert"} size={18} />
          {t(holds ? "app.fairness.kept" : "app.fairness.broken")}
        </span>
      </p>
      <CopyLine name={t("app.proof.server_seed")} text={pair.server_seed} />
      <CopyLine name={t("app.proof.client_seed")} text={pair.client_seed} />
    </div>
  );
}

function Rotate({ onClose }: { readonly onClose: () => void }) {
  const [seed, setSeed] = useState(randomSeed);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const rotate = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await api().command("rotate", "/api/fairness/rotate", { client_seed: seed.trim() });
      refresh("fairness");
      refresh("rounds");
      onClose();
    } catch (error) {
      setProblem(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Sheet title={t("app.fairness.rotate")} onClose={onClose}>
      <div className="space-y-4">
        <p>{t("app.fairness.rotate_text")}</p>
        <Field
          label={t("app.fairness.your_seed")}
          value={seed}
          onChange={setSeed}
          maxLength={SEED_MAX}
          note={t("app.fairness.your_seed_note")}
          side={
            <Button small weight="plain" onPress={() => setSeed(randomSeed())}>
              {t("app.fairness.another")}
            </Button>
          }
        />
        {problem !== null && <Banner tone="bad">{problem}</Banner>}
        <Button wide busy={busy} disabled={seed.trim() === ""} onPress={() => void rotate()}>
          {t("app.fairness.rotate_yes")}
        </Button>
      </div>
    </Sheet>
  );
}

function randomSeed(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

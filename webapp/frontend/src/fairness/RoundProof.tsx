// Everything that decided a round, and its recomputation in this browser.
import { useEffect, useRef, useState } from "react";
import type { FractionJson, RoundDetail, RevealedPair } from "@/api/types";
import { errorText } from "@/api/errors";
import { refresh, remember } from "@/api/resource";
import { api } from "@/app/account";
import { Button } from "@/design/Button";
import { CopyLine } from "@/design/Copy";
import { Icon } from "@/design/Icon";
import { Amount } from "@/design/money";
import { Banner, Fact } from "@/design/parts";
import { fractionText } from "@/fairness/games";
import { verify, type Check, type Verdict } from "@/fairness/verify";
import { momentText, multiplierText, t, type Key } from "@/texts/texts";
import { gameName } from "@/lobby/Lobby";
import { outcomeText } from "@/games/outcome";

/** A fraction of the server as text with two decimals, rounded down. */
export function multiplierOf(fraction: FractionJson | null | undefined): string | null {
  if (fraction == null) return null;
  return multiplierText(fractionText({ n: BigInt(fraction.n), d: BigInt(fraction.d) }));
}

export function RoundProof({ round }: { readonly round: RoundDetail }) {
  const { seed } = round;
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const reveal = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await api().command<{ revealed: RevealedPair }>("rotate", "/api/fairness/rotate", {});
      refresh("fairness");
      const now = await api().get<RoundDetail>(`/api/rounds/${round.round_id}`);
      remember(`rounds:one:${round.round_id}`, now);
      setVerdict(verify(now));
    } catch (error) {
      setProblem(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  const isRevealed = Boolean(seed.server_seed);
  return (
    <div className="space-y-4">
      <dl>
        <Fact name={t("app.proof.game")}>{gameName(round.game)}</Fact>
        <Fact name={t("app.proof.stake")}>
          <Amount units={round.stake} asset={round.asset} />
        </Fact>
        {round.payout !== null && (
          <Fact name={t("app.proof.payout")}>
            <Amount units={round.payout} asset={round.asset} />
          </Fact>
        )}
        {multiplierOf(round.multiplier) !== null && (
          <Fact name={t("app.proof.multiplier")}>{multiplierOf(round.multiplier)}</Fact>
        )}
        <Fact name={t("app.proof.outcome")}>{outcomeText(round)}</Fact>
        {round.settled_at !== null && (
          <Fact name={t("app.proof.time")}>{momentText(round.settled_at)}</Fact>
        )}
      </dl>
      <div className="divide-y divide-line overflow-hidden rounded-2xl border border-line bg-card">
        <CopyLine name={t("app.proof.commitment")} text={seed.commitment} />
        <CopyLine name={t("app.proof.client_seed")} text={seed.client_seed} />
        <CopyLine name={t("app.proof.nonce")} text={String(seed.nonce)} />
        {isRevealed && <CopyLine name={t("app.proof.server_seed")} text={seed.server_seed!} />}
        <CopyLine name={t("app.proof.round_id")} text={round.round_id} wrap={false} />
      </div>
      {problem !== null && <Banner tone="bad">{problem}</Banner>}
      {verdict !== null && <VerdictBox verdict={verdict} />}
      {isRevealed ? (
        <Button wide onPress={() => setVerdict(verify(round))}>
          <Icon name="shieldCheck" /> {t("app.proof.verify")}
        </Button>
      ) : round.status === "open" ? (
        <Banner>{t("app.proof.open")}</Banner>
      ) : (
        <>
          <p className="text-[13px] text-muted">{t("app.proof.hidden")}</p>
          <Button wide busy={busy} weight="quiet" onPress={() => void reveal()}>
            <Icon name="refresh" /> {t("app.proof.reveal")}
          </Button>
        </>
      )}
    </div>
  );
}

/** What the recomputation found, line by line. */
export function VerdictBox({ verdict }: { readonly verdict: Verdict }) {
  const box = useRef<HTMLDivElement>(null);
  // It appears below a long list: whoever asked for it should not have to look for it.
  useEffect(() => {
    box.current?.scrollIntoView({ block: "nearest" });
  }, [verdict]);
  return (
    <div
      ref={box}
      role="status"
      className={`scroll-my-4 rise rounded-2xl border p-4 ${verdict.ok ? "border-felt bg-felt/10" : "border-coral bg-coral/10"}`}
    >
      <p
        className={`flex items-center gap-2 text-[17px] font-semibold ${verdict.ok ? "text-felt-text" : "text-coral-text"}`}
      >
        <Icon name={verdict.ok ? "shieldCheck" : "alert"} />
        {t(verdict.ok ? "app.verdict.ok" : "app.verdict.bad")}
      </p>
      <ul className="mt-2 space-y-1.5 text-[13px]">
        {verdict.checks.map((check) => (
          <li key={check.name} className="flex gap-2">
            <Icon
              name={check.ok ? "check" : "close"}
              size={16}
              className={`mt-0.5 ${check.ok ? "text-felt-text" : "text-coral-text"}`}
            />
            <span className="figures min-w-0 break-words">
              {t(wordsFor(check), { found: check.found, told: check.told })}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function wordsFor(check: Check): Key {
  if (check.name === "payout" && !check.ok) return "app.verdict.payout_wrong";
  return `app.verdict.${check.name}`;
}

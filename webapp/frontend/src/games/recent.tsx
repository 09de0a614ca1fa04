// The last results of a game as a row of chips; each opens its proof.
import { useState } from "react";
import type { RoundRow } from "@/api/types";
import { useResource } from "@/api/resource";
import { api } from "@/app/account";
import { ProofSheet } from "@/games/ProofSheet";
import { haptics } from "@/telegram/telegram";
import { t } from "@/texts/texts";

const SHOWN = 12;

export interface Result {
  readonly id: string;
  readonly text: string;
  readonly won: boolean;
}

/** The latest finished rounds of one game, newest first. */
export function useRecent(game: string): { rounds: RoundRow[]; reload: () => Promise<void> } {
  const shown = useResource<{ rounds: RoundRow[] }>(`rounds:recent:${game}`, () =>
    api().get("/api/rounds?limit=30"),
  );
  const rounds = (shown.data?.rounds ?? []).filter(
    (round) => round.game === game && round.status !== "open",
  );
  return { rounds: rounds.slice(0, SHOWN), reload: shown.reload };
}

export function ResultChips({ results }: { readonly results: readonly Result[] }) {
  const [proof, setProof] = useState<string | null>(null);
  return (
    <div
      className="no-bar -mx-4 flex min-h-11 items-center gap-1.5 overflow-x-auto px-4"
      aria-label={t("app.recent")}
      role="list"
    >
      {results.map((result, index) => (
        <span key={result.id} role="listitem" className={`shrink-0 ${index === 0 ? "pop" : ""}`}>
          <button
            type="button"
            onClick={() => {
              haptics.select();
              setProof(result.id);
            }}
            aria-label={t(result.won ? "app.recent.won" : "app.recent.lost", {
              result: result.text,
            })}
            className="press flex h-11 items-center"
          >
            <span
              className={`figures flex h-8 items-center gap-1 rounded-lg border px-2 text-[13px] ${
                result.won
                  ? "border-felt/60 bg-felt/15 font-semibold text-felt-text"
                  : "border-line bg-card text-muted"
              }`}
            >
              <span aria-hidden="true">{result.won ? "▲" : "·"}</span>
              {result.text}
            </span>
          </button>
        </span>
      ))}
      {results.length === 0 && <p className="text-[13px] text-muted">{t("app.recent.none")}</p>}
      {proof !== null && <ProofSheet id={proof} onClose={() => setProof(null)} />}
    </div>
  );
}

// Recompute any round from its seeds, here, without asking anybody.
import { useState } from "react";
import { Field, Segments, Chip, Banner, Card } from "@/design/parts";
import { diceRoll, minesTiles } from "@/fairness/games";
import { commitmentOf, type Seeds } from "@/fairness/stream";
import { CopyLine } from "@/design/Copy";
import { rollText } from "@/games/outcome";
import { gameName } from "@/lobby/Lobby";
import { t } from "@/texts/texts";

type Which = "dice" | "mines";

export function VerifierPage() {
  const [game, setGame] = useState<Which>("dice");
  const [serverSeed, setServerSeed] = useState("");
  const [clientSeed, setClientSeed] = useState("");
  const [nonce, setNonce] = useState("0");
  const [mines, setMines] = useState(3);
  const isNonce = /^\d{1,10}$/.test(nonce);
  const complete = serverSeed.trim() !== "" && clientSeed !== "" && isNonce;
  const seeds: Seeds = { serverSeed: serverSeed.trim(), clientSeed, nonce: Number(nonce) };
  return (
    <div className="space-y-4 pt-4 pb-[calc(var(--safe-bottom)+24px)]">
      <h1 className="text-[24px] font-semibold">{t("app.verifier.title")}</h1>
      <p className="text-muted">{t("app.verifier.text")}</p>
      <Segments
        label={t("app.proof.game")}
        value={game}
        onChange={setGame}
        options={[
          { value: "dice", label: gameName("dice") },
          { value: "mines", label: gameName("mines") },
        ]}
      />
      <Field
        label={t("app.proof.server_seed")}
        value={serverSeed}
        onChange={setServerSeed}
        maxLength={128}
      />
      <Field
        label={t("app.proof.client_seed")}
        value={clientSeed}
        onChange={setClientSeed}
        maxLength={128}
      />
      <Field
        label={t("app.proof.nonce")}
        value={nonce}
        onChange={setNonce}
        inputMode="numeric"
        maxLength={10}
        problem={isNonce ? null : t("app.verifier.bad_nonce")}
      />
      {game === "mines" && (
        <div className="flex flex-wrap gap-1.5" role="group" aria-label={t("app.mines.count")}>
          {Array.from({ length: 24 }, (_, index) => index + 1).map((count) => (
            <Chip key={count} pressed={count === mines} onPress={() => setMines(count)}>
              {count}
            </Chip>
          ))}
        </div>
      )}
      {!complete && <Banner>{t("app.verifier.fill")}</Banner>}
      {complete && (
        <div role="status" className="space-y-3">
          <Card>
            <p className="mb-2 text-[13px] text-muted">{t("app.verifier.result")}</p>
            {game === "dice" ? (
              <p className="figures text-[32px] font-semibold">{rollText(diceRoll(seeds))}</p>
            ) : (
              <Field25 mines={minesTiles(seeds, mines)} />
            )}
          </Card>
          <div className="overflow-hidden rounded-2xl border border-line bg-card">
            <CopyLine name={t("app.verifier.commitment")} text={commitmentOf(seeds.serverSeed)} />
          </div>
        </div>
      )}
    </div>
  );
}

function Field25({ mines }: { readonly mines: readonly number[] }) {
  return (
    <>
      <p className="figures mb-3">{mines.map((tile) => tile + 1).join(", ")}</p>
      <div aria-hidden="true" className="grid max-w-52 grid-cols-5 gap-1">
        {Array.from({ length: 25 }, (_, tile) => (
          <span
            key={tile}
            className={`grid aspect-square place-items-center rounded-lg text-[13px] ${
              mines.includes(tile)
                ? "bg-coral/25 font-semibold text-coral-text"
                : "bg-raised text-muted"
            }`}
          >
            {tile + 1}
          </span>
        ))}
      </div>
    </>
  );
}

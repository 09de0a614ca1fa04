// Before any play: age and the terms, agreed to knowingly.
import { useState } from "react";
import { api, readMe } from "@/app/account";
import { errorText } from "@/api/errors";
import type { Me } from "@/api/types";
import { Button } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { Banner, Segments } from "@/design/parts";
import { Sheet } from "@/design/Sheet";
import { useStore } from "@/app/store";
import { language, speak, t, type Language } from "@/texts/texts";
import { TermsText } from "@/you/TermsText";

export function Consent({ account }: { readonly account: Me }) {
  const [ofAge, setOfAge] = useState(false);
  const [agreed, setAgreed] = useState(false);
  const [reading, setReading] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const spoken = useStore(language);
  const accept = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await api().post("/api/me/terms", {
        terms_version: account.player.terms_version,
        of_age: true,
      });
      await readMe();
    } catch (error) {
      setProblem(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  const choose = async (wanted: Language): Promise<void> => {
    await speak(wanted);
    await api().post("/api/me/language", { language: wanted });
    await readMe();
  };
  return (
    <main className="mx-auto flex min-h-dvh max-w-(--column) flex-col gap-5 px-4 pt-[calc(var(--safe-top)+24px)] pb-[calc(var(--safe-bottom)+16px)]">
      <div className="flex items-center gap-3">
        <span className="grid size-14 place-items-center rounded-2xl bg-felt text-on-felt">
          <Icon name="shieldCheck" size={30} />
        </span>
        <div>
          <h1 className="text-[24px] leading-tight font-semibold">
            {t("app.consent.title", { name: account.player.first_name })}
          </h1>
          <p className="text-muted">{t("app.consent.subtitle")}</p>
        </div>
      </div>
      <ul className="space-y-3">
        {(["app.consent.fair", "app.consent.money", "app.consent.care"] as const).map((key) => (
          <li key={key} className="flex gap-3">
            <Icon name="check" size={20} className="mt-0.5 text-felt-text" />
            <span>{t(key)}</span>
          </li>
        ))}
      </ul>
      <Segments
        label={t("app.language")}
        value={spoken}
        onChange={(wanted) => void choose(wanted)}
        options={[
          { value: "en", label: "English" },
          { value: "ru", label: "Русский" },
        ]}
      />
      <div className="flex-1" />
      <div className="overflow-hidden rounded-2xl border border-line bg-card">
        <Check label={t("app.consent.age")} on={ofAge} onChange={setOfAge} />
        <div className="border-t border-line" />
        <Check label={t("app.consent.terms")} on={agreed} onChange={setAgreed} />
        <button
          type="button"
          className="press min-h-11 w-full border-t border-line px-4 text-left text-felt-text"
          onClick={() => setReading(true)}
        >
          {t("app.consent.read")}
        </button>
      </div>
      {problem !== null && <Banner tone="bad">{problem}</Banner>}
      <Button wide disabled={!ofAge || !agreed} busy={busy} onPress={() => void accept()}>
        {t("app.consent.enter")}
      </Button>
      {reading && (
        <Sheet title={t("app.terms.title")} onClose={() => setReading(false)}>
          <TermsText version={account.player.terms_version} />
        </Sheet>
      )}
    </main>
  );
}

function Check({
  label,
  on,
  onChange,
}: {
  readonly label: string;
  readonly on: boolean;
  readonly onChange: (on: boolean) => void;
}) {
  return (
    <label className="flex min-h-14 cursor-pointer items-center gap-3 px-4 py-2">
      <input
        type="checkbox"
        checked={on}
        onChange={(event) => onChange(event.target.checked)}
        className="size-6 shrink-0 accent-felt"
      />
      <span>{label}</span>
    </label>
  );
}

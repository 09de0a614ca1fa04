// The terms, to be read again at any time.
import { me } from "@/app/account";
import { useStore } from "@/app/store";
import { TermsText } from "@/you/TermsText";
import { t } from "@/texts/texts";

export function Terms() {
  const version = useStore(me)?.player.terms_version ?? "";
  return (
    <div className="space-y-4 pt-4 pb-[calc(var(--safe-bottom)+24px)]">
      <h1 className="text-[24px] font-semibold">{t("app.terms.title")}</h1>
      <TermsText version={version} />
    </div>
  );
}

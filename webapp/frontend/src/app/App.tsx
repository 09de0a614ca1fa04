// What stands between the person and the house: outside, starting, refused, consent, or the shell.
import { useEffect } from "react";
import { me, readMe, standing } from "@/app/account";
import { Consent } from "@/app/Consent";
import { ErrorBoundary } from "@/app/ErrorBoundary";
import { Shell } from "@/app/Shell";
import { Outside, Refused, Starting, Unreached } from "@/app/thresholds";
import { useStore } from "@/app/store";
import { language, pickLanguage, speak } from "@/texts/texts";

/** The whole page. A new language draws everything anew. */
export function App({ insideTelegram }: { readonly insideTelegram: boolean }) {
  const spoken = useStore(language);
  return <ErrorBoundary key={spoken}>{insideTelegram ? <Inside /> : <Outside />}</ErrorBoundary>;
}

function Inside() {
  const now = useStore(standing);
  const account = useStore(me);
  const chosen = account?.player.language;
  useEffect(() => {
    if (chosen !== undefined && pickLanguage(chosen) !== language.get())
      void speak(pickLanguage(chosen));
  }, [chosen]);
  if (now === "refused") return <Refused />;
  if (now === "unreachable") return <Unreached onRetry={() => void readMe()} />;
  if (account === null) return <Starting />;
  if (!account.player.consented) return <Consent account={account} />;
  return <Shell />;
}

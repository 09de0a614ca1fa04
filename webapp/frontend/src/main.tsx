// The first lines that run: Telegram, language, then the page.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "@/app/App";
import { startAccount } from "@/app/account";
import { startRouter } from "@/app/router";
import "@/index.css";
import { launch } from "@/telegram/telegram";
import { pickLanguage, speak } from "@/texts/texts";
import { loadPreferences } from "@/you/preferences";

async function start(): Promise<void> {
  loadPreferences();
  const found = launch();
  const asked = new URLSearchParams(location.search).get("screen") ?? found?.startParam;
  startRouter(asked);
  await speak(pickLanguage(found?.language ?? navigator.language));
  createRoot(document.getElementById("root")!).render(
    <StrictMode>
      <App insideTelegram={found !== null} />
    </StrictMode>,
  );
  if (found !== null) await startAccount(found);
}

void start();

// The Telegram client around the page: launch data, theme, safe areas, haptics, links, closing.
import {
  AccessDeniedError,
  backButton,
  closingBehavior,
  downloadFile,
  hapticFeedback,
  init,
  miniApp,
  openLink,
  openTelegramLink,
  retrieveLaunchParams,
  retrieveRawInitData,
  setTargetOrigin,
  swipeBehavior,
  themeParams,
  viewport,
} from "@tma.js/sdk-react";
import { useEffect, useRef } from "react";
import { preferences } from "@/you/preferences";

export interface Launch {
  /** What the server checks; nothing in it is believed here. */
  readonly initData: string;
  readonly language: string | undefined;
  readonly startParam: string | undefined;
  readonly device: string;
}

/** Wake the SDK and read the launch, or null when the page is not inside Telegram. */
export function launch(): Launch | null {
  trustParent();
  try {
    const params = retrieveLaunchParams();
    const initData = retrieveRawInitData();
    if (initData === undefined || initData === "") return null;
    init();
    dress();
    const data = params.tgWebAppData;
    return {
      initData,
      language: data?.user?.language_code,
      startParam: data?.start_param ?? params.tgWebAppStartParam,
      device: `Telegram ${params.tgWebAppPlatform} ${params.tgWebAppVersion}`,
    };
  } catch {
    return null;
  }
}

/** The page may speak to a host other than Telegram's own only when our server named it. */
function trustParent(): void {
  const meta = document.querySelector<HTMLMetaElement>("meta[name=tma-parent-origin]");
  if (meta?.content) setTargetOrigin(meta.content);
}

function dress(): void {
  themeParams.mount();
  themeParams.bindCssVars();
  miniApp.mount.ifAvailable();
  miniApp.setHeaderColor.ifAvailable("bg_color");
  miniApp.setBgColor.ifAvailable("bg_color");
  const shade = (): void => {
    document.documentElement.dataset["theme"] = miniApp.isDark() ? "dark" : "light";
  };
  shade();
  miniApp.isDark.sub(shade);
  backButton.mount.ifAvailable();
  closingBehavior.mount.ifAvailable();
  swipeBehavior.mount.ifAvailable();
  void fitViewport();
  miniApp.ready.ifAvailable();
}

async function fitViewport(): Promise<void> {
  try {
    await viewport.mount({ timeout: 3_000 });
    viewport.bindCssVars();
    viewport.expand();
  } catch {
    // An old client does not know its viewport: the browser's own measures stay in force.
  }
}

export const haptics = {
  tap: (): void => feel(() => hapticFeedback.impactOccurred.ifAvailable("light")),
  select: (): void => feel(() => hapticFeedback.selectionChanged.ifAvailable()),
  success: (): void => feel(() => hapticFeedback.notificationOccurred.ifAvailable("success")),
  warning: (): void => feel(() => hapticFeedback.notificationOccurred.ifAvailable("warning")),
};

function feel(touch: () => void): void {
  if (preferences.get().haptics) touch();
}

// Screens and sheets that can be left, the topmost last: one press leaves one of them.
const leavable: (() => void)[] = [];
let unlisten: (() => void) | null = null;

/** Has this client a back button of its own, so that the page needs none? */
export function hasBackButton(): boolean {
  return backButton.show.isAvailable();
}

/** Let Telegram's back button leave this screen or sheet while it is open. */
export function useBackButton(onBack: (() => void) | null): void {
  const latest = useRef(onBack);
  useEffect(() => {
    latest.current = onBack;
  });
  const isOn = onBack !== null;
  useEffect(() => {
    if (!isOn) return undefined;
    const leave = (): void => latest.current?.();
    leavable.push(leave);
    showBackButton();
    return () => {
      leavable.splice(leavable.indexOf(leave), 1);
      showBackButton();
    };
  }, [isOn]);
}

function showBackButton(): void {
  if (unlisten === null) {
    const listening = backButton.onClick.ifAvailable(() => leavable.at(-1)?.());
    if (listening.ok) unlisten = listening.data;
  }
  if (leavable.length > 0) backButton.show.ifAvailable();
  else backButton.hide.ifAvailable();
}

/** Ask before closing while `isOn`. */
export function useClosingConfirmation(isOn: boolean): void {
  useEffect(() => {
    if (!isOn) return undefined;
    closingBehavior.enableConfirmation.ifAvailable();
    return () => {
      closingBehavior.disableConfirmation.ifAvailable();
    };
  }, [isOn]);
}

/** Keep vertical swipes for the page while a finger may drag on it. */
export function useOwnSwipes(): void {
  useEffect(() => {
    swipeBehavior.disableVertical.ifAvailable();
    return () => {
      swipeBehavior.enableVertical.ifAvailable();
    };
  }, []);
}

/** Open an outside page in the browser. */
export function openOutside(url: string): void {
  if (!openLink.ifAvailable(url).ok) window.open(url, "_blank", "noopener,noreferrer");
}

/** Open a t.me address inside Telegram. */
export function openInTelegram(url: string): void {
  if (!openTelegramLink.ifAvailable(url).ok) window.open(url, "_blank", "noopener,noreferrer");
}

/** Save a file of ours: Telegram's own download where it has one, the browser's elsewhere. */
export async function saveFile(path: string, name: string): Promise<void> {
  const url = new URL(path, location.href).href;
  if (url.startsWith("https:")) {
    const asked = downloadFile.ifAvailable(url, name);
    try {
      if (asked.ok) {
        await asked.data;
        return;
      }
    } catch (error) {
      if (error instanceof AccessDeniedError) return; // The person was asked and said no.
    }
  }
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

/** Close the page: back to the chat. */
export function closeApp(): void {
  miniApp.close.ifAvailable();
}

/** Fill the whole screen, or give it back. */
export async function setFullscreen(isOn: boolean): Promise<void> {
  const asked = isOn
    ? viewport.requestFullscreen.ifAvailable()
    : viewport.exitFullscreen.ifAvailable();
  if (asked.ok) await asked.data;
}

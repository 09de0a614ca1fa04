// Which screen is shown: a stack kept in the browser's history, so that reload and back work.
import { createStore } from "@/app/store";

export type Tab = "play" | "wallet" | "activity" | "you";

export type Route =
  | { screen: Tab }
  | { screen: "game"; slug: string }
  | { screen: "deposit"; rail?: string }
  | { screen: "withdraw"; rail?: string }
  | { screen: "addresses" }
  | { screen: "movement"; id: string }
  | { screen: "round"; id: string }
  | { screen: "limits" }
  | { screen: "break" }
  | { screen: "fairness" }
  | { screen: "verifier" }
  | { screen: "verification" }
  | { screen: "logins" }
  | { screen: "settings" }
  | { screen: "support"; about?: string }
  | { screen: "terms" };

interface Place {
  readonly route: Route;
  readonly depth: number;
}

const TABS: readonly string[] = ["play", "wallet", "activity", "you"];
const START: Place = { route: { screen: "play" }, depth: 0 };
const LINKS: Record<string, Route> = {
  play: { screen: "play" },
  wallet: { screen: "wallet" },
  activity: { screen: "activity" },
  history: { screen: "activity" },
  you: { screen: "you" },
  dice: { screen: "game", slug: "dice" },
  mines: { screen: "game", slug: "mines" },
  deposit: { screen: "deposit" },
  withdraw: { screen: "withdraw" },
  addresses: { screen: "addresses" },
  limits: { screen: "limits" },
  fairness: { screen: "fairness" },
  verification: { screen: "verification" },
  support: { screen: "support" },
};

export const place = createStore<Place>(START);

/** Begin where a reload left off, else where the link that opened the page points. */
export function startRouter(link: string | undefined): void {
  const kept = history.state as Place | null;
  if (kept !== null && typeof kept === "object" && "route" in kept) {
    place.set(kept);
  } else {
    history.replaceState(START, "");
    place.set(START);
    const wanted = LINKS[link ?? ""];
    if (wanted !== undefined && wanted.screen !== "play") open(wanted);
  }
  addEventListener("popstate", (event) => {
    place.set((event.state as Place | null) ?? START);
    scrollTo(0, 0);
  });
}

/** Is it one of the four roots? */
export function isTab(route: Route): route is { screen: Tab } {
  return TABS.includes(route.screen);
}

/** Show a screen: tabs replace each other, everything else goes on top. */
export function open(route: Route): void {
  const now = place.get();
  if (isTab(route)) {
    move("replace", { route, depth: now.depth });
  } else {
    move("push", { route, depth: now.depth + 1 });
  }
}

/** Show a screen instead of the current one. */
export function replaceWith(route: Route): void {
  move("replace", { route, depth: place.get().depth });
}

/** One screen back. */
export function goBack(): void {
  if (place.get().depth > 0) history.back();
  else move("replace", START);
}

function move(how: "push" | "replace", next: Place): void {
  if (how === "push") history.pushState(next, "");
  else history.replaceState(next, "");
  place.set(next);
  scrollTo(0, 0);
}

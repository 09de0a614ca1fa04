// The frame around all screens: header, the screen itself, tabs, and news.
import { lazy, Suspense, useCallback } from "react";
import { link } from "@/api/live";
import { me } from "@/app/account";
import { Header } from "@/app/Header";
import { goBack, isTab, place, type Route } from "@/app/router";
import { useStore } from "@/app/store";
import { Tabs } from "@/app/Tabs";
import { SkeletonRows } from "@/design/parts";
import { Icon } from "@/design/Icon";
import { Notices } from "@/design/toast";
import { Game } from "@/games/Game";
import { Lobby } from "@/lobby/Lobby";
import { useBackButton, useClosingConfirmation } from "@/telegram/telegram";
import { t } from "@/texts/texts";

const Wallet = lazy(() => import("@/wallet/Wallet").then((m) => ({ default: m.Wallet })));
const Deposit = lazy(() => import("@/wallet/Deposit").then((m) => ({ default: m.Deposit })));
const Withdraw = lazy(() => import("@/wallet/Withdraw").then((m) => ({ default: m.Withdraw })));
const AddressBook = lazy(() =>
  import("@/wallet/AddressBook").then((m) => ({ default: m.AddressBook })),
);
const MovementPage = lazy(() =>
  import("@/wallet/MovementPage").then((m) => ({ default: m.MovementPage })),
);
const Activity = lazy(() => import("@/activity/Activity").then((m) => ({ default: m.Activity })));
const RoundPage = lazy(() =>
  import("@/activity/RoundPage").then((m) => ({ default: m.RoundPage })),
);
const You = lazy(() => import("@/you/You").then((m) => ({ default: m.You })));
const Limits = lazy(() => import("@/you/Limits").then((m) => ({ default: m.Limits })));
const Break = lazy(() => import("@/you/Break").then((m) => ({ default: m.Break })));
const FairnessPage = lazy(() =>
  import("@/you/FairnessPage").then((m) => ({ default: m.FairnessPage })),
);
const VerifierPage = lazy(() =>
  import("@/you/VerifierPage").then((m) => ({ default: m.VerifierPage })),
);
const Verification = lazy(() =>
  import("@/you/Verification").then((m) => ({ default: m.Verification })),
);
const Logins = lazy(() => import("@/you/Logins").then((m) => ({ default: m.Logins })));
const Settings = lazy(() => import("@/you/Settings").then((m) => ({ default: m.Settings })));
const Support = lazy(() => import("@/you/Support").then((m) => ({ default: m.Support })));
const Terms = lazy(() => import("@/you/Terms").then((m) => ({ default: m.Terms })));

/** The house, once the player is inside. */
export function Shell() {
  const { route, depth } = useStore(place);
  const account = useStore(me);
  const atRoot = isTab(route) && depth === 0;
  const back = useCallback(() => goBack(), []);
  useBackButton(atRoot ? null : back);
  useClosingConfirmation((account?.open_rounds.length ?? 0) > 0);
  return (
    <div className="mx-auto flex min-h-dvh max-w-(--column) flex-col">
      <Header />
      <LinkBanner />
      <Notices />
      <main
        className={`flex flex-1 flex-col px-4 ${isTab(route) ? "pb-[calc(var(--safe-bottom)+84px)]" : ""}`}
      >
        <Suspense
          fallback={
            <div className="pt-6">
              <SkeletonRows count={5} />
            </div>
          }
        >
          <Screen route={route} />
        </Suspense>
      </main>
      {isTab(route) && <Tabs now={route.screen} />}
    </div>
  );
}

function Screen({ route }: { readonly route: Route }) {
  switch (route.screen) {
    case "play":
      return <Lobby />;
    case "game":
      return <Game key={route.slug} slug={route.slug} />;
    case "wallet":
      return <Wallet />;
    case "deposit":
      return <Deposit {...(route.rail === undefined ? {} : { first: route.rail })} />;
    case "withdraw":
      return <Withdraw {...(route.rail === undefined ? {} : { first: route.rail })} />;
    case "addresses":
      return <AddressBook />;
    case "movement":
      return <MovementPage key={route.id} id={route.id} />;
    case "activity":
      return <Activity />;
    case "round":
      return <RoundPage key={route.id} id={route.id} />;
    case "you":
      return <You />;
    case "limits":
      return <Limits />;
    case "break":
      return <Break />;
    case "fairness":
      return <FairnessPage />;
    case "verifier":
      return <VerifierPage />;
    case "verification":
      return <Verification />;
    case "logins":
      return <Logins />;
    case "settings":
      return <Settings />;
    case "support":
      return <Support {...(route.about === undefined ? {} : { about: route.about })} />;
    case "terms":
      return <Terms />;
  }
}

function LinkBanner() {
  const state = useStore(link);
  return (
    <div role="status" aria-live="polite">
      {state === "lost" && (
        <p className="fade flex min-h-9 items-center justify-center gap-2 bg-brass/15 px-4 text-[13px] text-brass-text">
          <Icon name="refresh" size={16} className="animate-spin" />
          {t("app.offline")}
        </p>
      )}
    </div>
  );
}

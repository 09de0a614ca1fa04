// The four roots at the foot of the page.
import { open, type Tab } from "@/app/router";
import { Icon, type IconName } from "@/design/Icon";
import { haptics } from "@/telegram/telegram";
import { t, type Key } from "@/texts/texts";

const TABS: readonly { tab: Tab; icon: IconName; text: Key }[] = [
  { tab: "play", icon: "play", text: "app.tab.play" },
  { tab: "wallet", icon: "wallet", text: "app.tab.wallet" },
  { tab: "activity", icon: "activity", text: "app.tab.activity" },
  { tab: "you", icon: "you", text: "app.tab.you" },
];

export function Tabs({ now }: { readonly now: Tab }) {
  return (
    <nav
      aria-label={t("app.tabs")}
      className="fixed inset-x-0 bottom-0 z-20 mx-auto flex max-w-(--column) border-t border-line bg-page pb-(--safe-bottom)"
    >
      {TABS.map(({ tab, icon, text }) => (
        <button
          key={tab}
          type="button"
          aria-current={tab === now ? "page" : undefined}
          onClick={() => {
            haptics.select();
            open({ screen: tab });
          }}
          className={`press relative flex min-h-15 flex-1 flex-col items-center justify-center gap-0.5 text-[13px] ${
            tab === now ? "font-semibold text-felt-text" : "text-muted"
          }`}
        >
          {tab === now && <span className="absolute top-0 h-0.5 w-8 rounded-full bg-felt" />}
          <Icon name={icon} />
          {t(text)}
        </button>
      ))}
    </nav>
  );
}

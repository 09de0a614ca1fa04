// Verification: what each level opens, and how to reach the next one in the chat.
import { me } from "@/app/account";
import { useStore } from "@/app/store";
import { Button } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { Banner, Card } from "@/design/parts";
import { closeApp } from "@/telegram/telegram";
import { t, type Key } from "@/texts/texts";

const LEVELS = [0, 1, 2] as const;

export function Verification() {
  const level = useStore(me)?.player.kyc_level ?? 0;
  return (
    <div className="space-y-4 pt-4 pb-[calc(var(--safe-bottom)+24px)]">
      <h1 className="text-[24px] font-semibold">{t("app.verification.title")}</h1>
      <p className="text-muted">{t("app.verification.text")}</p>
      <ol className="space-y-3">
        {LEVELS.map((each) => (
          <li key={each}>
            <Card>
              <div className="flex items-start gap-3">
                <span
                  className={`grid size-8 shrink-0 place-items-center rounded-full text-[15px] font-semibold ${
                    each <= level ? "bg-felt text-on-felt" : "bg-raised text-muted"
                  }`}
                >
                  {each <= level ? <Icon name="check" size={18} /> : each}
                </span>
                <div>
                  <p className="font-semibold">{t(`app.verification.name_${each}` as Key)}</p>
                  <p className="text-[15px] text-muted">
                    {t(`app.verification.level_${each}` as Key)}
                  </p>
                </div>
              </div>
            </Card>
          </li>
        ))}
      </ol>
      {level < 2 && (
        <>
          <Banner>{t("app.verification.how")}</Banner>
          <Button wide onPress={closeApp}>
            {t("app.verification.to_chat")}
          </Button>
        </>
      )}
      <p className="text-[13px] text-muted">{t("app.verification.privacy")}</p>
    </div>
  );
}

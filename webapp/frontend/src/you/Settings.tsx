// Language, and how the page feels on this device.
import { api, readMe } from "@/app/account";
import { useStore } from "@/app/store";
import { Heading, Rows, Segments, Switch } from "@/design/parts";
import { language, speak, t, type Language } from "@/texts/texts";
import { preferences } from "@/you/preferences";

export function Settings() {
  const spoken = useStore(language);
  const chosen = useStore(preferences);
  const choose = async (wanted: Language): Promise<void> => {
    await speak(wanted);
    await api().post("/api/me/language", { language: wanted });
    await readMe();
  };
  return (
    <div className="pt-4 pb-[calc(var(--safe-bottom)+24px)]">
      <h1 className="text-[24px] font-semibold">{t("app.you.settings")}</h1>
      <Heading>{t("app.language")}</Heading>
      <Segments
        label={t("app.language")}
        value={spoken}
        onChange={(wanted) => void choose(wanted)}
        options={[
          { value: "en", label: "English" },
          { value: "ru", label: "Русский" },
        ]}
      />
      <Heading>{t("app.settings.feel")}</Heading>
      <Rows>
        <Switch
          label={t("app.settings.haptics")}
          on={chosen.haptics}
          onChange={(haptics) => preferences.update((now) => ({ ...now, haptics }))}
        />
        <Switch
          label={t("app.settings.calm")}
          note={t("app.settings.calm_note")}
          on={chosen.calm}
          onChange={(calm) => preferences.update((now) => ({ ...now, calm }))}
        />
      </Rows>
    </div>
  );
}

// What the person chose for this device: haptics and calm motion.
import { createStore } from "@/app/store";

export interface Preferences {
  readonly haptics: boolean;
  readonly calm: boolean;
}

const KEY = "preferences";
const DEFAULTS: Preferences = { haptics: true, calm: false };

export const preferences = createStore<Preferences>(DEFAULTS);

/** Read what was chosen before and keep every later choice. */
export function loadPreferences(): void {
  const kept = localStorage.getItem(KEY);
  if (kept !== null)
    preferences.set({ ...DEFAULTS, ...(JSON.parse(kept) as Partial<Preferences>) });
  const apply = (): void => {
    document.documentElement.dataset["motion"] = preferences.get().calm ? "calm" : "full";
  };
  apply();
  preferences.subscribe(() => {
    localStorage.setItem(KEY, JSON.stringify(preferences.get()));
    apply();
  });
}

/** Should results appear at once instead of being animated? */
export function isCalm(): boolean {
  return preferences.get().calm || matchMedia("(prefers-reduced-motion: reduce)").matches;
}

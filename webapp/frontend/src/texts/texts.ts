// Texts by key in the person's language, with that language's plurals, numbers and dates.
import type english from "@locales/en/app.json";
import { createStore } from "@/app/store";
import { decimalsOf, floorTo, REFERENCE_DECIMALS, trimUnits, type Asset } from "@/money/money";

export type Key = keyof typeof english;
export type Params = Readonly<Record<string, string | number>>;
type Plural = Record<string, string>;
type Catalogue = Record<string, string | Plural>;

export const LANGUAGES = ["en", "ru"] as const;
export type Language = (typeof LANGUAGES)[number];

const files = import.meta.glob<Catalogue>(["@locales/*/app.json", "@locales/*/shared.json"], {
  import: "default",
});

export const language = createStore<Language>("en");
let catalogue: Catalogue = {};

/** The language we speak to someone whose client says `asked`. */
export function pickLanguage(asked: string | undefined): Language {
  const code = (asked ?? "").toLowerCase().split("-")[0];
  return LANGUAGES.find((known) => known === code) ?? "en";
}

/** Load the texts of a language and speak it from now on. */
export async function speak(wanted: Language): Promise<void> {
  const mine = Object.entries(files).filter(([path]) => path.includes(`/locales/${wanted}/`));
  const loaded = await Promise.all(mine.map(([, load]) => load()));
  catalogue = Object.assign({}, ...loaded) as Catalogue;
  document.documentElement.lang = wanted;
  language.set(wanted);
}

/** The text of `key`, its placeholders filled; a table of plurals is chosen by `count`. */
export function t(key: Key, params: Params = {}): string {
  return find(key, params) ?? key;
}

/** The text of a key known only at run time, or null when nobody wrote it. */
export function find(key: string, params: Params = {}): string | null {
  const found = catalogue[key];
  if (found === undefined) return null;
  return fill(typeof found === "string" ? found : plural(found, Number(params["count"])), params);
}

/** `template` with `{name}` replaced by its parameter, and `{{` by a brace. */
export function fill(template: string, params: Params): string {
  return template.replace(/\{\{|\}\}|\{(\w+)\}/g, (whole, name: string | undefined) => {
    if (name === undefined) return whole[0]!;
    const given = params[name];
    return given === undefined ? whole : String(given);
  });
}

/** An amount with its unit: exact, unless `shown` decimals are asked for (then rounded down). */
export function amountText(units: bigint, asset: Asset, shown?: number): string {
  return `${unitsText(units, asset, shown)}\u00a0${asset}`;
}

/** An amount without its unit, in the language's own digits. */
export function unitsText(units: bigint, asset: Asset, shown?: number): string {
  const decimals = decimalsOf(asset);
  const cut = shown === undefined ? units : floorTo(units, decimals, shown);
  return localDigits(trimUnits(cut, decimals));
}

/** Reference micro-units to the cent, rounded up, as the currency of limits. */
export function referenceText(microUnits: bigint): string {
  const cents = (microUnits + 9_999n) / 10n ** BigInt(REFERENCE_DECIMALS - 2);
  return `${localDigits(trimUnits(cents, 2))}\u00a0EUR`;
}

/** Plain decimal digits with the language's grouping and decimal sign. */
export function localDigits(digits: string): string {
  const [whole, part] = digits.split(".");
  const negative = whole!.startsWith("-");
  const grouped = new Intl.NumberFormat(language.get()).format(BigInt(whole!.replace("-", "")));
  const sign = negative ? "\u2212" : "";
  return `${sign}${grouped}${part === undefined ? "" : decimalSign() + part}`;
}

/** Plain digits as they stand in a text field: only the decimal sign is the language's own. */
export function fieldDigits(digits: string): string {
  return digits.replace(".", decimalSign());
}

/** Basis points as per cent: 9899 is 98.99 %. */
export function percentText(basisPoints: number): string {
  return new Intl.NumberFormat(language.get(), {
    style: "percent",
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  }).format(basisPoints / 10_000);
}

/** A multiplier as people of this language write it: 2.00x. */
export function multiplierText(digits: string): string {
  return `${localDigits(digits)}×`;
}

/** A moment in the person's own time zone. */
export function momentText(iso: string): string {
  return new Intl.DateTimeFormat(language.get(), {
    dateStyle: "medium",
    timeStyle: "short",
  }).format(new Date(iso));
}

/** The time of day of a moment. */
export function timeText(iso: string): string {
  return new Intl.DateTimeFormat(language.get(), { timeStyle: "short" }).format(new Date(iso));
}

/** The day of a moment in words, as a heading of lists. */
export function dayText(iso: string): string {
  const day = new Date(iso);
  const today = new Date();
  const distance = Math.round((midnight(day) - midnight(today)) / 86_400_000);
  if (distance === 0 || distance === -1) {
    const words = new Intl.RelativeTimeFormat(language.get(), { numeric: "auto" });
    return capital(words.format(distance, "day"));
  }
  return new Intl.DateTimeFormat(language.get(), { day: "numeric", month: "long" }).format(day);
}

function midnight(day: Date): number {
  return new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
}

function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase(language.get()) + text.slice(1);
}

function plural(forms: Plural, count: number): string {
  const category = new Intl.PluralRules(language.get()).select(count);
  return forms[category] ?? forms["other"] ?? "";
}

function decimalSign(): string {
  const parts = new Intl.NumberFormat(language.get()).formatToParts(1.5);
  return parts.find((part) => part.type === "decimal")?.value ?? ".";
}

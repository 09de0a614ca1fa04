// What can go wrong between this page and the server, and how it is said.
import { amountText, find, momentText, referenceText, t, type Params } from "@/texts/texts";

/** The server answered and said no. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly data: Readonly<Record<string, unknown>>,
    readonly requestId: string | null,
  ) {
    super(code);
  }
}

/** Nobody answered: nothing is known about the effect; the same command may be sent again. */
export class Unreachable extends Error {
  constructor() {
    super("unreachable");
  }
}

/** Did the server itself fail, so that asking again may help? */
export function isPassing(error: unknown): boolean {
  if (error instanceof Unreachable) return true;
  return error instanceof Refused && (error.status >= 500 || error.status === 429);
}

/** Is it this refusal? */
export function isRefusal(error: unknown, code: string): boolean {
  return error instanceof Refused && error.code === code;
}

/** A sentence for the person: what happened and what to do. */
export function errorText(error: unknown): string {
  if (error instanceof Unreachable) return t("app.error.offline");
  if (!(error instanceof Refused)) return t("app.error.unknown");
  const words = wordsOf(error.data);
  for (const key of keysOf(error)) {
    const text = find(key, words);
    // A detailed text that names a fact which the server did not send gives way to a plainer one.
    if (text !== null && !/\{\w+\}/.test(text)) return text;
  }
  return t("app.error.unknown");
}

/** Texts to try, the most telling first. */
function keysOf({ code, data }: Refused): string[] {
  const keys: string[] = [];
  if (data["until"] === null) keys.push(`${code}.for_life`);
  if (typeof data["reason"] === "string") {
    keys.push(`${code}.${data["reason"]}.${String(data["wanted"])}`, `${code}.${data["reason"]}`);
  }
  if (typeof data["field"] === "string") keys.push(`${code}.${data["field"]}`);
  if (typeof data["kind"] === "string") keys.push(`${code}.${data["kind"]}`);
  return [...keys, `${code}.detail`, code];
}

const REFERENCE_FACTS = new Set(["limit", "used", "ceiling"]);
const UNIT_FACTS = new Set(["available", "minimum", "maximum", "remaining"]);
const DIGITS = /^-?\d+$/;

/** The facts of a refusal as words: amounts with their unit, moments in local time. */
function wordsOf(data: Readonly<Record<string, unknown>>): Params {
  const asset = typeof data["asset"] === "string" ? data["asset"] : null;
  const words: Record<string, string | number> = {};
  for (const [name, fact] of Object.entries(data)) {
    if (fact === null || fact === undefined) continue;
    const text = String(fact);
    if (DIGITS.test(text) && REFERENCE_FACTS.has(name)) words[name] = referenceText(BigInt(text));
    else if (DIGITS.test(text) && UNIT_FACTS.has(name)) words[name] = inAsset(text, asset);
    else if (/^\d{4}-\d\d-\d\dT/.test(text)) words[name] = momentText(text);
    else words[name] = kindText(name, text);
  }
  return words;
}

function inAsset(text: string, asset: string | null): string {
  return asset === null ? referenceText(BigInt(text)) : amountText(BigInt(text), asset);
}

const FAMILIES: Readonly<Record<string, string>> = {
  window: "window",
  network: "address_kind",
  wanted: "address_kind",
};

function kindText(name: string, text: string): string {
  const family = FAMILIES[name];
  return family === undefined ? text : (find(`${family}.${text}`) ?? text);
}

// The texts of the Mini App: the same keys and placeholders in each language, and none missing.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import english from "@locales/en/app.json";
import russian from "@locales/ru/app.json";
import { fill } from "@/texts/texts";

type Text = string | Record<string, string>;
const en = english as Record<string, Text>;
const ru = russian as Record<string, Text>;

const placeholders = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
const formsOf = (text: Text): string[] => (typeof text === "string" ? [text] : Object.values(text));

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.tsx?$/.test(entry.name) ? [readFileSync(path, "utf-8")] : [];
  });
}

describe("languages", () => {
  it("have the same keys", () => {
    expect(Object.keys(ru).sort()).toEqual(Object.keys(en).sort());
  });

  it("are all under our own prefix and not empty", () => {
    for (const [key, text] of [...Object.entries(en), ...Object.entries(ru)]) {
      expect(key).toMatch(/^app\./);
      for (const form of formsOf(text)) expect(form.trim(), key).not.toBe("");
    }
  });

  it.each(Object.keys(en))("%s names the same facts in both", (key) => {
    const wanted = placeholders(formsOf(en[key]!)[0]!);
    for (const form of [...formsOf(en[key]!), ...formsOf(ru[key]!)]) {
      expect(placeholders(form)).toEqual(wanted);
    }
  });

  it("have every plural form that their rules ask for", () => {
    const table: [string, Record<string, Text>][] = [
      ["en", en],
      ["ru", ru],
    ];
    for (const [code, texts] of table) {
      const categories = new Intl.PluralRules(code).resolvedOptions().pluralCategories;
      for (const [key, text] of Object.entries(texts)) {
        if (typeof text !== "string")
          expect(Object.keys(text).sort(), key).toEqual([...categories].sort());
      }
    }
  });
});

describe("the page", () => {
  const source = sources(join(import.meta.dirname, "../src")).join("\n");

  it("uses no key that nobody wrote", () => {
    const used = [...source.matchAll(/"(app\.[a-z0-9_.]+)"/g)].map((match) => match[1]!);
    expect(used.length).toBeGreaterThan(200);
    expect([...new Set(used)].filter((key) => !(key in en))).toEqual([]);
  });

  it("has no text that nobody uses", () => {
    const exact = new Set([...source.matchAll(/"(app\.[a-z0-9_.]+)"/g)].map((match) => match[1]!));
    const families = [...source.matchAll(/`(app\.[^`$]*)\$\{/g)].map((match) => match[1]!);
    const unused = Object.keys(en).filter(
      (key) => !exact.has(key) && !families.some((family) => key.startsWith(family)),
    );
    expect(unused).toEqual([]);
  });
});

describe("placeholders", () => {
  it("are filled by name, and braces can be written", () => {
    expect(fill("{a} of {b}", { a: 1, b: "two" })).toBe("1 of two");
    expect(fill("{{x}} {unknown}", {})).toBe("{x} {unknown}");
  });
});

// Promised fees: asked for when typing pauses, counted down, asked for again when they run out.
import { useCallback, useEffect, useState } from "react";
import type { Quote } from "@/api/types";
import { api } from "@/app/account";
import { lifetimeOf, secondsLeft } from "@/wallet/countdown";

const PAUSE_MS = 350;
const TICK_MS = 1_000;

export interface Quoted {
  readonly units: string;
  readonly rail: string;
  readonly quote: Quote | null;
  readonly error: unknown;
  /** When it runs out by this phone's own clock, which may not agree with the server's. */
  readonly until: number;
}

export interface QuoteOf {
  readonly quoted: Quoted | null;
  /** Ask for the fee that holds now. */
  readonly again: () => Promise<void>;
}

/** The fee for this amount on this rail. */
export function useQuote(rail: string | undefined, units: bigint | null): QuoteOf {
  const [quoted, setQuoted] = useState<Quoted | null>(null);
  const asked = units?.toString();
  const again = useCallback(async (): Promise<void> => {
    if (rail !== undefined && asked !== undefined) setQuoted(await ask(rail, asked));
  }, [rail, asked]);
  useEffect(() => {
    if (rail === undefined || asked === undefined) return undefined;
    let gone = false;
    const timer = setTimeout(() => {
      void ask(rail, asked).then((answer) => {
        if (!gone) setQuoted(answer);
      });
    }, PAUSE_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [rail, asked]);
  const fits = quoted !== null && quoted.units === asked && quoted.rail === rail;
  return { quoted: fits ? quoted : null, again };
}

/** How many seconds are left until a moment of this phone's clock; 0 when it has passed. */
export function useSecondsLeft(until: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return secondsLeft(until, now);
}

async function ask(rail: string, units: string): Promise<Quoted> {
  // Counted from before the question: a slow answer makes the promise shorter, never longer.
  const asked = Date.now();
  try {
    const quote = await api().post<Quote>("/api/cashier/quote", { rail, units });
    return { rail, units, quote, error: null, until: asked + lifetimeOf(quote) };
  } catch (error) {
    return { rail, units, quote: null, error, until: asked };
  }
}

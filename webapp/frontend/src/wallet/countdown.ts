// How long a quote still holds: its own lifetime, laid on this phone's clock.
import type { Quote } from "@/api/types";

const SECOND_MS = 1_000;

/** Whole seconds from `now` to `until`, never less than none. */
export function secondsLeft(until: number, now: number): number {
  return Math.max(0, Math.ceil((until - now) / SECOND_MS));
}

/** 9:05 of minutes and seconds. */
export function clockText(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** How long a quote holds, in milliseconds; told by the server's clock alone. */
export function lifetimeOf(quote: Pick<Quote, "made_at" | "expires_at">): number {
  return Date.parse(quote.expires_at) - Date.parse(quote.made_at);
}

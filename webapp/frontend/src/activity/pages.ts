// Older pages of rounds and movements, read when the list reaches its end.
import type { Movement, RoundRow } from "@/api/types";
import { api } from "@/app/account";
import { createStore, useStore } from "@/app/store";

export interface Older<T> {
  readonly rows: readonly T[];
  readonly ended: boolean;
}

const PAGE = 20;
const NONE = { rows: [], ended: false };
const olderRounds = createStore<Older<RoundRow>>(NONE);
const olderMovements = createStore<Older<Movement>>(NONE);

export const useOlderRounds = (): Older<RoundRow> => useStore(olderRounds);
export const useOlderMovements = (): readonly Movement[] => useStore(olderMovements).rows;
export const useMovementsEnded = (): boolean => useStore(olderMovements).ended;

/** Read the page of rounds below `before`. */
export async function readOlderRounds(before: string): Promise<void> {
  const { rounds } = await api().get<{ rounds: RoundRow[] }>(
    `/api/rounds?limit=${PAGE}&before=${before}`,
  );
  olderRounds.update((old) => ({ rows: [...old.rows, ...rounds], ended: rounds.length < PAGE }));
}

/** Read the page of movements below `before`. */
export async function readOlderMovements(before: string): Promise<void> {
  const { movements } = await api().get<{ movements: Movement[] }>(
    `/api/cashier/movements?limit=${PAGE}&before=${before}`,
  );
  olderMovements.update((old) => ({
    rows: [...old.rows, ...movements],
    ended: movements.length < PAGE,
  }));
}

/** Start again from the newest page. */
export function forgetOlder(): void {
  olderRounds.set(NONE);
  olderMovements.set(NONE);
}

/** Rows without those that two pages share. */
export function unique<T>(rows: readonly T[], idOf: (row: T) => string): T[] {
  const seen = new Set<string>();
  return rows.filter((row) => !seen.has(idOf(row)) && seen.add(idOf(row)));
}

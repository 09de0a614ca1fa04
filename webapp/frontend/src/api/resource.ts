// Things read from the server and shown by screens: kept, shown at once, read again when stale.
import { useCallback, useEffect, useSyncExternalStore } from "react";
import { createStore, type Store } from "@/app/store";

export interface Shown<T> {
  readonly data: T | undefined;
  readonly error: unknown;
  readonly loading: boolean;
}

interface Entry {
  readonly store: Store<Shown<unknown>>;
  load: (() => Promise<unknown>) | null;
  running: Promise<void> | null;
  readAt: number;
  watchers: number;
}

const FRESH_MS = 3_000;
const EMPTY: Shown<unknown> = { data: undefined, error: null, loading: true };
const entries = new Map<string, Entry>();

/** What `load` gave for `key`; read on first sight, and again when the screen comes back. */
export function useResource<T>(
  key: string,
  load: () => Promise<T>,
): Shown<T> & { reload: () => Promise<void> } {
  const entry = entryOf(key);
  entry.load = load;
  const shown = useSyncExternalStore(entry.store.subscribe, entry.store.get) as Shown<T>;
  useEffect(() => {
    entry.watchers += 1;
    if (Date.now() - entry.readAt > FRESH_MS) void read(entry);
    return () => {
      entry.watchers -= 1;
    };
  }, [entry]);
  const reload = useCallback(() => read(entry), [entry]);
  return { ...shown, reload };
}

/** Read again what screens show under keys that start with `prefix`; the rest when they come back. */
export function refresh(prefix: string): void {
  for (const [key, entry] of entries) {
    if (key.startsWith(prefix)) {
      entry.readAt = 0;
      if (entry.watchers > 0) void read(entry);
    }
  }
}

/** Put an answer that came another way under its key. */
export function remember(key: string, data: unknown): void {
  const entry = entryOf(key);
  entry.readAt = Date.now();
  entry.store.set({ data, error: null, loading: false });
}

/** Forget everything: another person may have logged in. */
export function forgetAll(): void {
  entries.clear();
}

function entryOf(key: string): Entry {
  let entry = entries.get(key);
  if (entry === undefined) {
    entry = { store: createStore(EMPTY), load: null, running: null, readAt: 0, watchers: 0 };
    entries.set(key, entry);
  }
  return entry;
}

function read(entry: Entry): Promise<void> {
  entry.running ??= readOnce(entry).finally(() => {
    entry.running = null;
  });
  return entry.running;
}

async function readOnce(entry: Entry): Promise<void> {
  if (entry.load === null) return;
  entry.store.update((shown) => ({ ...shown, loading: true }));
  try {
    const data = await entry.load();
    entry.readAt = Date.now();
    entry.store.set({ data, error: null, loading: false });
  } catch (error) {
    entry.store.update((shown) => ({ ...shown, error, loading: false }));
  }
}

// What this page keeps for one person: another one on the same device finds nothing of it.

type KeyValue = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** Storage under the person of a launch; one whose data names nobody shares with nobody. */
export function storageOf(initData: string, storage: KeyValue): KeyValue {
  const owner = personOf(initData) ?? initData;
  return {
    getItem: (key) => storage.getItem(`${owner}:${key}`),
    setItem: (key, value) => storage.setItem(`${owner}:${key}`, value),
    removeItem: (key) => storage.removeItem(`${owner}:${key}`),
  };
}

/** The Telegram id in launch data. Unproven: good for keeping things apart, not for trusting. */
function personOf(initData: string): string | null {
  try {
    const user = JSON.parse(new URLSearchParams(initData).get("user") ?? "") as { id?: unknown };
    return typeof user.id === "number" ? String(user.id) : null;
  } catch {
    return null;
  }
}

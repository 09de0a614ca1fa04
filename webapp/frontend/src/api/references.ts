// Idempotency keys: made here, kept until the server has answered, sent again unchanged.

export interface PendingCommand {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly startedAt: number;
}

/** A UUIDv7: 48 bits of time, then 74 random bits, as lower-case text. */
export function makeReference(now: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setBigUint64(0, (BigInt(now) << 16n) | BigInt(bytes[7]!));
  bytes[6] = 0x70 | (crypto.getRandomValues(new Uint8Array(1))[0]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const cuts = [0, 8, 12, 16, 20, 32];
  return cuts
    .slice(1)
    .map((end, index) => hex.slice(cuts[index], end))
    .join("-");
}

/** Commands that nobody has answered yet, one per slot, surviving a reload of the page. */
export class PendingCommands {
  constructor(private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">) {}

  /** The unanswered command of this slot, or null. */
  find(slot: string): PendingCommand | null {
    const text = this.storage.getItem(keyOf(slot));
    return text === null ? null : (JSON.parse(text) as PendingCommand);
  }

  /** Keep a command with a fresh reference before it is sent for the first time. */
  begin(slot: string, path: string, body: Readonly<Record<string, unknown>>): PendingCommand {
    const startedAt = Date.now();
    const command = { path, body: { ...body, reference: makeReference(startedAt) }, startedAt };
    this.storage.setItem(keyOf(slot), JSON.stringify(command));
    return command;
  }

  /** The server has answered: forget the command. */
  end(slot: string): void {
    this.storage.removeItem(keyOf(slot));
  }
}

function keyOf(slot: string): string {
  return `pending:${slot}`;
}

// What a game in a frame may say, and how tight its box is.

/** The kind of message that a game sent, whatever its dialect. */
export function messageKind(data: unknown): string | null {
  if (typeof data === "string") return data;
  if (typeof data !== "object" || data === null) return null;
  const fields = data as Record<string, unknown>;
  const kind = fields["type"] ?? fields["event"] ?? fields["action"];
  return typeof kind === "string" ? kind : null;
}

/** A game may keep an origin of its own, but never ours: with scripts that would open the box. */
export function boxOf(address: string, ourOrigin: string): string {
  const isOurs = new URL(address, ourOrigin).origin === ourOrigin;
  return isOurs ? "allow-scripts allow-forms" : "allow-scripts allow-forms allow-same-origin";
}

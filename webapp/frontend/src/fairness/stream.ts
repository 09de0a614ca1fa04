// The numbers that decide a round: HMAC blocks of a seed pair, read four bytes at a time.
import { hmacSha256, sha256, toHex } from "@/fairness/sha256";

const encoder = new TextEncoder();

export interface Seeds {
  /** Hexadecimal text; the text itself is the key, not the bytes it spells. */
  readonly serverSeed: string;
  readonly clientSeed: string;
  readonly nonce: number;
}

/** What is shown before the first bet: the SHA-256 of the server seed's text. */
export function commitmentOf(serverSeed: string): string {
  return toHex(sha256(encoder.encode(serverSeed)));
}

/** Block `index` of the stream, as hexadecimal text. */
export function blockHex(seeds: Seeds, index: number): string {
  return toHex(block(seeds, index));
}

/** `floor(u / 2^32 * n)` without a floating point. */
export function scale(u: number, n: number): number {
  return Number((BigInt(u) * BigInt(n)) >> 32n);
}

/** A function that gives the next draw in `0 .. n-1`; eight draws come from one block. */
export function openStream(seeds: Seeds): (n: number) => number {
  let index = 0;
  let position = 0;
  let view = new DataView(block(seeds, index).buffer);
  return (n) => {
    if (position === 32) {
      index += 1;
      position = 0;
      view = new DataView(block(seeds, index).buffer);
    }
    const u = view.getUint32(position);
    position += 4;
    return scale(u, n);
  };
}

function block(seeds: Seeds, index: number): Uint8Array {
  const message = `${seeds.clientSeed}:${seeds.nonce}:${index}`;
  return hmacSha256(encoder.encode(seeds.serverSeed), encoder.encode(message));
}

// The browser's own verifier against the shared vectors and against Node's own hashing.
import { createHash, createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  diceMultiplier,
  diceRoll,
  diceWins,
  fractionText,
  minesMultiplier,
  minesTiles,
  scaled,
} from "@/fairness/games";
import { hmacSha256, sha256, toHex } from "@/fairness/sha256";
import { blockHex, commitmentOf, openStream, scale, type Seeds } from "@/fairness/stream";
import vectors from "@/fairness/vectors.json";

interface Vector {
  game: string;
  algorithm: string;
  input: { server_seed: string; client_seed: string; nonce: number; mines?: number };
  expected: string | number | number[];
}

const all = vectors.vectors as Vector[];
const of = (game: string): Vector[] => all.filter((vector) => vector.game === game);
const seedsOf = ({ input }: Vector): Seeds => ({
  serverSeed: input.server_seed,
  clientSeed: input.client_seed,
  nonce: input.nonce,
});

/** Two sources count tiles from one, and one of them names the only safe tile instead. */
function inWordsOf(vector: Vector, tiles: number[]): number | number[] {
  if (vector.algorithm.includes("single safe tile")) {
    return Array.from({ length: 25 }, (_, tile) => tile).find((tile) => !tiles.includes(tile))! + 1;
  }
  return vector.algorithm.includes("numbered 1..25") ? tiles.map((tile) => tile + 1) : tiles;
}

describe("hashing", () => {
  it.each([0, 1, 55, 56, 63, 64, 65, 119, 120, 1000])("agrees with Node at %i bytes", (length) => {
    const message = Uint8Array.from({ length }, (_, index) => (index * 7 + length) % 256);
    expect(toHex(sha256(message))).toBe(createHash("sha256").update(message).digest("hex"));
    const key = message.slice(0, 100);
    const expected = createHmac("sha256", key).update(message).digest("hex");
    expect(toHex(hmacSha256(key, message))).toBe(expected);
  });

  it("commits to the text of the seed", () => {
    expect(commitmentOf("abc")).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});

describe("vectors", () => {
  it("has all three groups", () => {
    expect(of("hmac_block0").length).toBeGreaterThanOrEqual(3);
    expect(of("dice").length).toBeGreaterThanOrEqual(3);
    expect(of("mines").length).toBeGreaterThanOrEqual(3);
  });

  it.each(of("hmac_block0"))("block 0 of nonce $input.nonce", (vector) => {
    expect(blockHex(seedsOf(vector), 0)).toBe(vector.expected);
  });

  it.each(of("dice"))("dice with nonce $input.nonce", (vector) => {
    expect(diceRoll(seedsOf(vector))).toBe(vector.expected);
  });

  it.each(of("mines"))("$input.mines mines with nonce $input.nonce", (vector) => {
    const tiles = minesTiles(seedsOf(vector), vector.input.mines!);
    expect(inWordsOf(vector, tiles)).toEqual(vector.expected);
  });
});

describe("stream", () => {
  it("goes on over blocks", () => {
    const seeds = { serverSeed: "s", clientSeed: "c", nonce: 1 };
    const draw = openStream(seeds);
    const drawn = Array.from({ length: 9 }, () => draw(2 ** 32));
    expect(drawn[8]).toBe(Number.parseInt(blockHex(seeds, 1).slice(0, 8), 16));
  });

  it("scales without rounding up", () => {
    expect(scale(0xffffffff, 10_001)).toBe(10_000);
    expect(scale(0, 10_001)).toBe(0);
  });
});

describe("payouts", () => {
  it("pays 99 over the chance", () => {
    expect(diceMultiplier({ target: 5050, over: true })).toEqual({ n: 2n, d: 1n });
    expect(fractionText(diceMultiplier({ target: 200, over: false }))).toBe("49.50");
    expect(diceWins({ target: 5050, over: true }, 5050)).toBe(false);
    expect(diceWins({ target: 5050, over: true }, 5051)).toBe(true);
    expect(diceWins({ target: 5050, over: false }, 5050)).toBe(false);
  });

  it("pays mines by combinations", () => {
    expect(fractionText(minesMultiplier(3, 1))).toBe("1.12");
    expect(fractionText(minesMultiplier(24, 1))).toBe("24.75");
    expect(minesMultiplier(5, 0)).toEqual({ n: 1n, d: 1n });
    expect(scaled(10n, { n: 1n, d: 3n })).toBe(3n);
  });

  it("keeps a house edge of one per cent at every step of mines", () => {
    for (let mines = 1; mines < 25; mines += 1) {
      for (let opened = 1; opened <= 25 - mines; opened += 1) {
        const { n, d } = minesMultiplier(mines, opened);
        let [safe, ways] = [1n, 1n];
        for (let i = 0; i < opened; i += 1) {
          safe *= BigInt(25 - mines - i);
          ways *= BigInt(25 - i);
        }
        expect(n * safe * 100n).toBe(d * ways * 99n);
      }
    }
  });
});

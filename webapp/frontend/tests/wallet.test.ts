// Addresses, comments and the way of a movement.
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { boxOf, messageKind } from "@/games/frame/messages";
import { clampTarget, payingAbout, turned } from "@/games/dice/target";
import { CellWriter, crc32c } from "@/wallet/cell";
import { commentPayload, jettonPayload } from "@/wallet/comment";
import { speak } from "@/texts/texts";
import { isMoving, kindText, stagesOf, reasonText, statusText } from "@/wallet/movements";
import { AddressGrid, AddressText } from "@/wallet/Address";
import { addressFault, endsOf, faultText, grouped } from "@/wallet/addresses";
import { clockText, lifetimeOf, secondsLeft } from "@/wallet/countdown";

/** The same body, made by ton-core of Python. */
const JETTON_BODY =
  "te6cckEBAQEAYwAAwg+KfqUAAAAAAAAAAEAX14QIACIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIjABaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWggIAAAAAN0szTTlRWEZ5xdiH";

const bytesOf = (base64: string): Buffer => Buffer.from(base64, "base64");

/** An address with any first byte and workchain, and the right check digits. */
function address(tag: number, workchain: number): string {
  const bytes = Buffer.alloc(36, 0x5a);
  bytes[0] = tag;
  bytes.writeInt8(workchain, 1);
  let crc = 0;
  for (const byte of bytes.subarray(0, 34)) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const carry = ((crc >> 15) ^ (byte >> bit)) & 1;
      crc = (crc << 1) & 0xffff;
      if (carry) crc ^= 0x1021;
    }
  }
  bytes.writeUInt16BE(crc, 34);
  return bytes.toString("base64url");
}

const EVM = "0x52908400098527886E0F7030069857D2E4169EE7";
const SEGWIT = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";

describe("addresses", () => {
  beforeAll(async () => {
    vi.stubGlobal("document", { documentElement: {} });
    await speak("en");
  });

  it("are accepted in all their forms", () => {
    const friendly = address(0x51, 0);
    for (const form of [
      address(0x11, 0),
      friendly,
      friendly.replaceAll("-", "+").replaceAll("_", "/"),
      `0:${"ab".repeat(32)}`,
    ]) {
      expect(addressFault(form, "ton")).toBeNull();
    }
    expect(addressFault(EVM, "ethereum")).toBeNull();
    for (const form of [SEGWIT, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "bcrt1qw508d6qejx"]) {
      expect(addressFault(form, "bitcoin")).toBeNull();
    }
  });

  it("are refused for one wrong sign", () => {
    const good = address(0x51, 0);
    const wrong = good.slice(0, 20) + (good[20] === "A" ? "B" : "A") + good.slice(21);
    expect(addressFault(wrong, "ton")).toEqual({ reason: "checksum" });
    expect(addressFault(address(0x51, -1), "ton")).toEqual({ reason: "masterchain" });
    expect(addressFault(`-1:${"ab".repeat(32)}`, "ton")).toEqual({ reason: "masterchain" });
    expect(addressFault(address(0x22, 0), "ton")).toEqual({ reason: "malformed" });
    for (const network of ["ton", "ethereum", "bitcoin"]) {
      expect(addressFault("hello", network)).toEqual({ reason: "malformed" });
    }
  });

  it("of another network are named, with what is wanted instead", () => {
    const forms = { ton: address(0x51, 0), ethereum: EVM, bitcoin: SEGWIT };
    for (const wanted of Object.keys(forms)) {
      for (const [network, text] of Object.entries(forms)) {
        const fault = addressFault(text, wanted);
        expect(fault).toEqual(network === wanted ? null : { reason: "other_network", network });
      }
    }
    const told = faultText({ reason: "other_network", network: "ethereum" }, "ton");
    expect(told).toContain("This is an Ethereum address.");
    expect(told).toContain("Copy a TON address");
    expect(faultText({ reason: "malformed" }, "bitcoin")).toContain("bc1");
  });

  it("are shown in groups of four, whole, with the ends standing out", () => {
    expect(grouped("abcdefghij")).toEqual(["abcd", "efgh", "ij"]);
    expect(grouped("")).toEqual([]);
    for (const shown of [AddressGrid, AddressText]) {
      const html = renderToStaticMarkup(createElement(shown, { text: SEGWIT }));
      expect(html).toContain(`aria-label="${SEGWIT}"`);
      expect(html.replace(/<[^>]*>/g, "")).toBe(SEGWIT);
      const bold = [...html.matchAll(/class="[^"]*font-semibold[^"]*">([^<]*)</g)];
      expect(bold.map((match) => match[1])).toEqual(["bc1q", "t4"]);
    }
  });

  it("are shortened in lists only, at both ends", () => {
    expect(endsOf(EVM)).toBe("0x52 9084 … 169E E7");
    expect(endsOf("abcdefgh")).toBe("abcd efgh");
  });
});

describe("a quote", () => {
  it("is counted down by whole seconds, and never below none", () => {
    expect(secondsLeft(10_000, 0)).toBe(10);
    expect(secondsLeft(10_000, 9_001)).toBe(1);
    expect(secondsLeft(10_000, 10_000)).toBe(0);
    expect(secondsLeft(10_000, 99_000)).toBe(0);
    expect([clockText(600), clockText(65), clockText(0)]).toEqual(["10:00", "1:05", "0:00"]);
  });

  it("holds as long as the server's clock says, whatever the phone's", () => {
    const quote = { made_at: "2026-11-22T20:47:30Z", expires_at: "2026-11-22T20:57:30Z" };
    expect(lifetimeOf(quote)).toBe(600_000);
  });
});

describe("the comment of a transfer", () => {
  it("is one cell: zero op, the text, and a good checksum", () => {
    const bag = bytesOf(commentPayload("7K3M9QXF"));
    expect(bag.subarray(0, 4).toString("hex")).toBe("b5ee9c72");
    expect(bag.subarray(11, 13)).toEqual(Buffer.from([0, 24]));
    expect(bag.subarray(13, 17)).toEqual(Buffer.alloc(4));
    expect(bag.subarray(17, 25).toString()).toBe("7K3M9QXF");
    expect(bag.readUInt32LE(25)).toBe(crc32c(bag.subarray(0, 25)));
    expect(bag).toHaveLength(29);
  });

  it("uses the Castagnoli polynomial", () => {
    expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  });

  it("must fit the cell", () => {
    expect(() => commentPayload("x".repeat(124))).toThrow(RangeError);
  });
});

describe("a payment of jettons", () => {
  it("is the body that the chain's own library makes", () => {
    const payload = jettonPayload({
      units: 25_000_000n,
      to: `0:${"11".repeat(32)}`,
      owner: address(0x11, 0),
      comment: "7K3M9QXF",
    });
    expect(payload).toBe(JETTON_BODY);
  });

  it("writes amounts in as few bytes as they need", () => {
    const bits = (units: bigint): number => bytesOf(new CellWriter().coins(units).bag())[12]!;
    expect([0n, 1n, 255n, 256n, 2n ** 64n].map(bits)).toEqual([1, 3, 3, 5, 19]);
  });

  it("must fit the cell and name an account", () => {
    const asked = { units: 1n, to: `0:${"11".repeat(32)}`, owner: `0:${"11".repeat(32)}` };
    expect(() => jettonPayload({ ...asked, comment: "x".repeat(60) })).toThrow(RangeError);
    expect(() => jettonPayload({ ...asked, owner: "", comment: null })).toThrow(RangeError);
  });
});

describe("the way of a withdrawal", () => {
  const states = (status: string): string[] =>
    stagesOf({ kind: "withdrawal", status }).map((stage) => stage.state);
  it("goes stage by stage", () => {
    expect(states("in_review")).toEqual(["done", "now", "ahead", "ahead", "ahead"]);
    expect(states("signed")).toEqual(["done", "done", "now", "ahead", "ahead"]);
    expect(states("confirmed")).toEqual(["done", "done", "done", "done", "done"]);
  });
  it("ends where it was stopped", () => {
    expect(states("rejected")).toEqual(["done", "bad"]);
    expect(states("cancelled")).toEqual(["done", "now"]);
  });
});

describe("the way of a deposit", () => {
  beforeAll(async () => {
    vi.stubGlobal("document", { documentElement: {} });
    await speak("en");
  });
  const stages = (status: string, detail: object): string[] =>
    stagesOf({ kind: "deposit", status, detail }).map(({ name, state }) => `${state}: ${name}`);
  const counted = { confirmations: "2", confirmations_wanted: "3", final: false };

  it("waits to be seen in a block, counts, is credited, then final", () => {
    expect(stages("seen", { ...counted, confirmations: "0" })[0]).toBe("now: seen on chain");
    expect(stages("confirming", counted)).toEqual([
      "done: seen on chain",
      "now: 2 of 3 confirmations",
      "ahead: credited",
      "ahead: final, can be withdrawn",
    ]);
    expect(stages("credited", { ...counted, final_in: "100" })).toEqual([
      "done: seen on chain",
      "done: confirmed",
      "done: credited",
      "now: withdrawable in about 2 minutes",
    ]);
    expect(stages("credited", { ...counted, final: true }).at(-1)).toBe(
      "done: final, can be withdrawn",
    );
  });
  it("is shorter where only final blocks are shown", () => {
    expect(stages("credited", {})).toEqual([
      "done: seen on chain",
      "done: confirmed",
      "done: credited",
    ]);
  });
  it("ends where it was stopped", () => {
    expect(stages("orphaned", { ...counted, reason: "replaced" })).toEqual([
      "done: seen on chain",
      "bad: replaced or dropped before its first block",
    ]);
  });
});

describe("a deposit on its way", () => {
  beforeAll(async () => {
    vi.stubGlobal("document", { documentElement: {} });
    await speak("en");
  });
  const told = (status: string, detail: object): string =>
    statusText({ kind: "deposit", status, detail });
  it("says how many confirmations it has, of how many", () => {
    expect(told("confirming", { confirmations: "3", confirmations_wanted: "12" })).toBe(
      "3 of 12 confirmations",
    );
  });
  it("is seen before its first block, and says when something took its place", () => {
    expect(told("seen", { confirmations: "0", confirmations_wanted: "3" })).toBe(
      "0 of 3 confirmations",
    );
    expect(told("orphaned", { confirmations: "0", reason: "replaced" })).toBe(
      "replaced or dropped before its first block",
    );
    expect(told("orphaned", { reason: "reorganised" })).toBe("gone from the chain");
    expect(reasonText("replaced")).toContain("another transfer took its place");
  });
  it("waits for finality when no number would do", () => {
    const detail = { confirmations: "40", confirmations_wanted: null };
    expect(told("confirming", detail)).toBe("40 confirmations, waiting until it is final");
  });
  it("is playable before it can be withdrawn", () => {
    const detail = { confirmations: "12", confirmations_wanted: "12" };
    expect(told("credited", { ...detail, final: false })).toContain("withdrawn once it is final");
    expect(told("credited", { ...detail, final: true })).toBe("credited");
  });
  it("says about how long until it can be withdrawn", () => {
    const early = (seconds: string): string =>
      told("credited", { confirmations: "3", final: false, final_in: seconds });
    expect(early("0")).toBe("credited; can be withdrawn in less than a minute");
    expect(early("60")).toBe("credited; can be withdrawn in less than a minute");
    expect(early("61")).toBe("credited; can be withdrawn in about 2 minutes");
    const detail = { confirmations: "4", confirmations_wanted: null, final_in: "540" };
    expect(told("confirming", detail)).toBe("waiting until it is final, about 9 minutes");
  });
  it("goes on moving until it is final", () => {
    const moves = (status: string, detail: object): boolean =>
      isMoving({ kind: "deposit", status, detail });
    expect(moves("confirming", {})).toBe(true);
    expect(moves("credited", { final: false })).toBe(true);
    expect(moves("credited", { final: true })).toBe(false);
    expect(moves("credited", {})).toBe(false);
  });
  it("on a chain that shows final blocks only is told as before", () => {
    expect(told("confirming", {})).toBe("waiting for confirmations");
  });
});

describe("a held deposit that goes back", () => {
  beforeAll(async () => {
    vi.stubGlobal("document", { documentElement: {} });
    await speak("en");
  });
  const back = { kind: "withdrawal", detail: { returns: true } } as const;
  it("is named as what it is", () => {
    expect(kindText(back)).toBe("Deposit sent back");
    expect(kindText({ kind: "withdrawal", detail: { returns: false } })).toBe("Withdrawal");
  });
  it("is on its way until the chain has confirmed it", () => {
    const deposit = (status: string) => ({ kind: "deposit", status, detail: {} }) as const;
    expect(statusText(deposit("returning"))).toBe("being sent back");
    expect(isMoving(deposit("returning"))).toBe(true);
    expect(statusText(deposit("returned"))).toBe("returned");
    expect(isMoving(deposit("returned"))).toBe(false);
  });
  it("is held again where it came to nothing", () => {
    expect(statusText({ ...back, status: "rejected" })).toBe("stopped, held again");
    expect(statusText({ kind: "withdrawal", status: "rejected", detail: {} })).toBe(
      "rejected, money returned",
    );
    expect(statusText({ ...back, status: "in_review" })).toBe("in review");
  });
});

describe("the line of dice", () => {
  it("stays within what the game offers", () => {
    expect(clampTarget({ target: 1, over: true })).toEqual({ target: 200, over: true });
    expect(clampTarget({ target: 10_000, over: true })).toEqual({ target: 9_999, over: true });
    expect(clampTarget({ target: 9_999, over: false })).toEqual({ target: 9_800, over: false });
    expect(clampTarget({ target: 0, over: false })).toEqual({ target: 1, over: false });
  });
  it("turns over to the same chance", () => {
    expect(turned({ target: 5050, over: true })).toEqual({ target: 4950, over: false });
    expect(payingAbout(200, true)).toEqual({ target: 5050, over: true });
    expect(payingAbout(1000, false)).toEqual({ target: 990, over: false });
  });
});

describe("a game in a frame", () => {
  it("is heard in any dialect, and only by its kind", () => {
    expect(messageKind("close")).toBe("close");
    expect(messageKind({ type: "exit" })).toBe("exit");
    expect(messageKind({ event: "balance" })).toBe("balance");
    expect(messageKind(42)).toBeNull();
    expect(messageKind(null)).toBeNull();
  });
  it("keeps an origin of its own, never ours", () => {
    expect(boxOf("https://games.example/slot", "https://house.example")).toContain(
      "allow-same-origin",
    );
    expect(boxOf("/games/slot", "https://house.example")).not.toContain("allow-same-origin");
  });
});

// Addresses, comments and the way of a movement.
import { beforeAll, describe, expect, it, vi } from "vitest";
import { boxOf, messageKind } from "@/games/frame/messages";
import { clampTarget, payingAbout, turned } from "@/games/dice/target";
import { commentPayload, crc32c } from "@/wallet/comment";
import { speak } from "@/texts/texts";
import { stagesOf, reasonText, statusText } from "@/wallet/movements";
import { addressFault, chunked } from "@/wallet/tonAddress";

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

describe("addresses", () => {
  it("are accepted in all their forms", () => {
    expect(addressFault(address(0x11, 0))).toBeNull();
    expect(addressFault(address(0x51, 0))).toBeNull();
    expect(addressFault(address(0x51, 0).replaceAll("-", "+").replaceAll("_", "/"))).toBeNull();
    expect(addressFault(`0:${"ab".repeat(32)}`)).toBeNull();
  });

  it("are refused for one wrong sign", () => {
    const good = address(0x51, 0);
    const wrong = good.slice(0, 20) + (good[20] === "A" ? "B" : "A") + good.slice(21);
    expect(addressFault(wrong)).toBe("checksum");
    expect(addressFault(address(0x51, -1))).toBe("masterchain");
    expect(addressFault(`-1:${"ab".repeat(32)}`)).toBe("masterchain");
    expect(addressFault("0x52908400098527886E0F7030069857D2E4169EE7")).toBe("other_network");
    expect(addressFault("hello")).toBe("malformed");
    expect(addressFault(address(0x22, 0))).toBe("malformed");
  });

  it("are shown in groups of four", () => {
    expect(chunked("abcdefghij")).toEqual(["abcd", "efgh", "ij"]);
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
  it("on a chain that shows final blocks only is told as before", () => {
    expect(told("confirming", {})).toBe("waiting for confirmations");
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

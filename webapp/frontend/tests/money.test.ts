// Amounts by digits: what is typed, what is shown, and that nothing is ever rounded up.
import { describe, expect, it } from "vitest";
import { fieldText, floorTo, parseUnits, trimUnits } from "@/money/money";

describe("parsing", () => {
  it.each([
    ["1", 9, 1_000_000_000n],
    ["0.000000001", 9, 1n],
    ["1,5", 6, 1_500_000n],
    [" 2.500000000000 ", 6, 2_500_000n],
    ["9223372036.854775807", 9, 2n ** 63n - 1n],
    ["3.", 2, 300n],
  ])("reads %s at %i decimals", (text, decimals, units) => {
    expect(parseUnits(text, decimals)).toBe(units);
  });

  it.each([
    "",
    "0",
    "0.0",
    "-1",
    "1e3",
    "NaN",
    "∞",
    "1.0000000001",
    "10000000000000",
    ".5",
    "1 000",
    "١",
  ])("refuses %s", (text) => {
    expect(parseUnits(text, 9)).toBeNull();
  });

  it("reads back what it writes into a field", () => {
    for (const units of [1n, 10n, 123_456_789n, 5_000_000_000n, 2n ** 63n - 1n]) {
      expect(parseUnits(fieldText(units, 9), 9)).toBe(units);
    }
  });
});

describe("printing", () => {
  it("drops zeros but keeps two decimals", () => {
    expect(trimUnits(12_500_000_000n, 9)).toBe("12.50");
    expect(trimUnits(12_483_920_114n, 9)).toBe("12.483920114");
    expect(trimUnits(-1n, 9)).toBe("-0.000000001");
    expect(trimUnits(5n, 0)).toBe("5");
  });

  it("never shows more than there is", () => {
    expect(trimUnits(floorTo(12_483_999_999n, 9, 4), 9)).toBe("12.4839");
    expect(floorTo(7n, 6, 9)).toBe(7n);
  });
});

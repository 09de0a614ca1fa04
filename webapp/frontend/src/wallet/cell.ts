// One cell of TON and the bag that carries it: enough for the bodies that we ask wallets to send.

const MAGIC = [0xb5, 0xee, 0x9c, 0x72];
const CELL_BITS_MAX = 1023;

/** Bits of one cell, written in order; more than a cell holds is a RangeError. */
export class CellWriter {
  private readonly bits: number[] = [];

  uint(value: bigint, width: number): this {
    if (value < 0n || value >= 1n << BigInt(width)) throw new RangeError("it does not fit");
    for (let place = BigInt(width) - 1n; place >= 0n; place -= 1n) {
      this.bits.push(Number((value >> place) & 1n));
    }
    return this;
  }

  bytes(content: Uint8Array): this {
    for (const byte of content) this.uint(BigInt(byte), 8);
    return this;
  }

  /** An amount: four bits say how many bytes follow. */
  coins(units: bigint): this {
    const length = Math.ceil(units.toString(2).length / 8);
    return units === 0n ? this.uint(0n, 4) : this.uint(BigInt(length), 4).uint(units, 8 * length);
  }

  /** A plain account; its text must have been checked. */
  address(text: string): this {
    const { workchain, account } = accountOf(text);
    return this.uint(0b100n, 3)
      .uint(BigInt.asUintN(8, BigInt(workchain)), 8)
      .bytes(account);
  }

  /** The bag of this one cell, in base64. */
  bag(): string {
    const count = this.bits.length;
    if (count > CELL_BITS_MAX) throw new RangeError("it does not fit one cell");
    const padded = count % 8 === 0 ? this.bits : [...this.bits, 1];
    const data = new Uint8Array(Math.ceil(padded.length / 8));
    padded.forEach((bit, at) => {
      data[at >> 3]! |= bit << (7 - (at & 7));
    });
    // No references; the length in half bytes, odd when the last byte is not full.
    const cell = Uint8Array.from([0, Math.floor(count / 8) + Math.ceil(count / 8), ...data]);
    const bag = Uint8Array.from([
      ...MAGIC,
      0x41, // a checksum follows; cell indices take one byte
      0x01, // offsets take one byte
      0x01, // one cell
      0x01, // one root
      0x00, // none absent
      cell.length,
      0x00, // the root is cell 0
      ...cell,
    ]);
    const whole = new Uint8Array(bag.length + 4);
    whole.set(bag);
    new DataView(whole.buffer).setUint32(bag.length, crc32c(bag), true);
    return btoa(String.fromCharCode(...whole));
  }
}

/** CRC-32C (Castagnoli). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function accountOf(text: string): { workchain: number; account: Uint8Array } {
  const raw = /^(-?\d+):([0-9a-fA-F]{64})$/.exec(text);
  if (raw !== null) {
    const account = Uint8Array.from(raw[2]!.match(/../g)!, (byte) => parseInt(byte, 16));
    return { workchain: Number(raw[1]), account };
  }
  const packed = Uint8Array.from(
    atob(text.replaceAll("-", "+").replaceAll("_", "/")),
    (sign) => sign.charCodeAt(0),
  );
  if (packed.length !== 36) throw new RangeError("not an address");
  return { workchain: new DataView(packed.buffer).getInt8(1), account: packed.subarray(2, 34) };
}

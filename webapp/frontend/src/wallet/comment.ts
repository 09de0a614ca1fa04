// A text comment as the body of a TON transfer: one cell in a bag, in base64.

const MAGIC = [0xb5, 0xee, 0x9c, 0x72];
const CELL_BYTES_MAX = 127;

/** The base64 bag of cells for a comment that fits one cell; TON Connect's `payload`. */
export function commentPayload(comment: string): string {
  const text = new TextEncoder().encode(comment);
  // A comment is 32 zero bits, then its bytes.
  const data = new Uint8Array(4 + text.length);
  data.set(text, 4);
  if (data.length > CELL_BYTES_MAX) throw new RangeError("the comment does not fit one cell");
  const cell = Uint8Array.from([0, data.length * 2, ...data]);
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

/** CRC-32C (Castagnoli). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

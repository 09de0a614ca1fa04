// Is this text a TON address? Checked by its own check digits before the server is asked.

export type AddressFault = "malformed" | "checksum" | "other_network" | "masterchain";

const RAW = /^(-?\d+):([0-9a-fA-F]{64})$/;
const FRIENDLY = /^[A-Za-z0-9+/_-]{48}$/;
const BOUNCEABLE = 0x11;
const NOT_BOUNCEABLE = 0x51;
const TEST_ONLY = 0x80;

/** What is wrong with the address, or null when nothing is. */
export function addressFault(text: string): AddressFault | null {
  const raw = RAW.exec(text);
  if (raw !== null) return raw[1] === "0" ? null : "masterchain";
  if (
    /^(0x[0-9a-fA-F]{40}|(bc1|[13])[a-zA-HJ-NP-Z0-9]{25,62}|T[1-9A-HJ-NP-Za-km-z]{33})$/.test(text)
  ) {
    return "other_network";
  }
  if (!FRIENDLY.test(text)) return "malformed";
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) =>
    sign.charCodeAt(0),
  );
  const view = new DataView(bytes.buffer);
  if (crc16(bytes.subarray(0, 34)) !== view.getUint16(34)) return "checksum";
  const tag = view.getUint8(0) & ~TEST_ONLY;
  if (tag !== BOUNCEABLE && tag !== NOT_BOUNCEABLE) return "malformed";
  return view.getInt8(1) === 0 ? null : "masterchain";
}

/** The text in groups of four, so that eyes can compare it. */
export function chunked(text: string): string[] {
  return text.match(/.{1,4}/g) ?? [];
}

/** CRC-16 as TON addresses use it (XMODEM). */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
    }
  }
  return crc;
}

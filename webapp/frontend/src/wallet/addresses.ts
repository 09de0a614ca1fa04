// Is this text an address of the network? Obvious mistakes are named before the server is asked.
import { find } from "@/texts/texts";

export interface AddressFault {
  readonly reason: "malformed" | "checksum" | "other_network" | "masterchain";
  /** The network whose address this looks like, if it is another one's. */
  readonly network?: string;
}

const RAW = /^(-?\d+):([0-9a-fA-F]{64})$/;
const FRIENDLY = /^[A-Za-z0-9+/_-]{48}$/;
const BOUNCEABLE = 0x11;
const NOT_BOUNCEABLE = 0x51;
const TEST_ONLY = 0x80;
const GROUP = 4;
// The first that fits names the network that the person had in mind.
const LOOKS: readonly (readonly [string, RegExp])[] = [
  ["ethereum", /^0[xX][0-9a-fA-F]{40}$/],
  ["ton", RAW],
  ["ton", FRIENDLY],
  ["tron", /^T[1-9A-HJ-NP-Za-km-z]{33}$/],
  ["bitcoin", /^(bc|tb|bcrt|rltc)1[0-9a-z]{6,87}$/i],
  ["bitcoin", /^[13mn2][1-9A-HJ-NP-Za-km-z]{25,34}$/],
];

/** What is wrong with the address on this network, or null when nothing is to be seen from here. */
export function addressFault(text: string, network: string): AddressFault | null {
  const looks = LOOKS.find(([, form]) => form.test(text))?.[0];
  if (looks === undefined) return { reason: "malformed" };
  if (looks !== network) return { reason: "other_network", network: looks };
  return network === "ton" ? tonFault(text) : null;
}

/** The fault in words, with what to do next. */
export function faultText({ reason, network }: AddressFault, wanted: string): string | null {
  const named = {
    network: find(`address_kind.${network}`) ?? "",
    wanted: find(`address_kind.${wanted}`) ?? "",
  };
  const key = `refusal.address_invalid.${reason}`;
  return find(`${key}.${wanted}`, named) ?? find(key, named);
}

/** The text in groups of four, so that eyes can compare it. */
export function grouped(text: string): string[] {
  return text.match(new RegExp(`.{1,${GROUP}}`, "g")) ?? [];
}

/** Enough of an address to tell it from others in a list; never enough to trust it. */
export function endsOf(text: string): string {
  const groups = grouped(text);
  return groups.length <= 4
    ? groups.join(" ")
    : `${groups.slice(0, 2).join(" ")} … ${groups.slice(-2).join(" ")}`;
}

function tonFault(text: string): AddressFault | null {
  const raw = RAW.exec(text);
  if (raw !== null) return raw[1] === "0" ? null : { reason: "masterchain" };
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) =>
    sign.charCodeAt(0),
  );
  const view = new DataView(bytes.buffer);
  if (crc16(bytes.subarray(0, 34)) !== view.getUint16(34)) return { reason: "checksum" };
  const tag = view.getUint8(0) & ~TEST_ONLY;
  if (tag !== BOUNCEABLE && tag !== NOT_BOUNCEABLE) return { reason: "malformed" };
  return view.getInt8(1) === 0 ? null : { reason: "masterchain" };
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

// Bodies of transfers for TON Connect's `payload`: a comment with coins, and a payment of jettons.
import { CellWriter } from "@/wallet/cell";

const JETTON_TRANSFER = 0x0f8a7ea5n;
/** Coins for the receiver: with none his account is not told that jettons came. */
const FORWARD_COINS = 1n;
/** Coins that travel with a payment of jettons; what is not used comes back to the sender. */
export const JETTON_ATTACHED_COINS = 100_000_000n;

/** A comment that fits one cell: 32 zero bits, then its bytes. */
export function commentPayload(comment: string): string {
  return withComment(new CellWriter(), comment).bag();
}

/**
 * What a jetton wallet is asked by its owner (TEP-74): pay `units` to the account `to`, send unused
 * coins back to `owner`, and pass the comment on.
 */
export function jettonPayload(asked: {
  readonly units: bigint;
  readonly to: string;
  readonly owner: string;
  readonly comment: string | null;
}): string {
  const cell = new CellWriter()
    .uint(JETTON_TRANSFER, 32)
    .uint(0n, 64)
    .coins(asked.units)
    .address(asked.to)
    .address(asked.owner)
    .uint(0n, 1) // nothing for the jetton wallet itself
    .coins(FORWARD_COINS)
    .uint(0n, 1); // what is passed on follows in this cell
  return (asked.comment === null ? cell : withComment(cell, asked.comment)).bag();
}

function withComment(cell: CellWriter, comment: string): CellWriter {
  return cell.uint(0n, 32).bytes(new TextEncoder().encode(comment));
}

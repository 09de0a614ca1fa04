"""Emptying a deposit address on TON: the bytes that its wallet obeys, and where they landed.

A wallet that has sent everything away is destroyed with the message, so that it owes no rent, and
counts from zero when it is used again. The same bytes could then be obeyed once more while they
last: they can only pay ourselves, and they do not last long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ton_core import ExternalMessage, InternalMessage, begin_cell

from payments.addresses import parse_ton
from payments.chains.base import MemberVerdict, Outcome, PayoutVerdict
from payments.chains.ton_cells import library_address, normalised_hash, write_boc
from payments.chains.ton_history import by_message
from payments.chains.ton_jetton_facts import (
    member_query_id,
    read_transfer,
    transfer_body,
)
from payments.chains.ton_jetton_judge import judge_transfer
from payments.chains.ton_jetton_payout import ATTACHED_UNITS
from payments.chains.ton_wallet import SignedMessage, carried_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    from payments.addresses import TonAddress
    from payments.chains.base import ChainHead, SentPayout
    from payments.chains.ton_deposit_wallets import DepositWallet
    from payments.chains.ton_facts import TonMessage
    from payments.rpc import Toncenter

    Sign = Callable[[bytes], bytes]

ALL_AND_DESTROY = 128 + 32
PAY_FEES_SEPARATELY = 1
SWEEP_PLACE = 255
"""The place in query ids that no member of a batch has."""
SEND = 0


def build_sweep(
    wallet: DepositWallet, to: TonAddress, *, seqno: int, valid_until: int, sign: Sign
) -> SignedMessage:
    """The external message by which a deposit wallet sends all its coins to `to` and is gone."""
    message = InternalMessage(dest=library_address(to), value=0, bounce=False)
    return _external(
        wallet, message, ALL_AND_DESTROY, seqno=seqno, valid_until=valid_until, sign=sign
    )


def build_jetton_sweep(
    wallet: DepositWallet,
    jetton_wallet: TonAddress,
    to: TonAddress,
    *,
    units: int,
    created_at: int,
    seqno: int,
    valid_until: int,
    sign: Sign,
) -> SignedMessage:
    """The external message by which a deposit wallet has `units` of its jettons sent to the owner
    `to`; coins that are not needed go there too, others stay. Raises CellError for an amount or a
    number that does not fit."""
    message = InternalMessage(
        dest=library_address(jetton_wallet),
        value=ATTACHED_UNITS,
        bounce=True,
        body=transfer_body(
            query_id=member_query_id(
                query_id=seqno % (1 << 23), created_at=created_at, place=SWEEP_PLACE
            ),
            units=units,
            to=to,
            change_to=to,
            forward_units=0,
            memo="",
        ),
    )
    return _external(
        wallet, message, PAY_FEES_SEPARATELY, seqno=seqno, valid_until=valid_until, sign=sign
    )


def _external(
    wallet: DepositWallet,
    message: InternalMessage,
    mode: int,
    *,
    seqno: int,
    valid_until: int,
    sign: Sign,
) -> SignedMessage:
    """A v4r2 wallet's order: wallet-v4-code.fc of ton-blockchain/wallet-contract."""
    order = (
        begin_cell()
        .store_uint(wallet.subwallet_id, 32)
        .store_uint(valid_until, 32)
        .store_uint(seqno, 32)
        .store_uint(SEND, 8)
        .store_uint(mode, 8)
        .store_ref(message.serialize())
        .end_cell()
    )
    body = begin_cell().store_bytes(sign(bytes(order.hash))).store_cell(order).end_cell()
    external = ExternalMessage(
        dest=library_address(wallet.address), state_init=wallet.state_init(), body=body
    )
    return SignedMessage(write_boc(external.serialize()), normalised_hash(wallet.address, body))


async def judge_sweep(rpc: Toncenter, payout: SentPayout, *, head: ChainHead) -> PayoutVerdict:
    """Whether the deposit wallet `payout.account` obeyed and what it sent has arrived with us.

    A sweep whose time is over and that the index does not know is dead. That is less proof than
    a payment needs: were it wrong, the coins would be where the next sweep takes them."""
    (member,) = payout.members
    number = member.withdrawal_id
    carrier = await by_message(rpc, carried_hash(payout.signed), account=payout.account, head=head)
    if carrier is None or carrier.aborted:
        over = head.at > payout.expires_at
        proof = f"expired at {payout.expires_at.isoformat()}, unknown at block {head.block}"
        dead = MemberVerdict(number, Outcome.FAILED, proof=proof, retriable=True)
        return PayoutVerdict(False, "", (dead if over else MemberVerdict(number, Outcome.UNKNOWN),))
    tx_hash = carrier.position.tx_hash
    if not carrier.outgoing:
        proof = f"carrier {tx_hash} sent nothing"
        dead = MemberVerdict(number, Outcome.FAILED, tx_hash, proof, retriable=True)
        return PayoutVerdict(True, tx_hash, (dead,))
    message = carrier.outgoing[0]
    asked = read_transfer(message.body)
    if asked is not None and message.destination is not None:
        judged = await judge_transfer(
            rpc, member, asked.query_id, message, wallet=message.destination, head=head
        )
        return PayoutVerdict(True, tx_hash, (judged,))
    return PayoutVerdict(True, tx_hash, (await _arrived(rpc, payout, message, tx_hash, head),))


async def _arrived(
    rpc: Toncenter, payout: SentPayout, message: TonMessage, tx_hash: str, head: ChainHead
) -> MemberVerdict:
    (member,) = payout.members
    home = parse_ton(member.destination, testnet=True).raw
    taken = await by_message(rpc, message.message_hash, account=home, head=head)
    if taken is None:
        return MemberVerdict(member.withdrawal_id, Outcome.UNKNOWN, tx_hash)
    return MemberVerdict(member.withdrawal_id, Outcome.SUCCEEDED, tx_hash, "arrived")

"""The hot wallet: a highload v3 contract, its address and the bytes that make it pay.

The wallet works in two steps. The external message, signed by us, makes it send one message to
itself; that second message carries the list of payments. So a payout has a carrier transaction and
a paying transaction, and only the second one shows what was really paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ton_core import (
    CONTRACT_CODES,
    Address,
    Cell,
    ContractVersion,
    ExternalMessage,
    ExternalMsgInfo,
    InternalMessage,
    InternalMsgInfo,
    MessageAny,
    PublicKey,
    StateInit,
    WalletHighloadV3Data,
    begin_cell,
)

from payments.addresses import BASECHAIN, TonAddress, is_bounceable, parse_ton
from payments.chains.ton_cells import (
    INTERNAL_TRANSFER_OPCODE,
    CellError,
    Fields,
    comment_cell,
    fuel_cell,
    library_address,
    normalised_hash,
    read_cell,
    transfer_query_id,
    write_boc,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

QUERY_IDS = 1 << 23
QUERY_ID_BITS_MAX = 1022
"""The contract refuses ids whose low ten bits are 1023."""
TIMEOUT_SECONDS_MAX = (1 << 22) - 1
MEMBERS_MAX = 200
BOC_BYTES_MAX = 65_535
"""Validators refuse longer external messages: ExtMessageQ::max_ext_msg_size, ton-blockchain/ton."""
SEND_ACTION = 0x0EC3C86D
PAY_FEES_SEPARATELY = 1
PAY_FEES_AND_IGNORE_ERRORS = 3
SELF_MESSAGE_UNITS = 50_000_000
"""Travels from the wallet to itself and pays for the second step. It must be small and explicit:
were it the sum of the payments, one payment too dear would stop all the others."""


@dataclass(frozen=True, slots=True)
class HotWallet:
    """Everything that decides the wallet's address."""

    public_key: bytes
    subwallet_id: int
    timeout_seconds: int

    def state_init(self) -> StateInit:
        """Code and first data, which deploy the wallet with its first payout."""
        if not 0 < self.timeout_seconds <= TIMEOUT_SECONDS_MAX:
            raise CellError("timeout does not fit the wallet's field")
        data = WalletHighloadV3Data(
            public_key=PublicKey(self.public_key),
            subwallet_id=self.subwallet_id,
            timeout=self.timeout_seconds,
        )
        code = Cell.one_from_boc(CONTRACT_CODES[ContractVersion.WalletHighloadV3R1])
        return StateInit(code=code, data=data.serialize())

    @property
    def address(self) -> TonAddress:
        """Where the wallet lives; a function of its code and first data."""
        return TonAddress(BASECHAIN, bytes(self.state_init().serialize().hash))


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of a payout."""

    destination: str
    """As ordered; its bounceable flag decides whether refused money comes back."""
    units: int
    memo: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message that the wallet sends; `units` of coins travel in it."""

    destination: TonAddress
    units: int
    bounce: bool
    body: Cell


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """Bytes ready for the network, and the hash by which they are found there."""

    boc: bytes
    message_hash: str


def require_query_id(query_id: int) -> int:
    """`query_id`, or CellError if the contract would refuse it."""
    if not 0 <= query_id < QUERY_IDS or query_id & 1023 > QUERY_ID_BITS_MAX:
        raise CellError("the wallet does not take this query id")
    return query_id


def coins_parcel(payment: Payment) -> Parcel:
    """The message that makes a payment of coins. Raises CellError for a payment of nothing."""
    if payment.units <= 0:
        raise CellError("a payment needs a positive amount")
    return Parcel(
        destination=parse_ton(payment.destination, testnet=True),
        units=payment.units,
        bounce=is_bounceable(payment.destination),
        body=comment_cell(payment.memo),
    )


def fuel_parcel(destination: TonAddress, units: int) -> Parcel:
    """Coins for a deposit address of ours that has jettons and nothing to move them with."""
    return Parcel(destination=destination, units=units, bounce=False, body=fuel_cell())


def build_payout(
    wallet: HotWallet,
    payments: Sequence[Payment],
    *,
    query_id: int,
    created_at: int,
    deploy: bool,
    sign: Callable[[bytes], bytes],
) -> SignedMessage:
    """The external message that pays `payments` in coins; see `sign_parcels`."""
    return sign_parcels(
        wallet,
        [coins_parcel(payment) for payment in payments],
        query_id=query_id,
        created_at=created_at,
        deploy=deploy,
        sign=sign,
    )


def sign_parcels(
    wallet: HotWallet,
    parcels: Sequence[Parcel],
    *,
    query_id: int,
    created_at: int,
    deploy: bool,
    sign: Callable[[bytes], bytes],
) -> SignedMessage:
    """The external message by which the wallet sends `parcels`; the same input gives the same
    bytes.

    `created_at` is chain time in seconds; `sign` makes an Ed25519 signature of 32 bytes of hash.
    Raises CellError for an empty or too long list and for a bad query id."""
    if not 1 <= len(parcels) <= MEMBERS_MAX:
        raise CellError("a payout has between 1 and 200 members")
    address = wallet.address
    inner = InternalMessage(
        dest=library_address(address),
        value=SELF_MESSAGE_UNITS,
        bounce=False,
        body=_transfer_body(parcels, query_id=require_query_id(query_id)),
    )
    order = (
        begin_cell()
        .store_uint(wallet.subwallet_id, 32)
        .store_ref(inner.serialize())
        .store_uint(PAY_FEES_SEPARATELY, 8)
        .store_uint(query_id, 23)
        .store_uint(created_at, 64)
        .store_uint(wallet.timeout_seconds, 22)
        .end_cell()
    )
    body = begin_cell().store_bytes(sign(bytes(order.hash))).store_ref(order).end_cell()
    external = ExternalMessage(
        dest=library_address(address),
        state_init=wallet.state_init() if deploy else None,
        body=body,
    )
    boc = write_boc(external.serialize())
    if len(boc) > BOC_BYTES_MAX:
        raise CellError("the payout is too long for the network; fewer members or shorter memos")
    return SignedMessage(boc, normalised_hash(address, body))


def carried_hash(boc: bytes) -> str:
    """The normalised hash of a stored external message, worked out from its bytes alone."""
    destination, body = _external(boc)
    return normalised_hash(destination, body)


def carried_parcels(boc: bytes) -> tuple[TonAddress, tuple[Parcel, ...]]:
    """The wallet that a stored external message is for, and what it shall send, in order; worked
    out from the bytes alone, whatever today's code would build. Raises CellError for bytes that
    are no payout."""
    wallet, body = _external(boc)
    return wallet, parcels_of(body)


def query_id_of(body: Cell) -> int:
    """The query id that the body of an external message uses up in a highload wallet. Raises
    CellError for a body of any other kind."""
    found = transfer_query_id(_read_parcel(Fields(Fields(body).ref()).ref()).body)
    if found is None:
        raise CellError("no payout of a highload wallet")
    return found


def parcels_of(body: Cell) -> tuple[Parcel, ...]:
    """What the body of an external message makes a highload wallet send, in order. Raises
    CellError for a body of any other kind."""
    order = Fields(Fields(body).ref())
    transfer_body = _read_parcel(order.ref()).body
    if transfer_query_id(transfer_body) is None:
        raise CellError("no payout of a highload wallet")
    actions = Fields(Fields(transfer_body).ref())
    parcels: list[Parcel] = []
    while actions.refs:
        previous = actions.ref()
        parcels.append(_read_parcel(actions.ref()))
        actions = Fields(previous)
    return tuple(reversed(parcels))


def _external(boc: bytes) -> tuple[TonAddress, Cell]:
    info, body = _read_message(read_cell(boc))
    if not isinstance(info, ExternalMsgInfo):
        raise CellError("not a message from outside")
    return _plain(info.dest), body


def _read_message(cell: Cell) -> tuple[object, Cell]:
    try:
        message = MessageAny.deserialize(cell.begin_parse())
    except Exception as error:  # the library raises what its parts happen to raise
        raise CellError("not a message") from error
    return message.info, message.body


def _plain(address: object) -> TonAddress:
    if not isinstance(address, Address):
        raise CellError("a message to nobody")
    return TonAddress(address.wc, address.hash_part)


def _read_parcel(cell: Cell) -> Parcel:
    info, body = _read_message(cell)
    if not isinstance(info, InternalMsgInfo):
        raise CellError("not a message between accounts")
    return Parcel(
        destination=_plain(info.dest),
        units=int(info.value_coins),
        bounce=bool(info.bounce),
        body=body,
    )


def _transfer_body(parcels: Sequence[Parcel], *, query_id: int) -> Cell:
    actions = Cell.empty()
    for parcel in parcels:
        message = InternalMessage(
            dest=library_address(parcel.destination),
            value=parcel.units,
            bounce=parcel.bounce,
            body=parcel.body,
        )
        actions = (
            begin_cell()
            .store_ref(actions)
            .store_uint(SEND_ACTION, 32)
            .store_uint(PAY_FEES_AND_IGNORE_ERRORS, 8)
            .store_ref(message.serialize())
            .end_cell()
        )
    return (
        begin_cell()
        .store_uint(INTERNAL_TRANSFER_OPCODE, 32)
        .store_uint(query_id, 64)
        .store_ref(actions)
        .end_cell()
    )

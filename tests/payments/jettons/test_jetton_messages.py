"""Jetton messages without a network, held against two independent libraries."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey
from ton_core import (
    Address,
    Cell,
    ExternalAddress,
    JettonInternalTransferBody,
    JettonTransferBody,
    NetworkGlobalID,
    PrivateKey,
    WalletHighloadV3Config,
    WalletHighloadV3Params,
    begin_cell,
)
from tonsdk.boc import Cell as TonsdkCell
from tonutils.clients import ToncenterClient
from tonutils.contracts import TONTransferBuilder, WalletHighloadV3R1

from casino.errors import OutsideUnavailable
from payments.addresses import TonAddress, parse_ton
from payments.chains.base import Position
from payments.chains.ton_cells import (
    CellError,
    Fields,
    comment_cell,
    library_address,
    opcode,
    read_cell,
)
from payments.chains.ton_facts import TonMessage, TonTransaction
from payments.chains.ton_jetton_facts import (
    AMOUNT_MAX,
    excesses_query_id,
    is_our_query,
    jettons_received,
    member_query_id,
    read_internal_transfer,
    read_transfer,
    transfer_body,
)
from payments.chains.ton_jetton_payout import ATTACHED_UNITS, build_jetton_payout
from payments.chains.ton_wallet import (
    BOC_BYTES_MAX,
    MEMBERS_MAX,
    SELF_MESSAGE_UNITS,
    HotWallet,
    Payment,
    SignedMessage,
    carried_hash,
    carried_parcels,
    coins_parcel,
    sign_parcels,
)

KEY = SigningKey(bytes(range(32)))
WALLET = HotWallet(bytes(KEY.verify_key), 0x10AD, 3600)
OURS = TonAddress(0, b"\x77" * 32)
RECEIVER = TonAddress(0, b"\x55" * 32)
NOW = datetime(2026, 7, 1, tzinfo=UTC)

accounts = st.builds(TonAddress, st.just(0), st.binary(min_size=32, max_size=32))
amounts = st.integers(1, AMOUNT_MAX)
queries = st.integers(0, 2**64 - 1)
memos = st.text(max_size=120).filter(lambda text: len(text.encode()) <= 120)
payments = st.builds(
    lambda to, units, memo: Payment(to.friendly(), units, memo), accounts, amounts, memos
)
bits = st.text("01", max_size=500)


@st.composite
def cells(draw: st.DrawFn, depth: int = 3) -> Cell:
    """Any small tree of ordinary cells."""
    builder = begin_cell().store_bits(draw(bits))
    if depth:
        for child in draw(st.lists(cells(depth - 1), max_size=2)):
            builder.store_ref(child)
    return builder.end_cell()


@st.composite
def any_address(draw: st.DrawFn) -> str:
    """The bits of a MsgAddress of any of the four kinds."""
    kind = draw(st.sampled_from(["none", "external", "standard", "variable"]))
    if kind == "none":
        return "00"
    if kind == "external":
        inner = draw(st.text("01", max_size=60))
        return "01" + f"{len(inner):09b}" + inner
    depth = draw(st.integers(0, 30))
    anycast = f"1{depth:05b}" + "1" * depth if depth else "0"
    if kind == "standard":
        return "10" + anycast + "0" * 8 + "01" * 128
    inner = draw(st.text("01", max_size=60))
    return "11" + anycast + f"{len(inner):09b}" + "0" * 32 + inner


def transaction(body: Cell, *, aborted: bool = False, bounced: bool = False) -> TonTransaction:
    """What our jetton wallet would record of a message with this body."""
    message = TonMessage(
        "ab" * 32, "0:" + "11" * 32, OURS.raw, 10, 1, True, bounced, opcode(body), body
    )
    position = Position(5, "cd" * 32)
    return TonTransaction(
        OURS.raw, position, Position(), 7, NOW, aborted, False, False, 1, message, ()
    )


def build(batch: list[Payment], *, query_id: int = 1, created_at: int = 1) -> SignedMessage:
    return build_jetton_payout(
        WALLET,
        OURS,
        batch,
        query_id=query_id,
        created_at=created_at,
        deploy=False,
        sign=lambda digest: KEY.sign(digest).signature,
    )


@given(queries, amounts, accounts, accounts, st.integers(0, 2**64), memos)
def test_a_transfer_is_what_another_library_makes(
    query_id: int, units: int, to: TonAddress, change_to: TonAddress, forward: int, memo: str
) -> None:
    ours = transfer_body(
        query_id=query_id,
        units=units,
        to=to,
        change_to=change_to,
        forward_units=forward,
        memo=memo,
    )
    theirs = JettonTransferBody(
        destination=library_address(to),
        jetton_amount=units,
        response_address=library_address(change_to),
        forward_payload=comment_cell(memo) if memo else None,
        forward_amount=forward,
        query_id=query_id,
    ).serialize()
    assert ours.hash == theirs.hash
    told = read_transfer(ours)
    assert told is not None
    assert (told.query_id, told.units, told.owner) == (query_id, units, to)
    assert read_internal_transfer(ours) is None


@given(amounts, memos.filter(bool), accounts)
def test_a_comment_survives_the_way(units: int, memo: str, sender: TonAddress) -> None:
    body = JettonInternalTransferBody(
        jetton_amount=units,
        forward_amount=1,
        from_address=library_address(sender),
        response_address=library_address(sender),
        forward_payload=comment_cell(memo),
    ).serialize()
    told = jettons_received(transaction(body))
    assert told is not None
    assert (told.units, told.comment, told.sender) == (units, memo, sender.raw)
    assert jettons_received(transaction(body, aborted=True)) is None
    assert jettons_received(transaction(body, bounced=True)) is None


@given(amounts, any_address(), any_address(), bits, st.lists(cells(), max_size=3))
def test_no_payload_and_no_address_of_a_stranger_stops_us(
    units: int, source: str, change_to: str, payload: str, refs: list[Cell]
) -> None:
    head = (
        begin_cell()
        .store_uint(0x178D4519, 32)
        .store_uint(9, 64)
        .store_coins(units)
        .store_bits(source)
        .store_bits(change_to)
        .store_coins(1)
    )
    body = head.store_bits(payload[: head.available_bits])
    for ref in refs:
        body.store_ref(ref)
    told = jettons_received(transaction(body.end_cell()))
    assert told is not None
    assert told.units == units


@given(cells(), st.booleans())
def test_bodies_of_any_kind_are_read_or_need_a_person(body: Cell, prefixed: bool) -> None:
    if prefixed and len(body.bits) <= 900:
        body = begin_cell().store_uint(0x178D4519, 32).store_cell(body).end_cell()
    try:
        told = jettons_received(transaction(body))
    except OutsideUnavailable:
        assert prefixed
    else:
        assert told is None or told.units > 0
    message = transaction(body).incoming
    assert message is not None
    excesses_query_id(message)


@pytest.mark.parametrize(
    ("either", "refs", "comment"),
    [
        ("", 0, None),
        ("", 1, None),
        ("1", 0, None),
        ("1", 1, "tag"),
        ("1", 2, None),
        ("10", 1, None),
        ("0", 0, None),
        ("0" + "0" * 32, 0, ""),
        ("0" + "0" * 32 + "01100001", 0, "a"),
    ],
    ids=["old", "bare ref", "no ref", "ref", "two refs", "ref and more", "none", "empty", "inline"],
)
def test_a_payload_is_text_only_in_its_one_form(
    either: str, refs: int, comment: str | None
) -> None:
    body = (
        begin_cell()
        .store_uint(0x178D4519, 32)
        .store_uint(9, 64)
        .store_coins(7)
        .store_address(library_address(RECEIVER))
        .store_address(None)
        .store_coins(0)
        .store_bits(either)
    )
    for _ in range(refs):
        body.store_ref(comment_cell("tag"))
    told = jettons_received(transaction(body.end_cell()))
    assert told is not None
    assert (told.units, told.comment) == (7, comment)


def test_a_field_that_is_cut_short_is_an_error_and_no_number() -> None:
    short = begin_cell().store_uint(5, 16).end_cell()
    for read in (
        lambda: Fields(short).uint(64),
        lambda: Fields(short).skip(17),
        lambda: Fields(begin_cell().store_uint(15, 4).end_cell()).coins(),
        lambda: Fields(begin_cell().store_uint(2, 2).end_cell()).address(),
        lambda: Fields(short).ref(),
        lambda: Fields(Cell(short.bits, [], 2)),
    ):
        with pytest.raises(CellError):
            read()


def test_addresses_of_every_kind_are_read_to_their_end() -> None:
    for stored, address in (
        (library_address(RECEIVER), RECEIVER),
        (Address((-1, RECEIVER.account)), TonAddress(-1, RECEIVER.account)),
        (ExternalAddress(5, 9), None),
        (None, None),
    ):
        fields = Fields(begin_cell().store_address(stored).store_uint(77, 8).end_cell())
        assert fields.address() == address
        assert fields.uint(8) == 77


@given(
    st.lists(
        st.tuples(st.integers(0, 2**23 - 1), st.integers(0, 2**32 - 1), st.integers(0, 255)),
        min_size=2,
        max_size=2,
        unique=True,
    )
)
def test_two_members_never_share_a_query_id(pair: list[tuple[int, int, int]]) -> None:
    one, other = (
        member_query_id(query_id=query, created_at=at, place=place) for query, at, place in pair
    )
    assert one != other
    assert 0 <= one < 2**64
    assert one >> 63 == 1


def test_a_query_id_is_ours_only_in_its_time() -> None:
    sent = NOW - timedelta(hours=1)
    ours = member_query_id(query_id=7, created_at=int(sent.timestamp()), place=3)
    assert is_our_query(ours, at=NOW)
    assert not is_our_query(ours, at=NOW + timedelta(days=90))
    assert not is_our_query(ours, at=sent - timedelta(seconds=1))
    assert not is_our_query(ours ^ 1 << 63, at=NOW)
    assert not is_our_query(0, at=NOW)
    with pytest.raises(CellError):
        member_query_id(query_id=7, created_at=2**32, place=0)


@given(st.lists(payments, min_size=1, max_size=5), st.integers(0, 1022), st.integers(0, 2**32 - 1))
def test_the_bytes_say_what_was_ordered(
    batch: list[Payment], query_id: int, created_at: int
) -> None:
    signed = build(batch, query_id=query_id, created_at=created_at)
    assert signed == build(batch, query_id=query_id, created_at=created_at)
    assert carried_hash(signed.boc) == signed.message_hash
    wallet, parcels = carried_parcels(signed.boc)
    assert wallet == WALLET.address
    assert len(parcels) == len(batch)
    seen = set()
    for parcel, payment in zip(parcels, batch, strict=True):
        told = JettonTransferBody.deserialize(parcel.body.begin_parse())
        assert (parcel.destination, parcel.units, parcel.bounce) == (OURS, ATTACHED_UNITS, True)
        assert told.destination == library_address(parse_ton(payment.destination))
        assert told.response_address == library_address(WALLET.address)
        assert (told.jetton_amount, told.forward_amount) == (payment.units, 1)
        seen.add(told.query_id)
    assert len(seen) == len(batch)


@given(st.lists(payments, min_size=2, max_size=5), st.integers(0, 1022), st.integers(0, 2**32 - 1))
def test_bytes_are_the_same_as_another_library_makes(
    batch: list[Payment], query_id: int, created_at: int
) -> None:
    ours = build(batch, query_id=query_id, created_at=created_at)
    client = ToncenterClient(NetworkGlobalID.TESTNET, base_url="http://127.0.0.1:1", rps_limit=1)
    wallet = WalletHighloadV3R1.from_private_key(
        client,
        PrivateKey(bytes(range(32))),
        config=WalletHighloadV3Config(timeout=3600, subwallet_id=0x10AD),
    )
    bodies = [
        JettonTransferBody(
            destination=Address(payment.destination),
            jetton_amount=payment.units,
            response_address=library_address(WALLET.address),
            forward_payload=comment_cell(payment.memo) if payment.memo else None,
            forward_amount=1,
            query_id=1 << 63 | created_at << 31 | query_id << 8 | place,
        ).serialize()
        for place, payment in enumerate(batch)
    ]
    theirs = asyncio.run(
        wallet.build_external_message(
            [
                TONTransferBuilder(
                    destination=library_address(OURS),
                    amount=ATTACHED_UNITS,
                    body=body,
                    bounce=True,
                    send_mode=3,
                )
                for body in bodies
            ],
            WalletHighloadV3Params(
                query_id=query_id,
                created_at=created_at,
                value_to_send=SELF_MESSAGE_UNITS,
                send_mode=1,
            ),
        )
    )
    assert theirs.normalized_hash == ours.message_hash


def test_the_largest_batch_is_readable_by_an_older_library_and_fits_the_network() -> None:
    batch = [
        Payment(TonAddress(0, bytes([at]) * 32).friendly(), AMOUNT_MAX - at, f"{at:0120}")
        for at in range(MEMBERS_MAX)
    ]
    signed = build(batch)
    cell = TonsdkCell.one_from_boc(signed.boc)
    assert bytes(cell.bytes_hash()) == bytes(read_cell(signed.boc).hash)
    assert len(signed.boc) <= BOC_BYTES_MAX


def test_what_the_network_would_refuse_for_its_length_is_not_signed() -> None:
    batch = [Payment(RECEIVER.friendly(), 1, f"{at:0300}") for at in range(MEMBERS_MAX)]
    with pytest.raises(CellError, match="too long"):
        build(batch)


@pytest.mark.parametrize(
    "batch",
    [
        [],
        [Payment(RECEIVER.friendly(), 1, "")] * (MEMBERS_MAX + 1),
        [Payment(RECEIVER.friendly(), 0, "")],
        [Payment(RECEIVER.friendly(), -5, "")],
        [Payment(RECEIVER.friendly(), AMOUNT_MAX + 1, "")],
    ],
    ids=["nobody", "too many", "nothing", "negative", "more than fits"],
)
def test_impossible_batches_are_not_signed(batch: list[Payment]) -> None:
    with pytest.raises(CellError):
        build(batch)


def test_only_a_payout_has_parcels() -> None:
    coins = sign_parcels(
        WALLET,
        [coins_parcel(Payment(RECEIVER.friendly(), 5, "memo"))],
        query_id=1,
        created_at=1,
        deploy=True,
        sign=lambda digest: KEY.sign(digest).signature,
    )
    wallet, (parcel,) = carried_parcels(coins.boc)
    assert (wallet, parcel.destination, parcel.units) == (WALLET.address, RECEIVER, 5)
    for boc in (b"", comment_cell("no message").to_boc(), comment_cell("").to_boc()):
        with pytest.raises(CellError):
            carried_parcels(boc)

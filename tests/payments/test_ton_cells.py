"""Cells and bytes without a network, held against two independent libraries."""

import asyncio
import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey
from ton_core import (
    Address,
    NetworkGlobalID,
    PrivateKey,
    TextCommentBody,
    WalletHighloadV3Config,
    WalletHighloadV3Params,
    begin_cell,
)
from tonsdk.boc import Cell as TonsdkCell
from tonutils.clients import ToncenterClient
from tonutils.contracts import TONTransferBuilder, WalletHighloadV3R1

from payments.addresses import TonAddress, is_bounceable
from payments.chains.ton_cells import (
    CellError,
    comment_cell,
    read_cell,
    read_cell_base64,
    read_comment,
    transfer_query_id,
    write_boc,
)
from payments.chains.ton_wallet import (
    MEMBERS_MAX,
    SELF_MESSAGE_UNITS,
    HotWallet,
    Payment,
    build_payout,
    carried_hash,
    require_query_id,
)

KEY = SigningKey(bytes(range(32)))
WALLET = HotWallet(bytes(KEY.verify_key), 0x10AD, 3600)
ACCOUNT = TonAddress(0, b"\x55" * 32)

addresses = st.builds(
    lambda account, bounceable: TonAddress(0, account).friendly(bounceable=bounceable),
    st.binary(min_size=32, max_size=32),
    st.booleans(),
)
payments = st.builds(
    Payment,
    addresses,
    st.integers(1, 2**63 - 1),
    st.text(max_size=60).filter(lambda t: len(t) < 60),
)


def sign(digest: bytes) -> bytes:
    return KEY.sign(digest).signature


@given(st.text(min_size=1, max_size=250))
def test_a_comment_survives_both_ways_and_as_others_write_it(text: str) -> None:
    cell = comment_cell(text)
    assert read_comment(read_cell(write_boc(cell))) == text
    assert read_comment(TextCommentBody(text).serialize()) == text
    assert TextCommentBody.deserialize(cell.begin_parse()).text == text


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_a_cell_or_an_error(boc: bytes) -> None:
    with contextlib.suppress(CellError):
        read_comment(read_cell(boc))


def test_a_comment_that_forks_or_never_ends_is_not_text() -> None:
    tail = begin_cell().store_bytes(b"b").end_cell()
    forked = begin_cell().store_uint(0, 32).store_bytes(b"a").store_ref(tail).store_ref(tail)
    assert read_comment(forked.end_cell()) is None
    link = begin_cell().store_bytes(b"x" * 127).end_cell()
    for _ in range(20):
        link = begin_cell().store_bytes(b"x" * 127).store_ref(link).end_cell()
    endless = begin_cell().store_uint(0, 32).store_ref(link).end_cell()
    assert read_comment(endless) is None


def test_too_long_a_memo_is_refused() -> None:
    with pytest.raises(CellError):
        comment_cell("x" * 1025)


def test_text_that_is_no_base64_is_an_error() -> None:
    with pytest.raises(CellError):
        read_cell_base64("not base64!")


@given(st.lists(payments, min_size=1, max_size=6), st.integers(0, 1022), st.integers(0, 2**33))
def test_bytes_are_the_same_as_another_library_makes(
    batch: list[Payment], query_id: int, created_at: int
) -> None:
    ours = build_payout(
        WALLET, batch, query_id=query_id, created_at=created_at, deploy=False, sign=sign
    )
    assert carried_hash(ours.boc) == ours.message_hash
    if len(batch) == 1:
        return  # the other library sends a single payment directly, without the second step
    client = ToncenterClient(NetworkGlobalID.TESTNET, base_url="http://127.0.0.1:1", rps_limit=1)
    wallet = WalletHighloadV3R1.from_private_key(
        client,
        PrivateKey(bytes(range(32))),
        config=WalletHighloadV3Config(timeout=3600, subwallet_id=0x10AD),
    )
    assert wallet.address == Address(WALLET.address.raw)
    theirs = asyncio.run(
        wallet.build_external_message(
            [
                TONTransferBuilder(
                    destination=Address(payment.destination),
                    amount=payment.units,
                    body=payment.memo or None,
                    bounce=is_bounceable(payment.destination),
                    send_mode=3,
                )
                for payment in batch
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


def test_the_same_order_gives_the_same_bytes() -> None:
    batch = [Payment(ACCOUNT.friendly(), 5, "memo")]
    twice = [
        build_payout(WALLET, batch, query_id=7, created_at=9, deploy=True, sign=sign)
        for _ in range(2)
    ]
    assert twice[0] == twice[1]


@pytest.mark.parametrize("deploy", [True, False])
def test_the_largest_batch_is_readable_by_an_older_library(deploy: bool) -> None:
    batch = [Payment(ACCOUNT.friendly(), 1 + at, f"{at}") for at in range(MEMBERS_MAX)]
    message = build_payout(WALLET, batch, query_id=1, created_at=1, deploy=deploy, sign=sign)
    cell = TonsdkCell.one_from_boc(message.boc)
    assert bytes(cell.bytes_hash()) == bytes(read_cell(message.boc).hash)


@pytest.mark.parametrize(
    "batch",
    [
        [],
        [Payment(ACCOUNT.friendly(), 1, "")] * (MEMBERS_MAX + 1),
        [Payment(ACCOUNT.friendly(), 0, "")],
        [Payment(ACCOUNT.friendly(), -5, "")],
    ],
    ids=["nobody", "too many", "nothing", "negative"],
)
def test_impossible_batches_are_not_signed(batch: list[Payment]) -> None:
    with pytest.raises(CellError):
        build_payout(WALLET, batch, query_id=1, created_at=1, deploy=False, sign=sign)


@pytest.mark.parametrize("query_id", [-1, 1023, (5 << 10) | 1023, 1 << 23])
def test_query_ids_that_the_wallet_refuses_are_not_signed(query_id: int) -> None:
    with pytest.raises(CellError):
        require_query_id(query_id)


def test_the_query_id_is_found_in_the_wallets_own_message_only() -> None:
    body = begin_cell().store_uint(0xAE42E5A4, 32).store_uint(77, 64).end_cell()
    assert transfer_query_id(body) == 77
    short = begin_cell().store_uint(0xAE42E5A4, 32).store_uint(77, 63).end_cell()
    assert transfer_query_id(short) is None
    assert transfer_query_id(comment_cell("77")) is None


def test_an_address_depends_on_key_subwallet_and_timeout() -> None:
    others = [
        HotWallet(bytes(SigningKey(b"\1" * 32).verify_key), 0x10AD, 3600),
        HotWallet(bytes(KEY.verify_key), 0x10AE, 3600),
        HotWallet(bytes(KEY.verify_key), 0x10AD, 3601),
    ]
    assert len({WALLET.address, *(other.address for other in others)}) == 4
    assert base64.urlsafe_b64decode(WALLET.address.friendly())[2:34] == WALLET.address.account

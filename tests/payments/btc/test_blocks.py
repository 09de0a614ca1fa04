"""Raw blocks: read as embit and Bitcoin Core read them, and refused as soon as a byte is wrong."""

import contextlib
import struct
from io import BytesIO

import pbk
import pytest
from embit.script import Script, Witness
from embit.transaction import Transaction, TransactionInput, TransactionOutput
from hypothesis import given, settings
from hypothesis import strategies as some

from payments.chains.btc_blocks import (
    RawBytesError,
    ScannedBlock,
    outpoint_bytes,
    read_header,
    read_transaction,
    scan_block,
)
from sandbox.btc.records import double_sha256, merkle_root, varint

GENESIS = bytes.fromhex(
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e"
    "67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c01010000000100000000000000000000"
    "00000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f"
    "4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f75742066"
    "6f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a6"
    "7962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
)
GENESIS_HASH = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
GENESIS_TXID = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"

scripts = some.binary(max_size=40) | some.binary(min_size=250, max_size=260)
inputs = some.builds(
    TransactionInput,
    txid=some.binary(min_size=32, max_size=32),
    vout=some.integers(0, 2**32 - 1),
    script_sig=some.builds(Script, scripts),
    sequence=some.integers(0, 2**32 - 1),
    witness=some.builds(Witness, some.lists(scripts, max_size=4)),
)
outputs = some.builds(
    TransactionOutput,
    value=some.integers(0, 21 * 10**14),
    script_pubkey=some.builds(Script, scripts),
)
transactions = some.builds(
    Transaction,
    version=some.integers(0, 2**32 - 1),
    vin=some.lists(inputs, min_size=1, max_size=5),
    vout=some.lists(outputs, min_size=1, max_size=5),
    locktime=some.integers(0, 2**32 - 1),
)
blocks = some.lists(transactions, min_size=1, max_size=7, unique_by=lambda one: one.txid())


def block_of(txs: list[Transaction]) -> bytes:
    root = merkle_root([one.txid()[::-1] for one in txs])
    header = struct.pack("<i32s32sIII", 2, b"\x11" * 32, root, 1_700_000_000, 0x207FFFFF, 7)
    return header + varint(len(txs)) + b"".join(one.serialize() for one in txs)


@given(tx=transactions)
def test_a_transaction_reads_as_others_read_it(tx: Transaction) -> None:
    raw = bytes(tx.serialize())
    read = read_transaction(raw)
    assert read.txid == tx.txid().hex() == str(pbk.Transaction(raw).txid)
    assert [(one.units, one.script) for one in read.outputs] == [
        (one.value, one.script_pubkey.data) for one in tx.vout
    ]
    assert [(one.outpoint, one.sequence) for one in read.inputs] == [
        (f"{one.txid.hex()}:{one.vout}", one.sequence) for one in tx.vin
    ]
    bare = Transaction(
        tx.version,
        [TransactionInput(i.txid, i.vout, i.script_sig, i.sequence) for i in tx.vin],
        tx.vout,
        tx.locktime,
    )
    weight = 3 * len(bare.serialize()) + len(raw)
    assert read.vsize == -(-weight // 4)


@given(tx=transactions, cut=some.integers(1, 400), more=some.binary(min_size=1, max_size=3))
def test_a_transaction_is_whole_or_refused(tx: Transaction, cut: int, more: bytes) -> None:
    raw = bytes(tx.serialize())
    for bad in (raw[:-cut], raw + more, b""):
        with pytest.raises(RawBytesError):
            read_transaction(bad)


@given(txs=blocks, data=some.data())
@settings(deadline=None, max_examples=25)
def test_a_block_is_searched_as_a_slow_reader_would(
    txs: list[Transaction], data: some.DataObject
) -> None:
    raw = block_of(txs)
    all_scripts = sorted({bytes(out.script_pubkey.data) for tx in txs for out in tx.vout})
    all_inputs = [f"{spent.txid.hex()}:{spent.vout}" for tx in txs for spent in tx.vin]
    wanted = set(data.draw(some.lists(some.sampled_from(all_scripts))))
    spent = set(data.draw(some.lists(some.sampled_from(all_inputs))))
    block = scan_block(raw, scripts=wanted, outpoints={outpoint_bytes(one) for one in spent})
    assert block.txids == tuple(one.txid().hex() for one in txs)
    assert block.hash == double_sha256(raw[:80])[::-1].hex()
    parsed = pbk.Block(raw)
    assert [str(one.txid) for one in parsed.transactions] == list(block.txids)
    assert [(one.txid, one.vout, one.units, one.script, one.coinbase) for one in block.outputs] == [
        (tx.txid().hex(), vout, out.value, out.script_pubkey.data, number == 0)
        for number, tx in enumerate(txs)
        for vout, out in enumerate(tx.vout)
        if out.script_pubkey.data in wanted
    ]
    assert [(one.outpoint, one.txid) for one in block.spends] == [
        (f"{one.txid.hex()}:{one.vout}", tx.txid().hex())
        for tx in txs
        for one in tx.vin
        if f"{one.txid.hex()}:{one.vout}" in spent
    ]
    for spend in block.spends:
        tx = txs[block.txids.index(spend.txid)]
        assert [one.units for one in spend.outputs] == [out.value for out in tx.vout]


@given(txs=blocks, data=some.data())
@settings(deadline=None, max_examples=25)
def test_a_changed_block_is_refused_or_says_the_same(
    txs: list[Transaction], data: some.DataObject
) -> None:
    """One byte changed behind the header: only a witness can change without being noticed."""
    raw = bytearray(block_of(txs))
    whole = scan_block(bytes(raw))
    at = data.draw(some.integers(80, len(raw) - 1))
    raw[at] ^= data.draw(some.integers(1, 255))
    found: ScannedBlock | None = None
    with contextlib.suppress(RawBytesError):
        found = scan_block(bytes(raw))
    assert found is None or found.txids == whole.txids


@given(txs=blocks, cut=some.integers(1, 2000))
@settings(deadline=None, max_examples=25)
def test_a_block_is_whole_or_refused(txs: list[Transaction], cut: int) -> None:
    raw = block_of(txs)
    for bad in (raw[:-cut], raw + b"\0", raw[:80], raw[:79], b""):
        with pytest.raises(RawBytesError):
            scan_block(bad)


@given(raw=some.binary(max_size=300))
def test_garbage_is_refused(raw: bytes) -> None:
    with pytest.raises(RawBytesError):
        scan_block(raw)
    with contextlib.suppress(RawBytesError):
        read_transaction(raw)


def test_the_first_block_of_all() -> None:
    block = scan_block(GENESIS)
    assert (block.hash, block.txids) == (GENESIS_HASH, (GENESIS_TXID,))
    header = read_header(GENESIS[:80], 0)
    assert (header.hash, header.parent, header.at.year) == (GENESIS_HASH, "00" * 32, 2009)
    with pytest.raises(RawBytesError):
        read_header(GENESIS, 0)


def test_a_transaction_left_out_or_slipped_in_is_noticed() -> None:
    txs = [
        Transaction(
            2, [TransactionInput(bytes([n] * 32), 0)], [TransactionOutput(n, Script(b"x"))], 0
        )
        for n in range(1, 6)
    ]
    raw = block_of(txs)
    header = raw[:80]
    for others in (txs[:-1], txs[1:], [*txs, txs[-1]], [*txs, txs[0]], txs[::-1]):
        body = varint(len(others)) + b"".join(one.serialize() for one in others)
        with pytest.raises(RawBytesError):
            scan_block(header + body)


@pytest.mark.parametrize(
    "text", ["", "00" * 32, "00:1", f"{'00' * 32}:-1", f"{'zz' * 32}:0", f"{'00' * 32}:{2**32}"]
)
def test_what_is_no_outpoint_is_refused(text: str) -> None:
    with pytest.raises(RawBytesError):
        outpoint_bytes(text)


def test_an_outpoint_is_what_an_input_holds() -> None:
    spent = TransactionInput(bytes(range(32)), 258)
    held = BytesIO(spent.serialize()).read(36)
    assert outpoint_bytes(f"{bytes(range(32)).hex()}:258") == held

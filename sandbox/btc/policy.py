"""Standard and final transactions: as much of Bitcoin Core's `policy.cpp` as we need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.btc.refusals import PolicyRefusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.btc.chainstate import Chainstate
    from sandbox.btc.records import Tx

MIN_UNITS_PER_VBYTE = 1
INCREMENTAL_UNITS_PER_VBYTE = 1
WEIGHT_MAX = 400_000
NULL_DATA_BYTES_MAX = 83
VERSIONS = range(1, 4)
DUST_RELAY_UNITS_PER_KVB = 3000
P2WPKH = "witness_v0_keyhash"
P2WSH = "witness_v0_scripthash"
P2TR = "witness_v1_taproot"
NULL_DATA = "nulldata"
FINAL_SEQUENCE = 0xFFFFFFFF
LOCKTIME_IS_TIME_FROM = 500_000_000
SEQUENCE_DISABLED = 1 << 31
SEQUENCE_IS_TIME = 1 << 22
SEQUENCE_MASK = 0xFFFF


def script_type(script: bytes) -> str:
    """The name that Bitcoin Core gives to a form of script."""
    length = len(script)
    if script[:1] == b"\x6a":
        return NULL_DATA
    if length == 22 and script[:2] == b"\x00\x14":
        return P2WPKH
    if length == 34 and script[:2] == b"\x00\x20":
        return P2WSH
    if length == 34 and script[:2] == b"\x51\x20":
        return P2TR
    if 4 <= length <= 42 and script[1] == length - 2 and (script[0] == 0 or script[0] >= 0x51):
        return "witness_unknown" if script[0] <= 0x60 else "nonstandard"
    if length == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        return "pubkeyhash"
    if length == 23 and script[:2] == b"\xa9\x14" and script[22:] == b"\x87":
        return "scripthash"
    return "nonstandard"


def dust_limit(script: bytes) -> int:
    """The smallest amount worth spending from a script, in satoshis (Core's GetDustThreshold)."""
    kind = script_type(script)
    if kind == NULL_DATA:
        return 0
    spending = 67 if "witness" in kind else 148
    return (8 + 1 + len(script) + spending) * DUST_RELAY_UNITS_PER_KVB // 1000


def require_standard(tx: Tx) -> None:
    """Raise PolicyRefusal for a form that nodes do not relay."""
    if tx.version not in VERSIONS:
        raise PolicyRefusal("version")
    if tx.weight > WEIGHT_MAX:
        raise PolicyRefusal("tx-size")
    if not tx.inputs or not tx.outputs:
        raise PolicyRefusal("bad-txns-vin-empty" if not tx.inputs else "bad-txns-vout-empty")
    if not int(tx.inputs[0].outpoint.txid, 16):
        raise PolicyRefusal("coinbase")
    if len({one.outpoint for one in tx.inputs}) != len(tx.inputs):
        raise PolicyRefusal("bad-txns-inputs-duplicate")
    for output in tx.outputs:
        kind = script_type(output.script)
        too_long = kind == NULL_DATA and len(output.script) > NULL_DATA_BYTES_MAX
        if kind == "nonstandard" or too_long:
            raise PolicyRefusal("scriptpubkey")
        if output.units < dust_limit(output.script):
            raise PolicyRefusal("dust")


def require_final(tx: Tx, heights: Sequence[int], chain: Chainstate) -> None:
    """Raise PolicyRefusal for a transaction that the next block may not hold yet; `heights` are
    those of the coins that it spends (BIP65's locktime, BIP68's relative one).

    Relative locks by time are refused altogether: nothing here needs them."""
    clock = chain.height + 1 if tx.locktime < LOCKTIME_IS_TIME_FROM else chain.median_time()
    waits = any(one.sequence != FINAL_SEQUENCE for one in tx.inputs)
    if tx.locktime >= clock and tx.locktime and waits:
        raise PolicyRefusal("non-final")
    for spent, height in zip(tx.inputs, heights, strict=True):
        if tx.version < 2 or spent.sequence & SEQUENCE_DISABLED:
            continue
        blocks = spent.sequence & SEQUENCE_MASK
        if spent.sequence & SEQUENCE_IS_TIME or chain.height + 1 < height + blocks:
            raise PolicyRefusal("non-BIP68-final")

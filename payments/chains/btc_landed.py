"""Where a Bitcoin transaction was mined, and its fee, from a node with or without an index."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.bitcoin_rpc import SOURCE, units_of
from payments.chains.blocks import Landed
from payments.chains.btc_answers import checked, field, known

if TYPE_CHECKING:
    from payments.bitcoin_rpc import BitcoinRpc

OUTPUTS_PROBED = 252  # as many as a payout of ours can have
NOT_KNOWN = -5


async def find_landed(rpc: BitcoinRpc, tx_hash: str) -> Landed | None:
    """Where it was mined, or None, as BtcChain.landed says. Raises OutsideUnavailable."""
    block_hash = await _block_of(rpc, tx_hash)
    if block_hash is None:
        return None
    block = await known(rpc, "getblock", block_hash, 2)
    if field(block, "confirmations", int) < 1:
        return None
    txs = [one for one in field(block, "tx", list) if field(one, "txid", str) == tx_hash]
    if not txs:
        return None
    fee_units = await _fee_of(rpc, txs[0])
    return Landed(tx_hash, field(block, "height", int), block_hash, True, fee_units)


async def _block_of(rpc: BitcoinRpc, tx_hash: str) -> str | None:
    try:
        shown = await rpc.call("getrawtransaction", tx_hash, True)
    except OutsideRefused as error:
        if error.data.get("rpc_code") != NOT_KNOWN:
            raise OutsideUnavailable(source=SOURCE, reason=str(error)) from error
        return await _block_of_unspent(rpc, tx_hash)
    if not isinstance(shown, dict):
        raise OutsideUnavailable(source=SOURCE, reason="unreadable")
    if "blockhash" not in shown:
        return None  # it waits in the mempool
    return str(field(shown, "blockhash", str))


async def _block_of_unspent(rpc: BitcoinRpc, tx_hash: str) -> str | None:
    questions = [("gettxout", tx_hash, vout, False) for vout in range(OUTPUTS_PROBED)]
    for answer in await rpc.batch(questions):
        if not isinstance(answer, dict):
            continue
        best = await known(rpc, "getblockheader", field(answer, "bestblock", str), True)
        confirmations = field(answer, "confirmations", int)
        height = field(best, "height", int) - confirmations + 1
        return str(checked(await known(rpc, "getblockhash", height), str))
    return None


async def _fee_of(rpc: BitcoinRpc, shown: dict[str, Any]) -> int:
    if "fee" in shown:
        return units_of(shown["fee"])
    inputs = field(shown, "vin", list)
    sources = [(field(one, "txid", str), field(one, "vout", int)) for one in inputs]
    answers = await rpc.batch([("getrawtransaction", txid, True) for txid, _ in sources])
    held = 0
    for (_, vout), answer in zip(sources, answers, strict=True):
        if isinstance(answer, OutsideRefused):
            raise OutsideUnavailable(source=SOURCE, reason="the fee cannot be known")
        held += units_of(field(_at(field(answer, "vout", list), vout), "value", Decimal))
    paid = (field(output, "value", Decimal) for output in field(shown, "vout", list))
    return held - sum(map(units_of, paid))


def _at(items: list[Any], place: int) -> Any:
    return items[place] if 0 <= place < len(items) else None

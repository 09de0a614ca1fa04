"""What blocks say of a Bitcoin payout: who spent its inputs, at what fee, and what never was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from casino.cashier import blocks, coins
from casino.cashier.batches import get_payout
from casino.errors import OutsideUnavailable
from casino.money import Asset
from payments.bitcoin_rpc import SOURCE
from payments.btc_units import BTC_SCALE
from payments.chains.base import NetworkFee
from payments.chains.btc_judge import Spend, read_version

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.batches import Payout
    from casino.cashier.coins import CoinSpend
    from casino.db import Database
    from payments.chains.blocks import Header
    from payments.chains.btc import BtcChain
    from payments.chains.btc_judge import Version


@dataclass(frozen=True, slots=True)
class Evidence:
    """Spends of a payout's inputs in blocks, the final height that they are judged by, the block
    of each, where a transaction of the payout stands in a block, final or not, and which of the
    spenders any payout of ours has signed."""

    spends: tuple[Spend, ...]
    final_height: int
    mined: str | None
    headers: Mapping[str, Header] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()


async def gather(
    database: Database, chain: BtcChain, *, rail: str, versions: Sequence[Version]
) -> Evidence:
    """Everything that the followed chain knows about these versions. Raises OutsideUnavailable
    when the node's chain does not hold the blocks that were followed."""
    inputs = frozenset(one for version in versions for one in version.inputs)
    async with database.transaction() as session:
        place = await blocks.read_place(session, chain=chain.name)
        noted = dict(await coins.spends(session, rail=rail, outpoints=inputs))
        known = await coins.known(session, rail=rail, outpoints=inputs)
        replaced = await _never_made(session, rail, inputs - known.keys())
        noted |= replaced
        ours = await _made_by_us(session, rail, {one.tx_hash for one in noted.values()})
    if place is None:
        raise OutsideUnavailable(source=chain.name, reason="it was not followed yet")
    spends, headers = await _read(chain, noted, inputs, replaced)
    txids = {version.txid for version in versions}
    mined = next((one.txid for one in spends if one.txid in txids), None)
    return Evidence(tuple(spends), place.final_height, mined, headers, ours)


async def fee_of(database: Database, *, rail: str, version: Version, header: Header) -> NetworkFee:
    """What a version that stands in a block paid to the network."""
    async with database.transaction() as session:
        known = await coins.known(session, rail=rail, outpoints=version.inputs)
    if len(known) != len(version.inputs):
        raise OutsideUnavailable(source=SOURCE, reason="coins of a payout are not known yet")
    held = sum(coin.units for coin in known.values())
    units = held - sum(output.units for output in version.outputs)
    return NetworkFee(f"tx:{version.txid}", Asset.BTC, units * BTC_SCALE, header.at)


async def _never_made(
    session: AsyncSession, rail: str, missing: Collection[str]
) -> Mapping[str, CoinSpend]:
    """Of inputs that stand in no block: which can never come to be, because a transaction of ours
    should have made them whose own coins another one has spent, as blocks say."""
    lost: dict[str, CoinSpend] = {}
    for outpoint in missing:
        txid = outpoint.partition(":")[0]
        payout_id = await coins.maker(session, rail=rail, tx_hash=txid)
        if payout_id is None:
            continue
        parent = _version(await get_payout(session, payout_id=payout_id), txid)
        spent = await coins.spends(session, rail=rail, outpoints=parent.inputs)
        killer = next((one for one in spent.values() if one.tx_hash != txid), None)
        if killer is not None:
            lost[outpoint] = killer
    return lost


async def _made_by_us(session: AsyncSession, rail: str, txids: Collection[str]) -> frozenset[str]:
    makers = {txid: await coins.maker(session, rail=rail, tx_hash=txid) for txid in txids}
    return frozenset(txid for txid, payout_id in makers.items() if payout_id is not None)


def _version(payout: Payout, txid: str) -> Version:
    """The version of a payout with this id; `maker` has found that there is one."""
    signed = next(one.signed for one in payout.attempts if one.tx_hash == txid)
    return read_version(signed or b"")


async def _read(
    chain: BtcChain,
    noted: Mapping[str, CoinSpend],
    inputs: Collection[str],
    replaced: Mapping[str, CoinSpend],
) -> tuple[list[Spend], dict[str, Header]]:
    """The spends as the node's own blocks tell them; what was followed is not taken on trust."""
    wanted = frozenset(inputs) | {one.outpoint for one in replaced.values()}
    headers: dict[str, Header] = {}
    spends: list[Spend] = []
    for height, block_hash in sorted({(one.height, one.block_hash) for one in noted.values()}):
        found = await chain.headers(height, height)
        if not found or found[0].hash != block_hash:
            raise OutsideUnavailable(source=SOURCE, reason="the node's chain moved")
        headers[block_hash] = found[0]
        spends += await chain.spends(found, wanted)
    by_outpoint = {one.outpoint: one for one in spends}
    for outpoint, cause in replaced.items():
        killer = by_outpoint.get(cause.outpoint)
        if killer is not None:
            # It took the place of what would have made this coin.
            spends.append(
                Spend(outpoint, killer.txid, killer.outputs, killer.height, killer.block_hash)
            )
    return [one for one in spends if one.outpoint in inputs], headers

"""Do coins of ours wait to be spent by a transaction that we do not know? Asked before paying."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from casino.cashier import attempts, coins, foreign_sends
from casino.clock import utc_now
from casino.errors import OutsideRefused, OutsideUnavailable
from payments.bitcoin_rpc import SOURCE
from payments.chains.btc_blocks import RawBytesError, read_transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from casino.cashier.coins import OwnCoin
    from casino.db import Database
    from payments.bitcoin_rpc import BitcoinRpc

AT_ONCE = 500

log = structlog.get_logger(__name__)


async def note_foreign(database: Database, rpc: BitcoinRpc, *, rail: str, account: str) -> bool:
    """Look for free coins of ours that something in the node's mempool spends, and note who does,
    which stops payouts: an old copy of the database does not know what it sent later. True when
    all free coins are free there too.

    Raises OutsideUnavailable, also for a node that does not know a coin at all."""
    async with database.transaction() as session:
        held = await attempts.reserved(session, rail=rail)
        free = [one for one in await coins.unspent(session, rail=rail) if one.outpoint not in held]
    spent = await _spent_in_mempool(rpc, free)
    if not spent:
        return True
    spenders = await _spenders(rpc, spent)
    async with database.transaction() as session:
        for txid, outpoints in spenders.items():
            if await coins.maker(session, rail=rail, tx_hash=txid) is not None:
                continue
            await foreign_sends.note(
                session,
                rail=rail,
                account=account,
                tx_hash=txid,
                evidence={"coins": sorted(outpoints), "block": None},
                now=utc_now(),
            )
    log.warning("coins.spent_by_others", coins=sorted(spent), transactions=sorted(spenders))
    return False


async def _spent_in_mempool(rpc: BitcoinRpc, free: Sequence[OwnCoin]) -> frozenset[str]:
    gone = await _missing(rpc, [one.outpoint for one in free], mempool=True)
    if gone and await _missing(rpc, sorted(gone), mempool=False):
        raise OutsideUnavailable(source=SOURCE, reason="the node does not know our coins")
    return gone


async def _missing(rpc: BitcoinRpc, outpoints: Sequence[str], *, mempool: bool) -> frozenset[str]:
    missing = set()
    for at in range(0, len(outpoints), AT_ONCE):
        part = outpoints[at : at + AT_ONCE]
        questions = [("gettxout", one[:64], int(one[65:]), mempool) for one in part]
        for outpoint, answer in zip(part, await rpc.batch(questions), strict=True):
            if isinstance(answer, OutsideRefused):
                raise OutsideUnavailable(source=SOURCE, reason="coins cannot be looked at")
            if answer is None:
                missing.add(outpoint)
    return frozenset(missing)


async def _spenders(rpc: BitcoinRpc, outpoints: Collection[str]) -> Mapping[str, frozenset[str]]:
    waiting = await rpc.call("getrawmempool")
    if not isinstance(waiting, list) or not all(isinstance(one, str) for one in waiting):
        raise OutsideUnavailable(source=SOURCE, reason="unreadable")
    found = {}
    for at in range(0, len(waiting), AT_ONCE):
        part = waiting[at : at + AT_ONCE]
        answers = await rpc.batch([("getrawtransaction", txid, False) for txid in part])
        for txid, answer in zip(part, answers, strict=True):
            if isinstance(answer, OutsideRefused):
                continue  # it left the mempool while we asked
            try:
                read = read_transaction(bytes.fromhex(answer))
            except (RawBytesError, ValueError, TypeError) as error:
                raise OutsideUnavailable(source=SOURCE, reason="unreadable") from error
            spent = {one.outpoint for one in read.inputs} & set(outpoints)
            if spent:
                found[txid] = frozenset(spent)
    return found

"""The signer's clock: once a second sign what has settled; after an absence catch up in parts."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from casino.betting import receipt_signer
from casino.db import Database
from casino.telemetry import receipts_signed_total, receipts_signed_until

if TYPE_CHECKING:
    from casino.betting.receipt_roots import HouseKey

THOROUGH_EVERY_SECONDS = 600.0

log = structlog.get_logger(__name__)


async def keep_signing(database: Database, key: HouseKey) -> None:
    """Sign until cancelled, just after each full second; the first pass is a thorough one."""
    # A connection of its own: a second must not pass in a queue behind long jobs.
    own = Database(database.url, connections_max=1)
    try:
        async with own.transaction() as session:
            await receipt_signer.register(session, key)
        thorough_at = time.monotonic()
        while True:
            thorough = time.monotonic() >= thorough_at
            if thorough:
                thorough_at = time.monotonic() + THOROUGH_EVERY_SECONDS
            await sign_all(own, key, thorough=thorough)
            receipts_signed_until.set_to_current_time()
            await asyncio.sleep(1.0 - time.time() % 1.0)
    finally:
        await own.close()


async def sign_all(
    database: Database,
    key: HouseKey,
    *,
    thorough: bool = False,
    limit: int = receipt_signer.RECEIPTS_MAX,
) -> int:
    """Sign everything that has settled, up to `limit` receipts a transaction; returns how many."""
    signed = 0
    while True:
        async with database.transaction() as session:
            done = await receipt_signer.sign(session, key, thorough=thorough, limit=limit)
        signed += done.signed
        receipts_signed_total.inc(done.signed)
        if not done.more:
            return signed
        log.info("receipts.catching_up", signed=signed)

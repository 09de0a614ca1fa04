"""Where a player sends coins: an address of his own, or the house's and a tag that is his alone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from casino import flags, switches
from casino.cashier import address_pool, tags
from casino.cashier.rails import TON, DepositsBy, Rail, get_rail, required_switches
from casino.cashier.tables import DepositTagRow
from casino.errors import InvariantViolation, Paused
from casino.ids import PlayerId
from casino.ledger.journal import lock_players
from casino.players import facts as player_facts
from casino.players import rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.money import Asset

_DRAWS_MAX = 20


@dataclass(frozen=True, slots=True)
class Instruction:
    """What to show to someone who wants to deposit; `minimum` in units of `asset`.

    `tag` is None where the address is the player's own; `network_id` and `token` say which
    network and contract of it are meant, where there is a choice."""

    rail: str
    asset: Asset
    chain: str
    network_id: str | None
    token: str | None
    address: str
    tag: str | None
    minimum: int
    uri: str
    confirmations_text_key: str


async def deposit_instruction(
    session: AsyncSession, *, player_id: int, rail: str, now: datetime
) -> Instruction:
    """The player's way to deposit on a rail; his tag or address is made his when he asks for the
    first time and stays his for ever.

    Raises Paused (a kill switch, a rail without a wallet or network), AddressesUsedUp,
    AccountClosed, SelfExcluded, CoolingOff, ConsentRequired.
    """
    offered = await get_rail(session, rail)
    flags.require_running(
        await flags.stopped(session), *required_switches(offered, switches.DEPOSITS)
    )
    if not offered.takes_deposits:
        raise Paused(switch=f"rail:{rail}")
    await lock_players(session, [PlayerId(player_id)])
    facts = await player_facts.load_one(session, player_id=player_id)
    # The same gate as for play: money that could not be played should not be asked for.
    refusal = rules.check_play(facts, now=now)
    if refusal is not None:
        raise refusal
    address, tag = await _place_of(session, offered, player_id, now)
    return Instruction(
        rail=rail,
        asset=offered.asset,
        chain=offered.chain,
        network_id=offered.network_id,
        token=offered.token,
        address=address,
        tag=tag,
        minimum=offered.deposit_min,
        uri=_uri(offered, address, tag),
        confirmations_text_key=offered.confirmations_text_key,
    )


async def find_owners(
    session: AsyncSession, *, rail: Rail, wanted: Sequence[str]
) -> Mapping[str, int]:
    """Which players own which of these tags."""
    rows = await session.execute(
        select(DepositTagRow.tag, DepositTagRow.player_id).where(
            DepositTagRow.rail == rail.pool, DepositTagRow.tag.in_(set(wanted))
        )
    )
    return {row.tag: row.player_id for row in rows}


async def _find_tag(session: AsyncSession, player_id: int, rail: str) -> str | None:
    return await session.scalar(
        select(DepositTagRow.tag).where(
            DepositTagRow.player_id == player_id, DepositTagRow.rail == rail
        )
    )


async def _make_tag(session: AsyncSession, player_id: int, rail: str, now: datetime) -> str:
    # Drawn at random: a tag says nothing about how many players there are or when they came.
    for _ in range(_DRAWS_MAX):
        tag = tags.make(secrets.randbelow(tags.NUMBERS))
        stored: str | None = await session.scalar(
            insert(DepositTagRow)
            .values(tag=tag, player_id=player_id, rail=rail, created_at=now)
            .on_conflict_do_nothing(index_elements=[DepositTagRow.tag])
            .returning(DepositTagRow.tag)
        )
        if stored is not None:
            return stored
    raise InvariantViolation(reason="no free deposit tag found")


async def _place_of(
    session: AsyncSession, rail: Rail, player_id: int, now: datetime
) -> tuple[str, str | None]:
    """The address to send to, and the tag if it needs one."""
    if rail.deposits_by is DepositsBy.ADDRESS:
        own = await address_pool.assign(session, rail=rail.pool, player_id=player_id, now=now)
        return own.shown, None
    if rail.address is None:
        raise Paused(switch=f"rail:{rail.name}")
    tag = await _find_tag(session, player_id, rail.pool)
    return rail.address, tag or await _make_tag(session, player_id, rail.pool, now)


def _uri(rail: Rail, address: str, tag: str | None) -> str:
    """What a wallet opens: on TON with the jetton's master and the tag as a comment, a token's
    transfer by EIP-681, or BIP-21."""
    if rail.chain == TON:
        asked = {"jetton": rail.token, "text": tag}
        query = "&".join(f"{name}={quote(text)}" for name, text in asked.items() if text)
        return f"ton://transfer/{quote(address)}" + (f"?{query}" if query else "")
    if rail.token is not None:
        return f"{rail.chain}:{rail.token}@{rail.network_id}/transfer?address={quote(address)}"
    return f"{rail.chain}:{quote(address)}"

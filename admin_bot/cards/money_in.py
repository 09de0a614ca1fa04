"""Cards of money that came in and needs a person: without an owner, or held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin_bot import buttons
from admin_bot.callbacks import Adopt, FindOwner, FromCold, Release, SendBack, WriteNote
from admin_bot.cards.shape import (
    Card,
    decided_line,
    number,
    player_button,
    player_name,
    waited_line,
)
from admin_bot.reasons import in_words
from admin_bot.words import quote
from casino.cashier import deposits, rails, returns
from casino.cashier.deposits import DepositStatus
from casino.cashier.history import RETURNING
from casino.cashier.withdrawals import WithdrawalStatus
from casino.ledger.chart import has_cold_wallet
from casino.players import identity
from casino.staff.roles import Permission, allows
from messaging.buttons import tap
from messaging.screens import Screen
from messaging.words import Words, code, paragraphs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.deposits import Unclaimed
    from casino.staff.people import Member
    from messaging.buttons import Row


async def render_unclaimed(
    session: AsyncSession, *, key: int, member: Member, words: Words, now: datetime
) -> Card:
    """A transfer without an owner: its evidence while it waits, afterwards who dealt with it. One
    that its chain has not made final yet cannot be given away, and says so."""
    found = await find_waiting(session, unclaimed_id=key)
    if found is None:
        decided = await decided_line(session, words, subject=f"unclaimed:{key}")
        text = paragraphs(
            words.say("admin.unclaimed.closed" if decided else "admin.unclaimed.not_final"),
            decided,
            number(words, key),
        )
        return Card(Screen(text), finished=True)
    text = paragraphs(
        words.say("admin.unclaimed.title", amount=words.units(found.units, found.asset)),
        words.say(f"admin.unclaimed.{found.reason}"),
        words.say("admin.unclaimed.comment", comment=found.comment) if found.comment else None,
        words.say("admin.unclaimed.sender"),
        code(found.sender),
        words.say(
            "admin.unclaimed.sent",
            rail=words.plain(f"rail.{found.rail}"),
            moment=words.moment(found.sent_at),
        ),
        waited_line(words, now - found.sent_at),
        quote(found.note) if found.note else None,
        await decided_line(session, words, subject=f"unclaimed:{key}") if found.note else None,
        number(words, key),
    )
    rail = await rails.get_rail(session, found.rail)
    url = rail.tx_url(found.tx_hash)
    explorer: Row = (buttons.link(words.plain("admin.button.explorer"), url),) if url else ()
    if not allows(member, Permission.DEPOSITS_RESOLVE):
        return Card(Screen(text, (explorer,)))
    find, house = FindOwner(unclaimed=key), Adopt(unclaimed=key, sure=False)
    note, cold = WriteNote(unclaimed=key), FromCold(unclaimed=key, sure=False)
    return Card(
        Screen(
            text,
            (
                (tap(words.plain("admin.button.find_owner"), find, style=buttons.PRIMARY),),
                (tap(words.plain("admin.button.note"), note),),
                explorer,
                (tap(words.plain("admin.button.adopt"), house),)
                if allows(member, Permission.STAFF_MANAGE)
                else (),
                (tap(words.plain("admin.button.from_cold"), cold),)
                if allows(member, Permission.TREASURY_SET) and has_cold_wallet(found.rail)
                else (),
            ),
        )
    )


async def render_held(
    session: AsyncSession, *, key: int, member: Member, words: Words, now: datetime
) -> Card:
    """A held deposit; raises NotFound."""
    deposit = await deposits.get_deposit(session, deposit_id=key)
    player = await identity.get(session, player_id=deposit.player_id)
    held = deposit.status is DepositStatus.HELD
    back = None if held else await returns.find(session, deposit_id=key)
    going = back is not None and back.status is not WithdrawalStatus.CONFIRMED
    text = paragraphs(
        words.say(
            "admin.held.title" if held else "admin.held.title_done",
            amount=words.units(deposit.units, deposit.asset),
            player=player_name(player),
            status=words.plain(f"deposit.status.{RETURNING if going else deposit.status}"),
        ),
        words.say("admin.held.because", reason=in_words(deposit.reason, words))
        if deposit.reason
        else None,
        words.say("admin.held.seen", moment=words.moment(deposit.seen_at)),
        words.say("admin.held.not_final") if held and deposit.final_at is None else None,
        waited_line(words, now - deposit.seen_at) if held else None,
        None
        if held
        else await decided_line(session, words, subject=f"deposit:{key}", action="deposit."),
        number(words, key),
    )
    if not held:
        return Card(Screen(text), finished=True)
    url = (await rails.get_rail(session, deposit.rail)).tx_url(deposit.tx_hash)
    looking: Row = (
        player_button(words, deposit.player_id),
        *((buttons.link(words.plain("admin.button.explorer"), url),) if url else ()),
    )
    if not allows(member, Permission.DEPOSITS_RESOLVE):
        return Card(Screen(text, (looking,)))
    release, send_back = Release(deposit=key), SendBack(deposit=key)
    return Card(
        Screen(
            text,
            (
                (tap(words.plain("admin.button.release"), release, style=buttons.SUCCESS),),
                (tap(words.plain("admin.button.return_held"), send_back),),
                looking,
            ),
        )
    )


async def find_waiting(session: AsyncSession, *, unclaimed_id: int) -> Unclaimed | None:
    """The transfer, if it still waits for its owner."""
    found = await deposits.list_unclaimed(session, before_id=unclaimed_id + 1, limit=1)
    return found[0] if found and found[0].id == unclaimed_id else None

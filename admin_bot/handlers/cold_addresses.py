"""The addresses that count as cold storage, and having one forgotten that is none (any more)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiogram import F, Router
from aiogram.types import CallbackQuery

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.callbacks import ColdAddressCard, ForgetCold, Go
from admin_bot.desk import Desk
from casino import clock
from casino.cashier import cold_storage
from casino.errors import NotFound
from casino.staff.people import Member
from casino.staff.roles import Permission
from messaging.addresses import shown_address
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.cold_storage import ColdAddress

SET = Permission.TREASURY_SET
LISTED = 20
MARK = 24
"""Letters from an address's end, where its check digits are; a button has no room for all."""


async def show_list(_tap: CallbackQuery, words: Words, talk: Talk, desk: Desk) -> None:
    """Every address, the newest first."""
    await talk.show(await _list(words, desk))


async def show_one(
    _tap: CallbackQuery, callback_data: ColdAddressCard, words: Words, talk: Talk, desk: Desk
) -> None:
    """One address, and what forgetting it means; not where cold storage is now."""
    async with desk.database.transaction() as session:
        found = await _find(session, callback_data.mark)
    sure = ForgetCold(mark=callback_data.mark)
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.cold.one", rails=_rails(found, words)),
                shown_address(found.address),
                words.say("admin.cold.in_force" if found.in_force else "admin.cold.forget_body"),
            ),
            (
                ()
                if found.in_force
                else (tap(words.plain("admin.button.forget_cold"), sure, style=buttons.DANGER),),
                buttons.back(words, "cold_addresses"),
            ),
        )
    )


async def forget(
    _tap: CallbackQuery,
    callback_data: ForgetCold,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> Toast:
    """Let it be anybody's again."""
    async with desk.acting(member, SET) as session:
        found = await _find(session, callback_data.mark)
        await cold_storage.forget_address(
            session, address=found.address, member=member, now=clock.utc_now()
        )
    await talk.show(await _list(words, desk))
    return Toast(words.plain("admin.cold.forgotten"))


async def _find(session: AsyncSession, mark: str) -> ColdAddress:
    """The one address that ends like this; raises NotFound."""
    found = [one for one in await cold_storage.known(session) if one.address.endswith(mark)]
    if len(found) != 1 or not mark:
        raise NotFound(thing="cold_address", key=mark[:80])
    return found[0]


async def _list(words: Words, desk: Desk) -> Screen:
    async with desk.database.transaction() as session:
        found = await cold_storage.known(session)
    rows = tuple(
        (
            tap(
                words.plain(
                    "admin.cold.line_in_force" if one.in_force else "admin.cold.line",
                    rails=_rails(one, words),
                    end=one.address[-6:],
                ),
                ColdAddressCard(mark=one.address[-MARK:]),
            ),
        )
        for one in found[:LISTED]
    )
    return Screen(
        paragraphs(
            words.say("admin.cold.title"),
            words.say("admin.cold.body" if found else "admin.cold.none"),
        ),
        (*rows, buttons.back(words, "treasury")),
    )


def _rails(found: ColdAddress, words: Words) -> str:
    return ", ".join(words.plain(f"rail.{rail}") for rail in found.rails)


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="cold_addresses")
    taps = router.callback_query
    taps.register(show_list, Go.filter(F.to == "cold_addresses"), flags=allowed(SET))
    taps.register(show_one, ColdAddressCard.filter(), flags=allowed(SET))
    taps.register(forget, ForgetCold.filter(), flags=allowed(SET, audits="treasury."))
    return router

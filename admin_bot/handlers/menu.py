"""The first screen: what waits for this member, by what his roles allow."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command, CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, InlineKeyboardButton, Message
from sqlalchemy.ext.asyncio import AsyncSession

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.callbacks import Go, OpenCard
from admin_bot.cards.hanging import hang
from admin_bot.desk import Desk
from admin_bot.words import switch_name
from casino import flags
from casino.cashier import deposits, foreign_sends, token_cases, unclear_payments, withdrawals
from casino.players import kyc
from casino.staff.people import Member
from casino.staff.roles import Permission, allows
from messaging.buttons import Row, tap
from messaging.screens import Screen
from messaging.talk import Talk
from messaging.words import Markup, Words, paragraphs

COUNTED_MAX = 50
QUEUES = (
    ("withdrawals", Permission.WITHDRAWALS_VIEW),
    ("kyc", Permission.KYC_VIEW),
    ("unclaimed", Permission.DEPOSITS_RESOLVE),
    ("held", Permission.DEPOSITS_RESOLVE),
    ("foreign", Permission.WITHDRAWALS_DECIDE),
    ("unclear", Permission.WITHDRAWALS_DECIDE),
    ("tokens", Permission.DEPOSITS_RESOLVE),
)
RARE = frozenset({"foreign", "unclear"})
"""Queues that are named only while something waits in them."""
PLACES = (
    ("players", Permission.PLAYERS_VIEW),
    ("figures", Permission.FIGURES_VIEW),
    ("treasury", Permission.FIGURES_VIEW),
    ("switches", Permission.FLAGS_SET),
    ("audit", Permission.AUDIT_VIEW),
    ("team", Permission.STAFF_MANAGE),
)


async def menu(
    _event: Message | CallbackQuery,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """What waits, what is stopped, and where to go."""
    await state.clear()
    async with desk.database.transaction() as session:
        waiting = {
            name: await _count(session, name)
            for name, permission in QUEUES
            if allows(member, permission)
        }
        stopped = await flags.stopped(session)
    roles = ", ".join(words.plain(f"admin.role.{role}") for role in sorted(member.roles))
    busy = any(waiting.values())
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.menu.title"),
                words.say("admin.menu.you", name=member.name, roles=roles),
                *(_waiting(words, name, count) for name, count in waiting.items() if count),
                words.say("admin.menu.calm") if waiting and not busy else None,
                *(
                    words.say("admin.menu.stopped", switch=switch_name(name, words))
                    for name in sorted(stopped)
                ),
            ),
            _rows(member, words, waiting),
        )
    )


async def open_card(
    _tap: CallbackQuery,
    callback_data: OpenCard,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> None:
    """Any card that a list or an alert points to; the card's own permission decides."""
    await hang(callback_data.subject, desk=desk, member=member, words=words, talk=talk)


async def _count(session: AsyncSession, name: str) -> int:
    match name:
        case "withdrawals":
            return len(await withdrawals.queue(session, limit=COUNTED_MAX))
        case "kyc":
            return len(await kyc.pending(session, limit=COUNTED_MAX))
        case "unclaimed":
            return len(await deposits.list_unclaimed(session, limit=COUNTED_MAX))
        case "foreign":
            return len(await foreign_sends.waiting(session))
        case "unclear":
            return len(await unclear_payments.waiting(session, limit=COUNTED_MAX))
        case "tokens":
            return len(await token_cases.list_open(session, limit=COUNTED_MAX))
        case _:
            return len(await deposits.list_held(session, limit=COUNTED_MAX))


def _waiting(words: Words, name: str, count: int) -> Markup:
    more = "+" if count == COUNTED_MAX else ""
    return words.say(f"admin.menu.{name}", count=count, more=more)


def _rows(member: Member, words: Words, waiting: dict[str, int]) -> tuple[Row, ...]:
    queues: tuple[Row, ...] = tuple(
        (
            tap(
                words.plain("admin.menu.queue", name=words.plain(f"admin.button.{name}"), count=n),
                Go(to=name),
                style=buttons.PRIMARY if n else None,
            ),
        )
        for name, n in waiting.items()
        if n or name not in RARE
    )
    places: list[InlineKeyboardButton] = [
        buttons.go(words, name) for name, permission in PLACES if allows(member, permission)
    ]
    return (*queues, *(tuple(places[at : at + 2]) for at in range(0, len(places), 2)))


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="menu")
    router.message.register(menu, CommandStart(), flags=allowed(None))
    router.message.register(menu, Command("menu"), flags=allowed(None))
    router.callback_query.register(menu, Go.filter(F.to == "menu"), flags=allowed(None))
    # `draw` requires the permission of the kind of card.
    router.callback_query.register(open_card, OpenCard.filter(), flags=allowed(None))
    return router

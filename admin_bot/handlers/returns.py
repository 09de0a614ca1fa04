"""Sending a held deposit back: where to, a last look, then it is a withdrawal to be reviewed."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from aiogram import Router
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import BackElsewhere, BackSure, BackToSender, OpenCard, SendBack
from admin_bot.cards.hanging import too_late
from admin_bot.cards.shape import player_name, seen_mark
from admin_bot.desk import Desk
from casino import clock
from casino.cashier import deposits, house_addresses, rails, returns
from casino.errors import Conflict, QuoteExpired
from casino.players import identity
from casino.staff.cards import changed
from casino.staff.people import Member
from casino.staff.roles import Permission
from messaging.addresses import shown_address
from messaging.buttons import copy, tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs
from payments.destinations import canonical_destination, sender_destination

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.deposits import Deposit
    from casino.cashier.returns import Plan
    from messaging.buttons import Row

RESOLVE = Permission.DEPOSITS_RESOLVE
KEY, DRAFT = "held_deposit", "send_back"


@dataclass(frozen=True, slots=True)
class Draft:
    """What the last screen showed of a return."""

    destination: str
    memo: str
    fee_units: int

    @property
    def mark(self) -> str:
        """What the button of that screen carries of it."""
        return seen_mark(*astuple(self))

    @classmethod
    def read(cls, form: Mapping[str, object], deposit_id: int) -> Draft | None:
        """What the chat remembers of this deposit's return; None when that is forgotten."""
        stored = form.get(DRAFT)
        if form.get(KEY) != deposit_id or not isinstance(stored, list) or len(stored) != 3:
            return None
        destination, memo, fee_units = stored
        return cls(str(destination), str(memo), int(fee_units))


async def ask_where(
    _tap: CallbackQuery,
    callback_data: SendBack,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast | None:
    """To the sender, where the chain names one, or to another address."""
    await state.clear()
    key = callback_data.deposit
    try:
        async with desk.database.transaction() as session:
            deposit = await returns.require_returnable(session, deposit_id=key)
            sender = await _sender(session, deposit)
            player = await identity.get(session, player_id=deposit.player_id)
            url = (await rails.get_rail(session, deposit.rail)).tx_url(deposit.tx_hash)
    except Conflict:
        return await too_late(_subject(key), desk=desk, member=member, words=words, talk=talk)
    to_sender: tuple[Row, ...] = ()
    if sender is not None:
        to_sender = (
            (
                tap(
                    words.plain("admin.button.to_sender"),
                    BackToSender(deposit=key),
                    style=buttons.PRIMARY,
                ),
            ),
            (
                *((buttons.link(words.plain("admin.button.explorer"), url),) if url else ()),
                copy(words.plain("admin.button.copy_address"), sender),
            ),
        )
    await talk.send(
        Screen(
            paragraphs(
                words.say(
                    "admin.return.where",
                    amount=words.units(deposit.units, deposit.asset),
                    player=player_name(player),
                ),
                words.say("admin.return.came_from" if sender else "admin.return.no_sender"),
                shown_address(sender) if sender else None,
                words.say("admin.return.ask_first"),
            ),
            (
                *to_sender,
                (tap(words.plain("admin.button.elsewhere"), BackElsewhere(deposit=key)),),
                buttons.back(words, "held"),
            ),
        )
    )
    return None


async def to_sender(
    _tap: CallbackQuery,
    callback_data: BackToSender,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast | None:
    """The last look, at the address that the coins came from."""
    key = callback_data.deposit
    try:
        async with desk.database.transaction() as session:
            sender = await _sender(session, await deposits.get_deposit(session, deposit_id=key))
            planned = await _plan(session, key, sender or "", "")
    except Conflict:
        return await too_late(_subject(key), desk=desk, member=member, words=words, talk=talk)
    await talk.show(await _last_look(planned, sender=sender, words=words, state=state))
    return None


async def ask_address(
    _tap: CallbackQuery,
    callback_data: BackElsewhere,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """Ask for another address; the next message names it."""
    async with desk.database.transaction() as session:
        deposit = await deposits.get_deposit(session, deposit_id=callback_data.deposit)
        rail = await rails.get_rail(session, deposit.rail)
    await state.set_state(Ask.return_address)
    await state.set_data({KEY: deposit.id})
    await talk.send(
        Screen(
            paragraphs(
                words.say("admin.return.ask_address", rail=words.plain(f"rail.{rail.name}")),
                words.say("admin.return.ask_memo") if rail.takes_memo else None,
            ),
            (buttons.back(words, "held"),),
        )
    )


async def address_given(
    message: Message, member: Member, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> Toast | None:
    """The last look at what was understood; an address that cannot be paid may be sent again."""
    key = (await state.get_data()).get(KEY)
    if not isinstance(key, int):
        await state.clear()
        return Toast(words.plain("admin.forgotten"))
    written = (message.text or "").split()
    address, memo = "".join(written[:1]), " ".join(written[1:])
    try:
        async with desk.database.transaction() as session:
            deposit = await returns.require_returnable(session, deposit_id=key)
            destination = canonical_destination(
                await rails.get_rail(session, deposit.rail),
                address,
                house=await house_addresses.read(session),
                testnet=desk.testnet,
            )
            sender = await _sender(session, deposit)
            planned = await _plan(session, key, destination, memo)
    except Conflict:
        await state.clear()
        return await too_late(_subject(key), desk=desk, member=member, words=words, talk=talk)
    await talk.send(await _last_look(planned, sender=sender, words=words, state=state))
    return None


async def settle(
    _tap: CallbackQuery,
    callback_data: BackSure,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast:
    """Put the return before those who decide on withdrawals."""
    key = callback_data.deposit
    draft = Draft.read(await state.get_data(), key)
    await state.clear()
    if draft is None or draft.mark != callback_data.seen:
        return Toast(words.plain("admin.forgotten"), alert=True)
    try:
        async with desk.database.transaction() as session:
            made = await returns.send_back(
                session,
                deposit_id=key,
                destination=draft.destination,
                memo=draft.memo,
                fee_units=draft.fee_units,
                member=member,
                now=clock.utc_now(),
            )
            await changed(session, subject=_subject(key))
    except QuoteExpired:
        async with desk.database.transaction() as session:
            sender = await _sender(session, await deposits.get_deposit(session, deposit_id=key))
            planned = await _plan(session, key, draft.destination, draft.memo)
        await talk.show(await _last_look(planned, sender=sender, words=words, state=state))
        return Toast(words.plain("admin.return.new_fee"), alert=True)
    except Conflict:
        return await too_late(_subject(key), desk=desk, member=member, words=words, talk=talk)
    told = words.plain("admin.return.done")
    card = OpenCard(subject=f"withdrawal:{made.id}")
    await talk.show(
        Screen(
            words.say("admin.told", text=told),
            (
                (tap(words.plain("admin.button.open_card"), card, style=buttons.PRIMARY),),
                buttons.back(words, "held"),
            ),
        )
    )
    return Toast(told)


async def _last_look(
    planned: Plan, *, sender: str | None, words: Words, state: FSMContext
) -> Screen:
    """Amount, fee, what arrives and where; remembered for the button under it."""
    deposit, asset = planned.deposit, planned.deposit.asset
    draft = Draft(planned.destination, planned.memo, planned.fee_units)
    await state.set_state(None)
    await state.set_data({KEY: deposit.id, DRAFT: list(astuple(draft))})
    sure = BackSure(deposit=deposit.id, seen=draft.mark)
    whose = "to_sender" if planned.destination == sender else "elsewhere"
    return Screen(
        paragraphs(
            words.say("admin.return.sure", amount=words.units(deposit.units, asset)),
            words.say(
                "admin.return.costs",
                net=words.units(planned.net_units, asset),
                fee=words.units(planned.fee_units, asset),
            ),
            words.say("admin.withdrawal.to", rail=words.plain(f"rail.{deposit.rail}")),
            shown_address(planned.destination),
            words.say("admin.withdrawal.memo", memo=planned.memo) if planned.memo else None,
            words.say(f"admin.return.{whose}"),
        ),
        (
            (tap(words.plain("admin.button.send_back_sure"), sure, style=buttons.DANGER),),
            (copy(words.plain("admin.button.copy_address"), planned.destination),),
            buttons.back(words, "held"),
        ),
    )


async def _sender(session: AsyncSession, deposit: Deposit) -> str | None:
    """Whoever sent the coins, as the rail pays him."""
    return sender_destination(
        await rails.get_rail(session, deposit.rail),
        deposit.sender,
        house=await house_addresses.read(session),
    )


async def _plan(session: AsyncSession, deposit_id: int, destination: str, memo: str) -> Plan:
    return await returns.plan(
        session, deposit_id=deposit_id, destination=destination, memo=memo, now=clock.utc_now()
    )


def _subject(deposit_id: int) -> str:
    return f"deposit:{deposit_id}"


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    view = allowed(RESOLVE)
    router = Router(name="returns")
    taps = router.callback_query
    taps.register(ask_where, SendBack.filter(), flags=view)
    taps.register(to_sender, BackToSender.filter(), flags=view)
    taps.register(ask_address, BackElsewhere.filter(), flags=view)
    router.message.register(address_given, StateFilter(Ask.return_address), TYPED, flags=view)
    taps.register(settle, BackSure.filter(), flags=allowed(RESOLVE, audits="deposit.returned"))
    return router

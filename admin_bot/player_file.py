"""A player's file on the screen: who he is, what he has, what he did, what holds him."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from admin_bot import buttons
from admin_bot.callbacks import AskWhy, OpenPlayer, PlayerPage
from admin_bot.cards.shape import number, player_name
from admin_bot.reasons import BLOCK, UNBLOCK, in_words
from casino.betting import history as rounds
from casino.cashier import history as cashier
from casino.errors import NotFound
from casino.ids import PlayerId, RoundId, public
from casino.ledger import journal
from casino.players import identity, limits
from casino.players.rules import LimitKind, Status
from casino.reporting import gaming
from casino.staff.roles import Permission, allows
from messaging.buttons import tap
from messaging.screens import Screen
from messaging.words import Markup, Words, code, paragraphs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.betting.state import Round
    from casino.cashier.history import Movement
    from casino.players.identity import Player
    from casino.players.limits import LimitView
    from casino.reporting.gaming import Summary
    from casino.staff.people import Member
    from messaging.buttons import Row

PAGE = 6
MONEY, ROUNDS, LIMITS = "money", "rounds", "limits"
SHELVES = (MONEY, ROUNDS, LIMITS)


async def file_screen(
    session: AsyncSession, *, player_id: int, member: Member, words: Words, now: datetime
) -> Screen:
    """The first page; raises NotFound."""
    player = await identity.get(session, player_id=player_id)
    wallets = await journal.balances(session, PlayerId(player_id))
    summary = await gaming.player_summary(session, player_id=player_id)
    balances = [
        words.say(
            "admin.player.balance",
            cash=words.units(wallet.cash, asset),
            withdrawable=words.units(wallet.withdrawable, asset),
        )
        for asset, wallet in wallets.items()
        if wallet.cash
    ]
    other = [
        words.say(f"admin.player.{name}", amount=words.units(units, asset))
        for asset, wallet in wallets.items()
        for name, units in (
            ("bonus", wallet.bonus),
            ("reserved", wallet.reserved),
            ("held", wallet.held),
            ("deficit", wallet.deficit),
        )
        if units
    ]
    text = paragraphs(
        words.say("admin.player.title", player=player_name(player)),
        _standing(player, words),
        *_protection(player, words, now=now),
        words.say("admin.player.level", level=player.kyc_level, speaks=player.language),
        None if player.consented else words.say("admin.player.no_consent"),
        *(balances or [words.say("admin.player.empty")]),
        *other,
        *_sums(summary, words),
        words.say("admin.player.since", moment=words.moment(player.created_at)),
        words.say("admin.player.telegram", id=str(player.telegram_id)),
        number(words, player.id),
    )
    return Screen(text, _rows(player, words, member=member))


async def page_screen(
    session: AsyncSession,
    *,
    player_id: int,
    shelf: str,
    before: int,
    words: Words,
    now: datetime,
) -> Screen:
    """A page of money, rounds or limits; raises NotFound."""
    player = await identity.get(session, player_id=player_id)
    match shelf:
        case "money":
            movements = await cashier.list_movements(
                session, player_id=player_id, before_id=before or None, limit=PAGE + 1
            )
            found = [(each.id, _movement(each, words)) for each in movements]
        case "rounds":
            played = await rounds.list_rounds(
                session,
                player_id=PlayerId(player_id),
                before_id=RoundId(before) if before else None,
                limit=PAGE + 1,
            )
            found = [(each.id, _round(each, words)) for each in played]
        case "limits":
            shown = await limits.show(session, player_id=player_id, now=now)
            return _limits_screen(player, shown, words)
        case _:
            raise NotFound(thing="page", key=shelf[:40])
    return _list_screen(player, found, words, shelf=shelf, before=before)


def _standing(player: Player, words: Words) -> Markup:
    return words.say(
        f"admin.player.status.{player.status}",
        reason=in_words(player.status_reason, words) if player.status_reason else "",
    )


def _protection(player: Player, words: Words, *, now: datetime) -> list[Markup]:
    lines = []
    if player.excluded_for_life:
        lines.append(words.say("admin.player.excluded_for_life"))
    for name, until in (
        ("excluded", player.excluded_until),
        ("cooling_off", player.cooling_off_until),
    ):
        if until is not None and until > now:
            lines.append(words.say(f"admin.player.{name}", moment=words.moment(until)))
    return lines


def _sums(summary: Summary, words: Words) -> list[Markup]:
    return [
        words.say(f"admin.player.{name}", amounts=words.sums(sums))
        for name, sums in (
            ("deposits", summary.deposits),
            ("withdrawals", summary.withdrawals),
            ("staked", summary.staked),
            ("paid", summary.paid),
        )
        if any(sums.values())
    ]


def _rows(player: Player, words: Words, *, member: Member) -> tuple[Row, ...]:
    pages = tuple(
        tap(
            words.plain(f"admin.button.{shelf}"),
            PlayerPage(player=player.id, shelf=shelf, before=0),
        )
        for shelf in SHELVES
    )
    return (pages, _block_row(player, words, member=member), buttons.back(words))


def _block_row(player: Player, words: Words, *, member: Member) -> Row:
    if not allows(member, Permission.PLAYERS_BLOCK) or player.status is Status.CLOSED:
        return ()
    task = BLOCK if player.status is Status.ACTIVE else UNBLOCK
    ask = AskWhy(task=task, subject=f"player:{player.id}", seen=player.status.value)
    style = buttons.DANGER if task == BLOCK else None
    return (tap(words.plain(f"admin.button.{task}"), ask, style=style),)


def _list_screen(
    player: Player,
    found: Sequence[tuple[int, Markup]],
    words: Words,
    *,
    shelf: str,
    before: int,
) -> Screen:
    # One more than fits says whether there is an older page.
    shown, more = found[:PAGE], len(found) > PAGE
    page = partial(PlayerPage, player=player.id, shelf=shelf)
    return Screen(
        paragraphs(
            words.say(f"admin.player.page.{shelf}", player=player_name(player)),
            *(line for _, line in shown),
            None if shown else words.say("admin.player.page.empty"),
        ),
        (
            buttons.turning(words, page, before=before, older=shown[-1][0] if more else None),
            _back_to(player, words),
        ),
    )


def _limits_screen(player: Player, shown: Sequence[LimitView], words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.player.page.limits", player=player_name(player)),
            *(
                _limit(limit, words)
                for limit in shown
                if limit.units is not None or limit.pending_at is not None
            ),
            None
            if any(limit.units is not None for limit in shown)
            else words.say("admin.player.no_limits"),
        ),
        (_back_to(player, words),),
    )


def _back_to(player: Player, words: Words) -> Row:
    return (tap(words.plain("admin.button.back"), OpenPlayer(player=player.id, apart=False)),)


def _limit(limit: LimitView, words: Words) -> Markup:
    name = words.plain(f"limit.{limit.kind}")
    if limit.kind is not LimitKind.STAKE:
        name = f"{name} / {words.plain(f'window.{limit.window}')}"
    allowed = words.reference(limit.units) if limit.units is not None else "—"
    if limit.pending_at is not None:
        then = "—" if limit.pending_units is None else words.reference(limit.pending_units)
        return words.say(
            "admin.player.limit_pending",
            limit=name,
            allowed=allowed,
            then=then,
            moment=words.moment(limit.pending_at),
        )
    return words.say(
        "admin.player.limit", limit=name, allowed=allowed, used=words.reference(limit.used)
    )


def _movement(movement: Movement, words: Words) -> Markup:
    reason = movement.detail.get("reason")
    line = words.say(
        f"admin.player.movement.{movement.kind}",
        amount=words.amount(movement.amount),
        status=words.plain(movement.status_key),
        moment=words.moment(movement.at),
    )
    if not isinstance(reason, str):
        return line
    return words.say("admin.player.with_reason", line=line, reason=in_words(reason, words))


def _round(played: Round, words: Words) -> Markup:
    game = f"game.{played.game}"
    return words.say(
        f"admin.player.round.{played.status}",
        game=words.plain(game) if words.knows(game) else played.game,
        stake=words.units(played.stake, played.asset),
        payout=words.units(played.payout, played.asset),
        moment=words.moment(played.opened_at),
        id=code(public(played.id)),
    )

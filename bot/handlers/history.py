"""What happened: money in and out, and rounds played, page by page."""

from __future__ import annotations

from collections.abc import Sequence

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, InlineKeyboardButton, Message

from bot import buttons
from bot.callbacks import Go, HistoryPage, WithdrawCancel
from bot.house import House
from casino.betting import history as rounds
from casino.betting.state import Round
from casino.cashier import history as cashier
from casino.cashier.history import Movement
from casino.ids import RoundId
from casino.money import Money
from casino.players.identity import Player
from messaging.buttons import tap
from messaging.screens import Screen
from messaging.talk import Talk
from messaging.words import Markup, Words, paragraphs

PAGE = 5
MONEY = "money"
ROUNDS = "rounds"
SHELVES = (MONEY, ROUNDS)
MINUTE_SECONDS = 60
# Nothing comes by itself any more: what is held or too little waits for somebody.
ENDED = frozenset(
    {
        "credited",
        "held",
        "below_minimum",
        "returned",
        "orphaned",
        "confirmed",
        "rejected",
        "cancelled",
        "refunded",
    }
)


async def newest(
    _event: Message | CallbackQuery, player: Player, words: Words, talk: Talk, house: House
) -> None:
    """The newest movements of money."""
    await talk.show(await _page(house, player, words, shelf=MONEY, before=0))


async def page(
    _tap: CallbackQuery,
    callback_data: HistoryPage,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
) -> None:
    """An older page, or the other shelf."""
    await talk.show(
        await _page(house, player, words, shelf=callback_data.shelf, before=callback_data.before)
    )


async def _page(house: House, player: Player, words: Words, *, shelf: str, before: int) -> Screen:
    # One more than fits says whether there is an older page.
    async with house.database.transaction() as session:
        if shelf == MONEY:
            movements = await cashier.list_movements(
                session, player_id=player.id, before_id=before or None, limit=PAGE + 1
            )
            lines = [(movement.id, _movement(movement, words)) for movement in movements]
            open_ones = _open_withdrawals(movements[:PAGE], words)
            if not before and any(_is_moving(movement) for movement in movements[:PAGE]):
                again = HistoryPage(shelf=MONEY, before=0)
                open_ones = ((tap(words.plain("bot.button.refresh"), again),), *open_ones)
        else:
            played = await rounds.list_rounds(
                session,
                player_id=player.id,
                before_id=RoundId(before) if before else None,
                limit=PAGE + 1,
            )
            lines = [(line.id, _round(line, words)) for line in played]
            open_ones = ()
    shown, more = lines[:PAGE], len(lines) > PAGE
    turning: list[InlineKeyboardButton] = []
    if before:
        turning.append(tap(words.plain("bot.button.newest"), HistoryPage(shelf=shelf, before=0)))
    if more:
        turning.append(
            tap(words.plain("bot.button.older"), HistoryPage(shelf=shelf, before=shown[-1][0]))
        )
    other = ROUNDS if shelf == MONEY else MONEY
    return Screen(
        paragraphs(
            words.say(f"bot.history.{shelf}"),
            *(text for _, text in shown),
            None if shown else words.say(f"bot.history.{shelf}_empty"),
        ),
        (
            tuple(turning),
            *open_ones,
            (
                tap(
                    words.plain(f"bot.button.history_{other}"),
                    HistoryPage(shelf=other, before=0),
                ),
            ),
            buttons.back(words),
        ),
    )


def _movement(movement: Movement, words: Words) -> Markup:
    kind = "return" if movement.detail.get("returns") is True else str(movement.kind)
    line = words.say(
        f"bot.history.{kind}",
        amount=words.amount(movement.amount),
        network=_network(movement, words),
        status=_status(movement, words),
        moment=words.moment(movement.at),
    )
    url = movement.detail.get("url")
    if not isinstance(url, str):
        return line
    return words.say("bot.history.with_link", line=line, url=url)


def _network(movement: Movement, words: Words) -> str:
    network = movement.detail["network"]
    return words.plain(f"network.{network}") if network else str(movement.amount.asset)


def _status(movement: Movement, words: Words) -> str:
    """Where it stands; a deposit that its chain still confirms says how far."""
    count = movement.detail.get("confirmations")
    wanted = movement.detail.get("confirmations_wanted")
    if movement.status in ("seen", "confirming") and count is not None:
        if wanted is None:
            return _soon("deposit.waiting_final", movement, words) or words.plain(
                "deposit.progress_final", count=str(count)
            )
        return words.plain("deposit.progress", count=str(count), wanted=str(wanted))
    if movement.status == "credited" and movement.detail.get("final") is False:
        early = "deposit.progress_early"
        return _soon(early, movement, words) or words.plain(early)
    if movement.status == "orphaned" and movement.detail.get("reason") == "replaced":
        return words.plain("deposit.status.replaced")
    return words.plain(movement.status_key)


def _soon(key: str, movement: Movement, words: Words) -> str | None:
    """The text of `key` with how long it still takes until final, if that is known."""
    seconds = movement.detail.get("final_in")
    if not isinstance(seconds, int):
        return None
    minutes = -(-seconds // MINUTE_SECONDS)
    if minutes <= 1:
        return words.plain(f"{key}_soon")
    return words.plain(f"{key}_in", count=minutes)


def _is_moving(movement: Movement) -> bool:
    """Whether it may look different in a moment."""
    early = movement.detail.get("final") is False and movement.status == "credited"
    return early or movement.status not in ENDED


def _open_withdrawals(
    movements: Sequence[Movement], words: Words
) -> tuple[tuple[InlineKeyboardButton, ...], ...]:
    return tuple(
        (
            tap(
                words.plain(
                    "bot.button.take_back_of",
                    amount=words.amount(movement.amount),
                    network=_network(movement, words),
                ),
                WithdrawCancel(withdrawal=movement.id),
            ),
        )
        for movement in movements
        if movement.detail.get("cancellable") is True
    )


def _round(line: Round, words: Words) -> Markup:
    return words.say(
        f"bot.history.round_{line.status}",
        game=words.plain(f"game.{line.game}"),
        stake=words.amount(Money(line.stake, line.asset)),
        payout=words.amount(Money(line.payout, line.asset)),
        moment=words.moment(line.opened_at),
    )


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="history")
    router.message.register(newest, Command("history"))
    router.callback_query.register(newest, Go.filter(F.to == "history"))
    router.callback_query.register(page, HistoryPage.filter(F.shelf.in_(SHELVES)))
    return router

"""Today's figures: in words, and hour by hour as a picture."""

from __future__ import annotations

import asyncio

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.callbacks import Go
from admin_bot.desk import Desk
from casino import clock
from casino.cashier import rails, treasury
from casino.cashier.treasury import HotWallet
from casino.money import PLAYABLE, Asset
from casino.reporting import gaming
from casino.reporting.gaming import Figures
from casino.staff.roles import Permission
from messaging.buttons import tap
from messaging.pictures.chart import Series, figures_chart
from messaging.screens import Screen
from messaging.talk import Talk
from messaging.words import Markup, Words, paragraphs

VIEW = Permission.FIGURES_VIEW


async def today(_event: Message | CallbackQuery, words: Words, talk: Talk, desk: Desk) -> None:
    """The day so far, in UTC."""
    now = clock.utc_now()
    async with desk.database.transaction() as session:
        figures = await gaming.today(session, now=now)
        wallets = [
            await treasury.hot_wallet_view(session, rail=rail.name)
            for rail in await rails.list_rails(session)
            if rail.address is not None and rail.is_known
        ]
    picture = await asyncio.to_thread(_draw, figures, words)
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.figures.title", moment=words.moment(now)),
                words.say(
                    "admin.figures.players",
                    active=figures.players_active,
                    new=figures.new_players,
                    bets=figures.bets,
                ),
                *(
                    words.say(f"admin.figures.{name}", amounts=words.sums(sums))
                    for name, sums in (
                        ("stakes", figures.stakes),
                        ("payouts", figures.payouts),
                        ("ggr", figures.ggr),
                        ("deposits", figures.deposits),
                        ("withdrawals", figures.withdrawals),
                    )
                ),
                *(_wallet(wallet, words) for wallet in wallets),
            ),
            (
                (tap(words.plain("admin.button.refresh"), Go(to="figures")),),
                buttons.back(words),
            ),
            picture,
        )
    )


def _draw(figures: Figures, words: Words) -> bytes:
    labels = [f"{hour.start:%H}" for hour in figures.by_hour]
    active = [asset for asset in PLAYABLE if figures.stakes.get(asset)] or [PLAYABLE[0]]
    series = [row for asset in active for row in _rows(figures, asset, words)]
    return figures_chart(
        title=words.plain("admin.figures.chart", day=f"{figures.day:%Y-%m-%d}"),
        labels=labels,
        series=series,
    )


def _rows(figures: Figures, asset: Asset, words: Words) -> tuple[Series, Series]:
    return (
        Series(
            words.plain("admin.figures.chart_stakes"),
            [hour.stakes.get(asset, 0) for hour in figures.by_hour],
            asset.decimals,
            asset.value,
        ),
        Series(
            words.plain("admin.figures.chart_ggr"),
            [hour.ggr.get(asset, 0) for hour in figures.by_hour],
            asset.decimals,
            asset.value,
        ),
    )


def _wallet(wallet: HotWallet, words: Words) -> Markup:
    """A hot wallet in one line: what the book says, what is on its way out, what the chain says."""
    line = words.say(
        "admin.figures.wallet",
        rail=words.plain(f"rail.{wallet.rail}"),
        book=words.units(wallet.book_units, wallet.asset),
        owed=words.units(wallet.to_pay_units, wallet.asset),
    )
    if not wallet.drift_units:
        return line
    drift = words.units(wallet.drift_units, wallet.asset)
    return paragraphs(line, words.say("admin.figures.drift", drift=drift))


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="figures")
    router.message.register(today, Command("figures"), flags=allowed(VIEW))
    router.callback_query.register(today, Go.filter(F.to == "figures"), flags=allowed(VIEW))
    return router

"""The seeds in use now, and how anyone can check a round."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import buttons
from bot.callbacks import Go
from bot.house import House
from casino.betting import seeds
from casino.ledger.journal import lock_players
from casino.players.identity import Player
from messaging.buttons import copy
from messaging.screens import Screen
from messaging.talk import Talk
from messaging.words import Words, code, paragraphs


async def fairness(
    _event: Message | CallbackQuery, player: Player, words: Words, talk: Talk, house: House
) -> None:
    """Commitment, client seed and nonce; changing and checking them happens in the Mini App."""
    async with house.database.transaction() as session:
        await lock_players(session, [player.id])
        seed = await seeds.current(session, player_id=player.id, store=house.seeds)
    await talk.show(
        Screen(
            paragraphs(
                words.say("bot.fairness.title"),
                words.say("bot.fairness.body"),
                words.say("bot.fairness.commitment", commitment=code(seed.commitment)),
                words.say("bot.fairness.client_seed", client_seed=code(seed.client_seed)),
                words.say("bot.fairness.nonce", count=seed.seed_nonce),
            ),
            (
                (
                    buttons.app(
                        words.plain("bot.button.verify"), house.mini_app_url, style="primary"
                    ),
                ),
                (copy(words.plain("bot.button.copy_commitment"), seed.commitment),),
                buttons.back(words),
            ),
        )
    )


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="fairness")
    router.message.register(fairness, Command("fairness"))
    router.callback_query.register(fairness, Go.filter(F.to == "fairness"))
    return router

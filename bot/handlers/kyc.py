"""Verification: the player sends a picture of a document, staff look at it."""

from __future__ import annotations

import mimetypes
from io import BytesIO

from aiogram import Bot, F, Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Document, Message

from bot import buttons
from bot.asking import LIVING, Ask
from bot.callbacks import Go, SendDocument
from bot.house import House
from casino import clock
from casino.cashier import terms
from casino.errors import DocumentInvalid
from casino.players import kyc
from casino.players.identity import Player
from messaging.buttons import tap
from messaging.screens import Screen
from messaging.talk import Talk
from messaging.words import Words, paragraphs

KINDS = tuple(kind.value for kind in kyc.DocumentKind)
SENDS_FILE = F.photo | F.document


async def overview(
    _event: Message | CallbackQuery,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
    state: FSMContext,
) -> None:
    """The level reached, what it allows, and which documents raise it."""
    await state.clear()
    await talk.show(await _overview_screen(house, player, words))


async def ask(
    _tap: CallbackQuery, callback_data: SendDocument, words: Words, talk: Talk, state: FSMContext
) -> None:
    """Ask for the picture."""
    name = words.plain(f"document.{callback_data.kind}")
    shown = await talk.show(
        Screen(
            paragraphs(
                words.say("bot.kyc.send", document=name),
                words.say(f"bot.kyc.hint.{callback_data.kind}"),
                words.say("bot.kyc.files"),
            ),
            (buttons.back(words, "kyc"),),
        )
    )
    await state.set_state(Ask.document)
    await state.set_data({"kind": callback_data.kind, LIVING: shown})


async def take(
    message: Message,
    bot: Bot,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
    state: FSMContext,
) -> None:
    """Fetch the bytes from Telegram, then store them sealed; file ids mean nothing to the
    operators' bot, so they are not kept."""
    form = await state.get_data()
    kind = form.get("kind")
    if kind not in KINDS:
        await talk.show(await _overview_screen(house, player, words))
        return
    content, mime = await _download(bot, message)
    async with house.database.transaction() as session:
        await kyc.submit_document(
            session,
            vault=house.vault,
            player_id=player.id,
            kind=kind,
            content=content,
            mime=mime,
            now=clock.utc_now(),
        )
    shown = await talk.show(
        Screen(
            paragraphs(
                words.say("bot.kyc.received", document=words.plain(f"document.{kind}")),
                words.say("bot.kyc.next"),
            ),
            (
                *(
                    (tap(words.plain(f"document.{other}"), SendDocument(kind=other)),)
                    for other in KINDS
                    if other != kind
                ),
                buttons.back(words),
            ),
        ),
        instead_of=form.get(LIVING),
    )
    await state.update_data({LIVING: shown})


async def ask_again(_message: Message, words: Words, talk: Talk) -> None:
    """Something that is no picture while we wait for one."""
    await talk.show(Screen(words.say("bot.kyc.files"), (buttons.back(words, "kyc"),)))


async def which(_message: Message, player: Player, words: Words, talk: Talk, house: House) -> None:
    """A picture nobody asked for: which document is it meant to be?"""
    screen = await _overview_screen(house, player, words)
    await talk.show(Screen(paragraphs(words.say("bot.kyc.which"), screen.text), screen.rows))


async def _overview_screen(house: House, player: Player, words: Words) -> Screen:
    async with house.database.transaction() as session:
        in_force = await terms.current(session)
    level = min(player.kyc_level, 2)
    ceilings = (in_force.level_0_lifetime, in_force.level_1_month, 0)
    return Screen(
        paragraphs(
            words.say("bot.kyc.title", level=level),
            words.say(f"bot.kyc.level.{level}", ceiling=words.reference(ceilings[level])),
            words.say("bot.kyc.body") if level < 2 else None,
        ),
        (
            *(
                (tap(words.plain(f"document.{kind}"), SendDocument(kind=kind)),)
                for kind in KINDS
                if level < 2
            ),
            buttons.back(words),
        ),
    )


async def _download(bot: Bot, message: Message) -> tuple[bytes, str]:
    if message.photo:
        largest = message.photo[-1]
        file_id, size, mime = largest.file_id, largest.file_size, "image/jpeg"
    elif message.document:
        file = message.document
        file_id, size, mime = file.file_id, file.file_size, file.mime_type or _guess(file)
    else:
        raise DocumentInvalid(reason="format")
    if size is not None and size > kyc.DOCUMENT_BYTES_MAX:
        raise DocumentInvalid(reason="too_large")
    content = BytesIO()
    await bot.download(file_id, destination=content)
    return content.getvalue(), mime


def _guess(file: Document) -> str:
    """Some clients send no type; the bytes decide in the end."""
    return mimetypes.guess_type(file.file_name or "")[0] or ""


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="kyc")
    router.message.register(overview, Command("verify"))
    router.callback_query.register(overview, Go.filter(F.to == "kyc"))
    router.callback_query.register(ask, SendDocument.filter(F.kind.in_(KINDS)))
    router.message.register(take, Ask.document, SENDS_FILE)
    router.message.register(ask_again, Ask.document)
    router.message.register(which, SENDS_FILE, F.chat.type == "private")
    return router

"""An aiogram bot, unmodified, by long polling and by webhook: the same story both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiogram import Bot, Dispatcher, F, Router
from aiogram.filters import CommandObject, CommandStart
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LabeledPrice,
    Message,
    PreCheckoutQuery,
)
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import FormData, web

from casino.nursery import Nursery
from tests.sandbox.telegram.conftest import ANN, GROUP, Server

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000030806000000b9eade81"
    "0000001049444154789c636060f8ff1f88198004001ff802fe6b1ba2d10000000049454e44ae426082"
)
SECRET = "a-secret_of-the_webhook"


def make_dispatcher() -> Dispatcher:
    router = Router()

    @router.message(CommandStart())
    async def start(message: Message, command: CommandObject) -> None:
        keyboard = InlineKeyboardMarkup(
            inline_keyboard=[[InlineKeyboardButton(text="🎯 Play", callback_data="play")]]
        )
        await message.answer(f"<b>Welcome</b> {command.args or 'stranger'}", reply_markup=keyboard)

    @router.callback_query(F.data == "play")
    async def play(query: CallbackQuery) -> None:
        assert isinstance(query.message, Message)
        await query.message.edit_text("You <i>played</i>")
        await query.answer("Good luck", show_alert=True)

    @router.message(F.photo)
    async def photo(message: Message, bot: Bot) -> None:
        assert message.photo
        body = await bot.download(message.photo[-1])
        assert body is not None
        size = len(body.read())
        await message.answer_photo(BufferedInputFile(PNG, "back.png"), caption=f"{size} bytes")

    @router.message(F.text == "dice")
    async def dice(message: Message) -> None:
        thrown = await message.answer_dice(emoji="🎰")
        assert thrown.dice
        await message.reply(f"value {thrown.dice.value}")

    @router.message(F.text == "buy")
    async def buy(message: Message) -> None:
        prices = [LabeledPrice(label="one", amount=25)]
        await message.answer_invoice("Chips", "Play money", "chips:1", "XTR", prices)

    @router.pre_checkout_query()
    async def checkout(query: PreCheckoutQuery) -> None:
        await query.answer(ok=True)

    @router.message(F.successful_payment)
    async def paid(message: Message) -> None:
        assert message.successful_payment
        await message.answer(f"paid {message.successful_payment.total_amount}")

    @router.message(F.text.startswith("/table"))
    async def table(message: Message) -> None:
        await message.reply("dealt")

    dispatcher = Dispatcher()
    dispatcher.include_router(router)
    return dispatcher


@pytest.fixture(params=["polling", "webhook"])
async def playing(server: Server, request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """A server with a bot at work on it."""
    bot = server.bot()
    bot.default.parse_mode = "HTML"
    dispatcher = make_dispatcher()
    if request.param == "polling":
        async with Nursery() as nursery:
            polling = dispatcher.start_polling(bot, handle_signals=False, polling_timeout=5)
            nursery.start(polling, name="polling")
            yield server
            await dispatcher.stop_polling()
    else:
        app = web.Application()
        SimpleRequestHandler(
            dispatcher, bot, handle_in_background=False, secret_token=SECRET
        ).register(app, path="/hook")
        setup_application(app, dispatcher, bot=bot)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        await bot.set_webhook(f"http://127.0.0.1:{port}/hook", secret_token=SECRET)
        yield server
        await bot.delete_webhook()
        await runner.cleanup()
    await bot.session.close()


async def test_a_person_plays_with_the_bot(playing: Server) -> None:
    await playing.do("start", person=ANN, bot="fairhouse_bot", payload="ref_42")
    welcome = await playing.hear("Welcome ref_42")
    assert {"type": "bold", "offset": 0, "length": 7} in welcome["entities"]

    tapped = await playing.do("tap", person=ANN, bot="fairhouse_bot", label="Play", wait=10)
    assert tapped["answer"] == {"text": "Good luck", "show_alert": True}
    edited = await playing.hear("You played")
    assert edited["message_id"] == welcome["message_id"]
    assert "reply_markup" not in edited
    assert edited["edit_date"]


async def test_photos_travel_both_ways(playing: Server) -> None:
    form = {"person": str(ANN), "bot": "fairhouse_bot", "kind": "photo"}
    async with playing.http.post("/sim/upload", data=upload_form(form)) as response:
        assert response.status == 200, await response.text()
    answer = await playing.hear(f"{len(PNG)} bytes")
    assert answer["photo"][0]["width"] == 2
    async with playing.http.get(f"/sim/file/{answer['photo'][0]['file_unique_id']}") as response:
        assert await response.read() == PNG


def upload_form(fields: dict[str, str]) -> FormData:
    form = FormData(fields)
    form.add_field("file", PNG, filename="me.png", content_type="image/png")
    return form


async def test_dice_and_stars(playing: Server) -> None:
    await playing.do("send", person=ANN, bot="fairhouse_bot", text="dice")
    replied = await playing.hear("value ")
    assert 1 <= int(replied["text"].split()[1]) <= 64
    assert replied["reply_to"]["text"] == "dice"

    await playing.do("send", person=ANN, bot="fairhouse_bot", text="buy")
    await invoice_shown(playing, after=replied["seq"])
    paid = await playing.do("tap", person=ANN, bot="fairhouse_bot", label="Pay ⭐25")
    assert paid["paid"]["status"] == "paid"
    await playing.hear("paid 25")
    people = (await playing.see("state"))["people"]
    assert next(one for one in people if one["id"] == ANN)["stars"] == 975


async def invoice_shown(server: Server, *, after: int) -> None:
    while True:
        found = await server.see("wait", person=ANN, bot="fairhouse_bot", after=after, timeout=60)
        assert found["messages"], "nobody sent an invoice"
        if any("invoice" in message for message in found["messages"]):
            return
        after = found["seq"]


async def test_in_a_group_the_bot_hears_what_is_meant_for_it(playing: Server) -> None:
    await playing.do("send", person=ANN, chat=GROUP, text="/table nobody hears the next one")
    await playing.hear("dealt", chat=GROUP)
    await playing.do("send", person=ANN, chat=GROUP, text="dice")
    await playing.do("send", person=ANN, chat=GROUP, text="/table@fairhouse_bot")
    found = await playing.see("chat", person=ANN, chat=GROUP)
    last = found["messages"][-1]["seq"]
    await playing.see("wait", person=ANN, chat=GROUP, after=last, contains="dealt", timeout=60)
    words = [message.get("text", "") for message in (await group(playing))]
    assert not [word for word in words if word.startswith("value")]


async def group(server: Server) -> list[dict[str, str]]:
    messages: list[dict[str, str]] = (await server.see("chat", person=ANN, chat=GROUP))["messages"]
    return messages

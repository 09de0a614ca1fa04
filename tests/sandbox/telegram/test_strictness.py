"""What the real Telegram refuses is refused here, in its words."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import FormData

from sandbox.telegram.app import PRESSURE
from sandbox.telegram.world import OPERATORS_TOKEN
from tests.sandbox.telegram.conftest import ANN, BORIS, GROUP, Server

Json = dict[str, Any]

NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are"
    " exactly the same as a current content and reply markup of the message"
)


def keyboard(**button: Any) -> Json:
    return {"inline_keyboard": [[{"text": "Tap", **button}]]}


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("<b>open", "HTML", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b>x</i>", "HTML", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("ж<x>no</x>", "HTML", 'Unsupported start tag "x" at byte offset 2'),
        ("x</b>", "HTML", "Unexpected end tag at byte offset 1"),
        ("1 < 2", "HTML", 'Unsupported start tag "" at byte offset 2'),
        (
            "won 1.5",
            "MarkdownV2",
            "Character '.' is reserved and must be escaped with the preceding '\\'",
        ),
        ("*bold", "MarkdownV2", "Can't find end of Bold entity at byte offset 0"),
        ("a _b", "MarkdownV2", "Can't find end of Italic entity at byte offset 2"),
        ("[a](http://x", "MarkdownV2", "Can't find end of a URL at byte offset 3"),
    ],
)
async def test_markup_that_cannot_be_parsed(
    started: Server, text: str, mode: str, words: str
) -> None:
    refusal = await started.refused("sendMessage", chat_id=ANN, text=text, parse_mode=mode)
    assert refusal == f"Bad Request: can't parse entities: {words}"


@pytest.mark.parametrize(
    ("text", "mode", "plain", "entities"),
    [
        ("<b>bo<i>th</i></b> &lt;", "HTML", "both <", [("bold", 0, 4), ("italic", 2, 2)]),
        ("🎰 <code>x</code>", "HTML", "🎰 x", [("code", 3, 1)]),
        ("  <u>a</u>\n", "HTML", "a", [("underline", 0, 1)]),
        ("<blockquote>q</blockquote>", "HTML", "q", [("blockquote", 0, 1)]),
        (
            "*b* __u__ ~s~ ||p||",
            "MarkdownV2",
            "b u s p",
            [("bold", 0, 1), ("underline", 2, 1), ("strikethrough", 4, 1), ("spoiler", 6, 1)],
        ),
        (r"1\.5 `a.b`", "MarkdownV2", "1.5 a.b", [("code", 4, 3)]),
        ("```py\nx = 1```", "MarkdownV2", "x = 1", [("pre", 0, 5)]),
        (">quoted\nnot", "MarkdownV2", "quoted\nnot", [("blockquote", 0, 6)]),
        (
            "/start@fairhouse_bot and https://a.example/x.",
            "",
            "/start@fairhouse_bot and https://a.example/x.",
            [("bot_command", 0, 20), ("url", 25, 19)],
        ),
    ],
)
async def test_markup_that_can(
    started: Server, text: str, mode: str, plain: str, entities: list[tuple[str, int, int]]
) -> None:
    sent = await started.ok("sendMessage", chat_id=ANN, text=text, parse_mode=mode)
    assert sent["text"] == plain
    found = [(e["type"], e["offset"], e["length"]) for e in sent.get("entities", [])]
    assert found == entities


@pytest.mark.parametrize(
    ("button", "words"),
    [
        ({"callback_data": "x" * 65}, "BUTTON_DATA_INVALID"),
        ({"callback_data": "я" * 33}, "BUTTON_DATA_INVALID"),
        ({"callback_data": ""}, "BUTTON_DATA_INVALID"),
        ({}, "Text buttons are unallowed in the inline keyboard"),
        ({"callback_data": "a", "url": "https://a.example"}, "exactly one action"),
        ({"url": "ftp://a.example"}, "Unsupported URL protocol"),
        ({"web_app": {"url": "http://a.example"}}, "Only HTTPS links are allowed"),
        ({"callback_data": "a", "style": "rainbow"}, "invalid button style"),
    ],
)
async def test_buttons_that_are_refused(started: Server, button: Json, words: str) -> None:
    markup = keyboard(**button)
    refusal = await started.refused("sendMessage", chat_id=ANN, text="x", reply_markup=markup)
    assert words in refusal


async def test_buttons_at_the_edge_are_taken(started: Server) -> None:
    for button in (
        {"callback_data": "я" * 32},
        {"web_app": {"url": "http://127.0.0.1:5000/"}, "style": "success"},
        {"url": "ton://transfer/abc"},
        {"copy_text": {"text": "x" * 256}},
    ):
        await started.ok("sendMessage", chat_id=ANN, text="x", reply_markup=keyboard(**button))


async def test_mini_app_buttons_only_in_private_chats(started: Server) -> None:
    markup = keyboard(web_app={"url": "https://a.example"})
    refusal = await started.refused("sendMessage", chat_id=GROUP, text="x", reply_markup=markup)
    assert refusal == "Bad Request: BUTTON_TYPE_INVALID"


async def test_lengths_are_counted_in_utf16(started: Server) -> None:
    await started.ok("sendMessage", chat_id=ANN, text="🎲" * 2048)
    long = await started.refused("sendMessage", chat_id=ANN, text="🎲" * 2048 + "x")
    assert long == "Bad Request: message is too long"
    empty = await started.refused("sendMessage", chat_id=ANN, text="<b> </b>", parse_mode="HTML")
    assert empty == "Bad Request: message text is empty"


async def test_who_may_be_written_to(server: Server) -> None:
    async def why(chat_id: object) -> str:
        return await server.refused("sendMessage", chat_id=chat_id, text="x")

    assert await why(ANN) == "Forbidden: bot can't initiate conversation with a user"
    assert await why(424242) == "Bad Request: chat not found"
    assert await why("") == "Bad Request: chat_id is empty"
    assert await why(200) == "Forbidden: the bot can't send messages to the bot"
    await server.do("start", person=ANN, bot="fairhouse_bot")
    await server.ok("sendMessage", chat_id=str(ANN), text="now it may")
    await server.do("block", person=ANN, bot="fairhouse_bot", blocked=True)
    assert await why(ANN) == "Forbidden: bot was blocked by the user"
    refusal = await server.refused("sendMessage", OPERATORS_TOKEN, chat_id=GROUP, text="x")
    assert refusal == "Forbidden: bot is not a member of the supergroup chat"


async def test_edits(started: Server) -> None:
    markup = keyboard(callback_data="a")
    sent = await started.ok("sendMessage", chat_id=ANN, text="one", reply_markup=markup)
    where = {"chat_id": ANN, "message_id": sent["message_id"]}
    same = await started.refused("editMessageText", **where, text="one", reply_markup=markup)
    assert same == NOT_MODIFIED
    edited = await started.ok("editMessageText", **where, text="one")
    assert "reply_markup" not in edited
    assert edited["edit_date"] >= sent["date"]
    caption = await started.refused("editMessageCaption", **where, caption="x")
    assert caption == "Bad Request: there is no caption in the message to edit"
    theirs = await started.refused("editMessageText", chat_id=ANN, message_id=1, text="x")
    assert theirs == "Bad Request: message can't be edited"
    await started.ok("deleteMessage", **where)
    assert (
        await started.refused("deleteMessage", **where)
        == "Bad Request: message to delete not found"
    )
    gone = await started.refused("editMessageText", **where, text="two")
    assert gone == "Bad Request: message to edit not found"
    reply = {"message_id": sent["message_id"]}
    lost = await started.refused("sendMessage", chat_id=ANN, text="x", reply_parameters=reply)
    assert lost == "Bad Request: message to be replied not found"


async def test_a_tap_is_answered_once(started: Server) -> None:
    await started.ok("sendMessage", chat_id=ANN, text="x", reply_markup=keyboard(callback_data="a"))
    tapped = await started.do("tap", person=ANN, bot="fairhouse_bot", label="Tap")
    assert tapped["answer"] is None
    query = {"callback_query_id": tapped["callback"]}
    stranger = await started.refused("answerCallbackQuery", OPERATORS_TOKEN, **query)
    assert "query ID is invalid" in stranger
    long = await started.refused("answerCallbackQuery", **query, text="x" * 201)
    assert long == "Bad Request: MESSAGE_TOO_LONG"
    await started.ok("answerCallbackQuery", **query, text="done")
    late = await started.refused("answerCallbackQuery", **query)
    assert late.startswith("Bad Request: query is too old and response timeout expired")
    answer = await started.do("answer", callback=tapped["callback"], wait=1)
    assert answer["answer"]["text"] == "done"


async def test_a_forged_tap_reaches_the_bot_and_a_wrong_label_does_not(started: Server) -> None:
    sent = await started.ok(
        "sendMessage", chat_id=ANN, text="x", reply_markup=keyboard(callback_data="a")
    )
    where = {"person": ANN, "bot": "fairhouse_bot", "message_id": sent["message_id"]}
    await started.do("tap", **where, label="Nothing", status=404)
    await started.do("tap", **where, data="forged", forge=True)
    updates = await started.ok("getUpdates", offset=-1)
    assert updates[0]["callback_query"]["data"] == "forged"
    assert updates[0]["callback_query"]["message"]["message_id"] == sent["message_id"]


async def test_faults_come_as_ordered(started: Server) -> None:
    await started.do("faults", method="sendMessage", code=429, retry_after=7, contains="slow")
    await started.ok("sendMessage", chat_id=ANN, text="quick")
    body = await started.call("sendMessage", chat_id=ANN, text="slow")
    assert body["parameters"] == {"retry_after": 7}
    assert body["description"] == "Too Many Requests: retry after 7"
    await started.ok("sendMessage", chat_id=ANN, text="slow")
    calls = (await started.see("calls", method="sendMessage"))["calls"]
    assert [call["fields"]["text"] for call in calls] == ["quick", "slow"]


async def test_flood_limits_when_switched_on(started: Server) -> None:
    seconds = 0.0
    started.app[PRESSURE].clock = lambda: seconds
    await started.do("limits", enabled=True)

    async def send() -> Json:
        return await started.call("sendMessage", chat_id=ANN, text="x")

    assert [(await send())["ok"] for _ in range(4)] == [True, True, True, False]
    wait = (await send())["parameters"]["retry_after"]
    seconds += wait
    assert (await send())["ok"]
    await started.do("limits", enabled=False)
    assert all([(await send())["ok"] for _ in range(5)])


async def test_commands_and_menu_buttons(started: Server) -> None:
    bad = [{"command": "Bad Name", "description": "x"}]
    assert (
        await started.refused("setMyCommands", commands=bad) == "Bad Request: BOT_COMMAND_INVALID"
    )
    for language, text in (("", "Menu"), ("ru", "Меню")):
        commands = [{"command": "start", "description": text}]
        await started.ok("setMyCommands", commands=commands, language_code=language)
    button = {"type": "web_app", "text": "Play", "web_app": {"url": "https://a.example/"}}
    await started.ok("setChatMenuButton", menu_button=button, chat_id=ANN)
    shown = {}
    for person in (ANN, BORIS):
        chat = (await started.see("chat", person=person, bot="fairhouse_bot"))["chat"]
        shown[person] = (chat["commands"][0]["description"], chat["menu"]["type"])
    assert shown == {ANN: ("Menu", "web_app"), BORIS: ("Меню", "commands")}


async def test_files_belong_to_one_bot(started: Server) -> None:
    await started.do("start", person=ANN, bot="fairhouse_desk_bot")
    sent = await upload(started, {"document": ("a.pdf", b"%PDF-1.7 test")})
    file_id = sent["document"]["file_id"]
    again = await started.ok("sendDocument", chat_id=ANN, document=file_id)
    assert again["document"]["file_unique_id"] == sent["document"]["file_unique_id"]
    foreign = await started.refused("sendDocument", OPERATORS_TOKEN, chat_id=ANN, document=file_id)
    assert foreign == "Bad Request: wrong file identifier/HTTP URL specified"
    path = (await started.ok("getFile", file_id=file_id))["file_path"]
    async with started.http.get(f"/file/bot100:PLAYERS/{path}") as response:
        assert await response.read() == b"%PDF-1.7 test"
    wrong = await started.refused("sendPhoto", chat_id=ANN, photo=file_id)
    assert wrong == "Bad Request: type of file mismatch: can't use file of type Document as Photo"


def form_with(files: dict[str, tuple[str, bytes]], **fields: str) -> FormData:
    form = FormData(fields)
    for field, (name, body) in files.items():
        form.add_field(field, body, filename=name)
    return form


async def upload(server: Server, files: dict[str, tuple[str, bytes]]) -> Json:
    form = form_with(files, chat_id=str(ANN))
    async with server.http.post("/bot100:PLAYERS/sendDocument", data=form) as response:
        body = await response.json()
    assert body["ok"], body
    result: Json = body["result"]
    return result


async def test_a_photo_must_be_a_picture(started: Server) -> None:
    form = form_with({"photo": ("x.png", b"not a picture")}, chat_id=str(ANN))
    async with started.http.post("/bot100:PLAYERS/sendPhoto", data=form) as response:
        assert (await response.json())["description"] == "Bad Request: IMAGE_PROCESS_FAILED"


async def test_ephemeral_messages_are_seen_by_one_member(server: Server) -> None:
    only_ann = {"receiver_user_id": ANN}
    sent = await server.ok(
        "sendMessage", chat_id=GROUP, text="your cards", ephemeral_message_parameters=only_ann
    )
    place = {"chat_id": GROUP, "ephemeral_message_id": sent["ephemeral_message_id"], **only_ann}
    await server.ok("editEphemeralMessageText", **place, text="your new cards")
    seen = {}
    for person in (ANN, BORIS):
        messages = (await server.see("chat", person=person, chat=GROUP))["messages"]
        seen[person] = [message["text"] for message in messages]
    assert seen == {ANN: ["your new cards"], BORIS: []}
    await server.ok("deleteEphemeralMessage", **place)
    outsider = {"receiver_user_id": 9002}
    refusal = await server.refused(
        "sendMessage", chat_id=GROUP, text="x", ephemeral_message_parameters=outsider
    )
    assert refusal == "Bad Request: PARTICIPANT_ID_INVALID"

"""Mini Apps are launched with data that strangers to this code accept as signed."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from aiogram.utils.web_app import check_webapp_signature, safe_parse_webapp_init_data
from aiogram.utils.web_app_signature import check_webapp_signature as check_third_party

from sandbox.telegram.signing import init_data
from sandbox.telegram.world import OPERATORS_TOKEN, PLAYERS_TOKEN
from tests.sandbox.telegram.conftest import ANN, Server

Json = dict[str, Any]
APP = {"type": "web_app", "text": "Play", "web_app": {"url": "http://127.0.0.1:5000/app?v=2"}}


@pytest.fixture
async def ready(started: Server) -> Server:
    await started.ok("setChatMenuButton", menu_button=APP)
    return started


def fragment(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).fragment, keep_blank_values=True))


async def launch(server: Server, **fields: Any) -> Json:
    return await server.do("launch", person=ANN, bot="fairhouse_bot", **fields)


async def test_aiogram_accepts_both_signatures(ready: Server) -> None:
    opened = await launch(ready)
    raw = opened["init_data"]
    key = bytes.fromhex((await ready.see("key"))["public_key"])
    assert check_webapp_signature(PLAYERS_TOKEN, raw)
    assert not check_webapp_signature(OPERATORS_TOKEN, raw)
    assert not check_webapp_signature(PLAYERS_TOKEN, raw.replace("Ann", "Eve"))
    assert check_third_party(100, raw, key)
    assert not check_third_party(200, raw, key)
    data = safe_parse_webapp_init_data(PLAYERS_TOKEN, raw)
    assert data.user is not None
    assert (data.user.id, data.user.language_code) == (ANN, "en")
    assert abs(data.auth_date.timestamp() - time.time()) < 30


async def test_the_launch_address(ready: Server) -> None:
    opened = await launch(ready, theme="light")
    parts = urlsplit(opened["url"])
    assert (parts.netloc, parts.path, parts.query) == ("127.0.0.1:5000", "/app", "v=2")
    given = fragment(opened["url"])
    assert given["tgWebAppData"] == opened["init_data"]
    assert given["tgWebAppVersion"] == "9.1"
    assert given["tgWebAppPlatform"] == "weba"
    assert json.loads(given["tgWebAppThemeParams"])["bg_color"] == "#ffffff"


async def test_a_link_carries_its_parameter_and_no_query_id(ready: Server) -> None:
    url = "https://t.me/fairhouse_bot?startapp=ref_7"
    followed = await ready.do("link", person=ANN, url=url)
    raw = followed["launch"]["init_data"]
    assert check_webapp_signature(PLAYERS_TOKEN, raw)
    fields = dict(parse_qsl(raw))
    assert fields["start_param"] == "ref_7"
    assert fields["chat_type"] == "sender"
    assert "query_id" not in fields
    assert parse_qs(urlsplit(followed["launch"]["url"]).query)["tgWebAppStartParam"] == ["ref_7"]


async def test_a_start_link_says_start(ready: Server) -> None:
    await ready.do("link", person=ANN, url="https://t.me/fairhouse_bot?start=ref_9")
    updates = await ready.ok("getUpdates", offset=-1)
    assert updates[0]["message"]["text"] == "/start ref_9"


async def test_a_query_id_is_answered_once_in_the_persons_name(ready: Server) -> None:
    opened = await launch(ready)
    result = {
        "type": "article",
        "id": "1",
        "title": "Win",
        "input_message_content": {"message_text": "<b>I won</b>", "parse_mode": "HTML"},
    }
    query = {"web_app_query_id": opened["query_id"], "result": result}
    stranger = await ready.refused("answerWebAppQuery", OPERATORS_TOKEN, **query)
    assert "query ID is invalid" in stranger
    sent = await ready.ok("answerWebAppQuery", **query)
    message = await ready.hear("I won")
    assert (message["from"]["id"], message["via_bot"]["id"]) == (ANN, 100)
    assert "query ID is invalid" in await ready.refused("answerWebAppQuery", **query)
    inline = {"inline_message_id": sent["inline_message_id"]}
    assert await ready.ok("editMessageText", **inline, text="I won twice") is True


async def test_a_keyboard_launch_has_no_data_and_sends_back(ready: Server) -> None:
    rows = {"keyboard": [[{"text": "Spin", "web_app": {"url": "https://a.example/spin"}}]]}
    await ready.ok("sendMessage", chat_id=ANN, text="x", reply_markup=rows)
    where = {"person": ANN, "bot": "fairhouse_bot"}
    opened = await ready.do("keyboard", **where, label="Spin")
    assert fragment(opened["launch"]["url"])["tgWebAppData"] == ""
    await ready.do("web_app_data", **where, label="Spin", data="7-7-7")
    updates = await ready.ok("getUpdates", offset=-1)
    assert updates[0]["message"]["web_app_data"] == {"data": "7-7-7", "button_text": "Spin"}


async def test_prepared_messages_are_shared_by_their_person(ready: Server) -> None:
    result = {
        "type": "article",
        "id": "1",
        "title": "Invite",
        "input_message_content": {"message_text": "Join me"},
    }
    prepared = await ready.ok("savePreparedInlineMessage", user_id=ANN, result=result)
    share = {"person": ANN, "chat": -1000000000500, "prepared": prepared["id"]}
    shared = await ready.do("share", **share)
    assert shared["message"]["text"] == "Join me"
    await ready.do("share", **{**share, "person": 1002}, status=404)


async def test_storage_of_mini_apps(ready: Server) -> None:
    where = {"person": ANN, "bot": "fairhouse_bot", "area": "cloud"}
    await ready.do("storage", **where, op="set", key="sound", value="off")
    assert (await ready.do("storage", **where, op="get", keys=["sound", "no"]))["values"] == {
        "sound": "off",
        "no": None,
    }
    assert (await ready.do("storage", **where, op="keys"))["keys"] == ["sound"]
    await ready.do("storage", **where, op="set", key="", value="x", status=400)
    other = {**where, "bot": "fairhouse_desk_bot"}
    assert (await ready.do("storage", **other, op="keys"))["keys"] == []


def test_the_hash_covers_the_signature() -> None:
    raw = init_data(token=PLAYERS_TOKEN, fields={"auth_date": "1", "user": '{"id":1}'})
    fields = dict(parse_qsl(raw))
    stripped = raw.replace(f"signature={fields['signature']}&", "")
    assert stripped != raw
    assert check_webapp_signature(PLAYERS_TOKEN, raw)
    assert not check_webapp_signature(PLAYERS_TOKEN, stripped)

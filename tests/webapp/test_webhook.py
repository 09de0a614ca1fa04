"""Telegram's webhook: nobody without the secret, nothing that is no update, each update once."""

import json

from sqlalchemy import text

from tests.webapp.conftest import ADMIN_SECRET, SECRET, Start
from webapp.callbacks.telegram import SECRET_HEADER

UPDATE = {
    "update_id": 42,
    "message": {"message_id": 1, "date": 1, "chat": {"id": 77, "type": "private"}, "text": "hi"},
}


async def deliver(client, body: object, *, bot: str = "player", secret: str | None = SECRET) -> int:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if secret is None else {SECRET_HEADER: secret}
    async with client.post(f"/telegram/{bot}", data=raw, headers=headers) as response:
        return response.status


async def stored(house) -> list[tuple[str, str, str, object]]:
    async with house.transaction() as session:
        rows = await session.execute(
            text("SELECT source, external_id, key, payload FROM inbox ORDER BY id")
        )
        return [tuple(row) for row in rows]


async def test_an_update_is_stored_once_per_bot(client, house):
    for _ in range(3):
        assert await deliver(client, UPDATE) == 200
    assert await deliver(client, UPDATE, bot="admin", secret=ADMIN_SECRET) == 200
    assert await stored(house) == [
        ("telegram:player", "42", "77", UPDATE),
        ("telegram:admin", "42", "77", UPDATE),
    ]


async def test_without_the_secret_nothing_is_stored(client, house):
    for secret in (None, "", "wrong", SECRET + "x", SECRET[:-1], "é", "секрет", SECRET.upper()):
        assert await deliver(client, UPDATE, secret=secret) == 401
    async with client.post("/telegram/player", data=b"{", headers={}) as response:
        assert (await response.json())["error"]["code"] == "error.bad_signature"
    assert await stored(house) == []


async def test_a_bot_is_not_spoken_to_with_the_secret_of_the_other(client, house):
    assert await deliver(client, UPDATE, bot="admin", secret=SECRET) == 401
    assert await deliver(client, UPDATE, bot="player", secret=ADMIN_SECRET) == 401
    assert await stored(house) == []


async def test_a_house_without_a_secret_lets_nobody_in(start: Start, house):
    for secrets in ({}, {"player": "", "admin": ""}):
        client = await start(webhook_secrets=secrets)
        for secret in (None, "", SECRET):
            assert await deliver(client, UPDATE, secret=secret) == 401
    assert await stored(house) == []


async def test_what_is_no_update_is_a_bad_request(client, house):
    for body in (
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"update_id": "1"}',
        b'{"update_id": true}',
        b'{"update_id": -1}',
        b'{"update_id": 1.5}',
        b'{"update_id": 99999999999999999999}',
        b"{}",
        b'{"update_id": 1, "message": {"message": "not a message"}}',
        b"[" * 100_000,
    ):
        assert (body[:60], await deliver(client, body)) == (body[:60], 400)
    assert await stored(house) == []


async def test_an_oversized_update_is_refused(client, house):
    big = {**UPDATE, "pad": "x" * (600 * 1024)}
    assert await deliver(client, big) == 413
    assert await stored(house) == []


async def test_a_zero_character_cannot_stop_the_inbox(client, house):
    assert await deliver(client, {**UPDATE, "pad": ["a\0b", {"c\0": "\0"}]}) == 200
    assert (await stored(house))[0][3]["pad"] == ["ab", {"c": ""}]


async def test_other_bots_and_methods_are_not_served(client):
    assert await deliver(client, UPDATE, bot="mallory") == 404
    assert (await client.get("/telegram/player")).status in {404, 405}

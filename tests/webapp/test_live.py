"""The socket: one ticket opens it once, balances and news arrive, on whichever replica they began."""

import asyncio
from datetime import UTC, datetime

import pytest
from aiohttp import WSMsgType
from sqlalchemy import text

from casino import outbox
from casino.cashier import deposits
from casino.clock import utc_now
from casino.ids import new_reference, public
from casino.money import Asset
from tests.webapp.conftest import Join, Start
from tests.webapp.people import TON, Person, bet, withdrawal
from webapp.live import CLOSE_LOGIN_ENDED, CLOSE_RESTART, CLOSE_SLOW, WAITING_MAX, Live
from webapp.news import message_of

SOON = 20


async def receive(socket, kind: str):
    """The next message of this type; others are passed over."""
    async with asyncio.timeout(SOON):
        while True:
            message = await socket.receive_json()
            if message["type"] == kind:
                return message


async def closed_with(socket) -> int | None:
    """The code that the server closes with, whatever it says before."""
    async with asyncio.timeout(SOON):
        while (await socket.receive()).type is WSMsgType.TEXT:
            pass
    return socket.close_code


async def cash_of(socket, *, until: int) -> None:
    """Wait for a balance with this much TON."""
    while True:
        balances = (await receive(socket, "balance"))["balances"]
        if balances[0]["cash"] == str(until):
            return


async def test_a_socket_starts_with_balances_and_answers_pings(join: Join):
    person = await join()
    socket = await person.open_socket()
    assert (await receive(socket, "balance"))["balances"] == (await person.get("/api/me")).body[
        "balances"
    ]
    for nonsense in ("", "{", "[]", '{"type": 5}', '{"type": "bet"}'):
        await socket.send_str(nonsense)
    await socket.send_json({"type": "ping"})
    assert await receive(socket, "pong") == {"type": "pong"}
    await socket.close()


async def test_a_ticket_opens_one_socket_only(join: Join):
    person = await join()
    ticket = (await person.post("/api/ws-ticket")).body["ticket"]
    first = await person.open_socket(ticket)
    await receive(first, "balance")
    second = await person.open_socket(ticket)
    assert await closed_with(second) == CLOSE_LOGIN_ENDED
    await first.send_json({"type": "ping"})
    await receive(first, "pong")
    await first.close()


async def test_tickets_that_are_late_foreign_or_nonsense_open_nothing(join: Join, house):
    person = await join()
    late = (await person.post("/api/ws-ticket")).body["ticket"]
    async with house.transaction() as session:
        await session.execute(text("UPDATE ws_tickets SET expires_at = now()"))
    for ticket in (late, person.token, "", "x" * 43, "x" * 500):
        assert await closed_with(await person.open_socket(ticket)) == CLOSE_LOGIN_ENDED
    for first in ("", "{}", "[]", '{"ticket": 5}', '{"ticket": "x", "more": 1}'):
        socket = await person.client.ws_connect("/ws")
        await socket.send_str(first)
        assert await closed_with(socket) == CLOSE_LOGIN_ENDED
    socket = await person.client.ws_connect("/ws")
    await socket.send_bytes(b'{"ticket": "x"}')
    assert await closed_with(socket) == CLOSE_LOGIN_ENDED


async def test_a_ticket_ends_with_its_login(join: Join):
    person = await join()
    ticket = (await person.post("/api/ws-ticket")).body["ticket"]
    assert (await person.post("/api/logout")).status == 200
    assert await closed_with(await person.open_socket(ticket)) == CLOSE_LOGIN_ENDED


async def test_a_silent_socket_is_closed(join: Join, monkeypatch):
    monkeypatch.setattr("webapp.api.live.TICKET_SECONDS", 0.2)
    person = await join()
    socket = await person.client.ws_connect("/ws")
    assert await closed_with(socket) == CLOSE_SLOW


async def test_a_bet_on_one_replica_moves_the_balance_on_another(start: Start, join: Join):
    first, second = await start(), await start()
    person = await join(at=first)
    here = await person.open_socket()
    there = await Person(second, token=person.token).open_socket()
    for socket in (here, there):
        await cash_of(socket, until=100 * TON)
    receipt = (await person.post("/api/play/dice", bet())).body
    for socket in (here, there):
        await cash_of(socket, until=int(receipt["balance"]))
        await socket.close()


async def test_a_deposit_reaches_the_open_page(join: Join, house):
    person, stranger = await join(), await join()
    socket = await person.open_socket()
    other = await stranger.open_socket()
    await receive(other, "balance")
    async with house.transaction() as session:
        made = await deposits.credit_faucet(
            session,
            player_id=person.player_id,
            units=5_000_000,
            asset=Asset.USDT,
            reference=new_reference(),
            now=utc_now(),
        )
    news = await receive(socket, "movement")
    while news["kind"] != "deposit.credited":
        news = await receive(socket, "movement")
    assert news["payload"]["deposit_id"] == public(made.id)
    balances = (await receive(socket, "balance"))["balances"]
    while balances[1]["cash"] != "5000000":
        balances = (await receive(socket, "balance"))["balances"]
    await other.send_json({"type": "ping"})
    assert (await asyncio.wait_for(other.receive_json(), SOON)) == {"type": "pong"}
    await socket.close()
    await other.close()


async def test_a_withdrawal_is_told_to_the_page(join: Join):
    person = await join()
    socket = await person.open_socket()
    made = (await person.withdraw(withdrawal(30 * TON))).body
    news = await receive(socket, "movement")
    assert (news["kind"], news["payload"]["withdrawal_id"]) == ("withdrawal.requested", made["id"])
    await cash_of(socket, until=70 * TON)
    await socket.close()


async def test_log_out_and_exclusion_close_sockets(join: Join):
    person, careful = await join(), await join()
    socket, other = await person.open_socket(), await careful.open_socket()
    await person.post("/api/logout")
    assert await closed_with(socket) == CLOSE_LOGIN_ENDED
    await careful.post("/api/time-out", {"hours": 24})
    assert await closed_with(other) == CLOSE_LOGIN_ENDED


async def test_a_device_that_is_ended_from_another_loses_its_socket(join: Join):
    phone = await join()
    tablet = Person(phone.client, telegram_id=phone.telegram_id)
    tablet.relaunch()
    await tablet.log_in()
    here, there = await phone.open_socket(), await tablet.open_socket()
    found = (await phone.get("/api/me/logins")).body["logins"]
    theirs = next(one["id"] for one in found if not one["current"])
    await phone.delete(f"/api/me/logins/{theirs}")
    assert await closed_with(there) == CLOSE_LOGIN_ENDED
    await here.send_json({"type": "ping"})
    await receive(here, "pong")
    await here.close()


@pytest.mark.parametrize(
    "over",
    ["expires_at = now() - interval '1 s'", "ended_at = now(), ended_by = 'superseded'"],
    ids=["run out", "ended unheard"],
)
async def test_a_socket_ends_with_its_login(join: Join, house, monkeypatch, over: str):
    monkeypatch.setattr("webapp.api.live.LOGIN_CHECK_SECONDS", 0.05)
    person, other = await join(), await join()
    socket, beside = await person.open_socket(), await other.open_socket()
    await receive(socket, "balance")
    async with house.transaction() as session:
        login = {"player_id": person.player_id}
        await session.execute(
            text(f"UPDATE logins SET {over} WHERE player_id = :player_id"),
            login,
        )
    assert await closed_with(socket) == CLOSE_LOGIN_ENDED
    await beside.send_json({"type": "ping"})
    await receive(beside, "pong")
    await beside.close()


async def test_an_open_socket_does_not_keep_its_login_alive(join: Join, house, monkeypatch):
    monkeypatch.setattr("webapp.api.live.LOGIN_CHECK_SECONDS", 0.05)
    person = await join()
    socket = await person.open_socket()
    await receive(socket, "balance")
    async with house.transaction() as session:
        await session.execute(text("UPDATE logins SET expires_at = now() + interval '1 s'"))
    assert await closed_with(socket) == CLOSE_LOGIN_ENDED


async def test_a_stopping_server_sends_everybody_elsewhere(start: Start, join: Join):
    server = await start()
    person = await join(at=server)
    socket = await person.open_socket()
    await receive(socket, "balance")
    stopping = asyncio.ensure_future(server.server.close())
    assert await closed_with(socket) == CLOSE_RESTART
    await stopping


async def test_a_client_too_slow_to_read_is_sent_away():
    live = Live(None)
    connection = live.connect(player_id=1, login_id=1)
    for _ in range(WAITING_MAX):
        live.push(1, {"type": "notice"})
    assert connection.close_code is None
    live.push(1, {"type": "notice"})
    assert connection.close_code == CLOSE_SLOW
    live.disconnect(connection)
    live.push(1, {"type": "notice"})
    assert len(await connection.wait()) == WAITING_MAX


def test_effects_become_messages_with_public_ids_and_text_units():
    shown = message_of(
        "withdrawal.confirmed",
        {
            "withdrawal_id": 2**60,
            "because": "x",
            "amount": {"units": 5, "asset": "TON"},
            "fee_units": 7,
            "large": 2**60,
            "count": 3,
            "ok": True,
            "reason": None,
        },
    )
    assert shown == {
        "type": "movement",
        "kind": "withdrawal.confirmed",
        "payload": {
            "withdrawal_id": public(2**60),
            "amount": {"units": "5", "asset": "TON"},
            "fee_units": "7",
            "large": str(2**60),
            "count": 3,
            "ok": True,
            "reason": None,
        },
    }
    assert message_of("support.answered", {})["type"] == "notice"


async def test_every_effect_is_delivered_once_and_marked(join: Join, house):
    person = await join()
    socket = await person.open_socket()
    async with house.transaction() as session:
        for number in range(3):
            await outbox.write(
                session,
                consumer=outbox.LIVE,
                key=person.player_id,
                kind="support.answered",
                payload={"number": number},
            )
    seen = [(await receive(socket, "notice"))["payload"]["number"] for _ in range(3)]
    assert seen == [0, 1, 2]
    async with house.transaction() as session, asyncio.timeout(SOON):
        while await session.scalar(
            text("SELECT count(*) FROM outbox WHERE consumer = 'live' AND delivered_at IS NULL")
        ):
            await asyncio.sleep(0.1)
    await socket.close()


@pytest.mark.faults
async def test_without_redis_money_goes_on_and_sockets_come_back(
    start: Start, join: Join, valkey_server
):
    valkey = valkey_server()
    server = await start(redis=valkey.url)
    person = await join(at=server)
    socket = await person.open_socket()
    await cash_of(socket, until=100 * TON)
    valkey.kill()
    before = datetime.now(UTC)
    receipt = (await person.post("/api/play/dice", bet())).body
    await cash_of(socket, until=int(receipt["balance"]))
    asked = withdrawal(2 * TON)
    answers = await asyncio.gather(*(person.withdraw(asked) for _ in range(5)))
    assert [answer.status for answer in answers] == [200] * 5
    await cash_of(socket, until=int(receipt["balance"]) - 2 * TON)
    assert (await person.client.get("/readyz")).status == 200
    assert before < datetime.now(UTC)
    valkey.start()
    # The subscription is made again and everybody hears his balance anew.
    await receive(socket, "balance")
    await socket.close()

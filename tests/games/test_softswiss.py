"""The SOFTSWISS dialect where it differs: signatures, subunits, lists of actions, launches."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from casino import errors
from casino.betting.floor import open_floor
from casino.db import Database
from casino.errors import (
    BadAmount,
    NetworkInsideTransaction,
    OutsideRefused,
    OutsideUnavailable,
)
from casino.ids import internal, moment_of, public
from casino.money import UNITS_MAX, Asset
from games.aggregators.base import BadCall, Incoming, Launch, Refused, Settlement, UnknownCurrency
from games.aggregators.catalogue import OutsideGame, read_catalogue
from games.aggregators.config import SoftSwissSettings, read_currencies
from games.aggregators.http import ANSWER_BYTES_MAX, OutsideHttp
from games.aggregators.origins import read_origins
from games.aggregators.softswiss import CODES, MESSAGES, Currency, SoftSwiss
from games.registry import STEPS
from tests.factories import VAULT
from tests.games.aggregator_voices import TON, SoftSwissVoice
from tests.games.outside import Desk

PLAY = (
    b'{"user_id":"1001","currency":"EUR","game":"softswiss:PlatinumLightning","game_id":"r-1",'
    b'"finished":true,"actions":[{"action":"bet","amount":100,"action_id":"a-1"},'
    b'{"action":"win","amount":250,"action_id":"a-2"}]}'
)
ROLLBACK = (
    b'{"user_id":"1001","currency":"EUR","game":"softswiss:PlatinumLightning","game_id":"r-1",'
    b'"finished":true,"actions":[{"action":"rollback","action_id":"a-3",'
    b'"original_action_id":"a-1"}]}'
)
VOICE = SoftSwissVoice()


def act(action: str, reference: str, amount: int) -> dict[str, object]:
    return {"action": action, "amount": amount, "action_id": reference}


async def play(desk: Desk, player: str, *actions: dict[str, object], **more):
    body = {"user_id": player, "currency": "TON", "game_id": "r", "actions": actions, **more}
    return await desk.hear(VOICE.signed("play", json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (PLAY, "7fa3eab3bea366afe524c261aabbceab8a933ec77ff78de8aa0774b08f3d822b"),
        (ROLLBACK, "9813656674691c2a3fcdbd31e3c71015369ee69384ddfc89caf809ea2831df39"),
    ],
    ids=["play", "rollback"],
)
def test_the_vectors_of_the_protocol(body, signature):
    assert VOICE.aggregator.sign(body) == signature
    # Signed right, it is read as far as its currency, which is none of ours.
    call = "rollback" if body is ROLLBACK else "play"
    with pytest.raises(UnknownCurrency):
        VOICE.aggregator.read_call(Incoming(call, {"X-REQUEST-SIGN": signature}, body))


def test_a_field_that_stands_twice_is_refused_wherever_it_is():
    plain = (
        '{"user_id":"u","currency":"TON","game_id":"r","x":{"y":1},'
        '"actions":[{"action":"bet","amount":1,"action_id":"a"}]}'
    )
    assert VOICE.aggregator.read_call(VOICE.signed("play", plain.encode())).player == "u"
    for once, twice in (
        ('"user_id":"u"', '"user_id":"u","user_id":"v"'),
        ('"user_id":"u"', '"user_id":"u","user_id":"u"'),
        ('"user_id":"u"', '"user_id":"u","user\\u005fid":"v"'),
        ('"amount":1', '"amount":1,"amount" :2'),
        ('"action_id":"a"', '"action_id":"a","action_id":"b"'),
        ('"y":1', '"y":1,"y":1'),
    ):
        doubled = plain.replace(once, twice)
        assert doubled != plain
        with pytest.raises(BadCall):
            VOICE.aggregator.read_call(VOICE.signed("play", doubled.encode()))


@pytest.mark.parametrize(
    "amount", ["1.0", "1.5", "1e3", "NaN", "Infinity", "-Infinity", "1" * 5000]
)
def test_an_amount_that_is_no_whole_number_is_refused(amount):
    body = (
        '{"user_id":"u","currency":"TON","actions":[{"action":"bet","amount":%s,"action_id":"a"}]}'
    )
    with pytest.raises(BadCall):
        VOICE.aggregator.read_call(VOICE.signed("play", (body % amount).encode()))


def test_a_list_may_not_be_endless():
    actions = [act("win", f"c{number}", 1) for number in range(65)]
    body = {"user_id": "u", "currency": "TON", "actions": actions}
    with pytest.raises(BadCall):
        VOICE.aggregator.read_call(VOICE.signed("play", json.dumps(body).encode()))


def test_subunits_are_whole_units_and_nobody_is_told_more_than_he_has():
    cents = Currency(Asset.USDT, 2)
    assert cents.units(250) == 2_500_000
    assert cents.subunits(2_509_999) == 250
    largest = UNITS_MAX // 10_000
    assert cents.units(largest) == largest * 10_000
    for wrong in (-1, largest + 1):
        with pytest.raises(BadAmount):
            cents.units(wrong)
    with pytest.raises(ValueError, match="decimals"):
        Currency(Asset.USDT, 7)


def test_every_error_has_a_code_and_every_code_a_message():
    dialect = VOICE.aggregator
    for kind in CODES:
        reply = dialect.answer(None, Refused(kind()))
        answer = json.loads(reply.body)
        assert (answer["code"], reply.status) == CODES[kind]
        assert answer == {"code": answer["code"], "message": MESSAGES[answer["code"]]}

    # A rule that nobody listed here is still a refusal, and tells its balance.
    class NewRule(errors.Refusal):
        pass

    call = dialect.read_call(VOICE.balance("u", currency="USD"))
    reply = dialect.answer(call, Refused(NewRule(), 1_239_999))
    assert (reply.status, json.loads(reply.body)["balance"]) == (400, 123)


def test_a_balance_is_told_in_subunits_with_the_round_that_was_named():
    dialect = VOICE.aggregator
    named = dialect.read_call(VOICE.balance("u"))
    assert json.loads(dialect.answer(named, Settlement(5)).body) == {
        "balance": 5,
        "game_id": "round-1",
    }
    nameless = dialect.read_call(VOICE.balance("u", game_id=None))
    assert json.loads(dialect.answer(nameless, Settlement(0)).body) == {"balance": 0}


async def test_a_stake_that_is_not_the_first_action_is_refused_whole(desk: Desk):
    player_id, name = await desk.join()
    for actions in (
        (act("bet", "d1", TON), act("bet", "d2", TON)),
        (act("win", "c1", TON), act("bet", "d1", TON)),
        (act("bet", "d1", TON), act("win", "c1", TON), act("bet", "d2", 100 * TON)),
    ):
        said = await play(desk, name, *actions)
        assert (said.verdict, said.balance) == ("bad call", 10 * TON)
    assert await desk.cash(player_id) == 10 * TON


async def test_several_wins_are_paid_and_an_impossible_one_stops_the_whole_call(desk: Desk):
    player_id, name = await desk.join()
    wins = [act("win", f"c{number}", TON) for number in range(3)]
    said = await play(desk, name, act("bet", "d1", TON), *wins)
    assert (said.balance, len(set(said.ids))) == (12 * TON, 4)
    wrong = act("win", "c9", 10**30)
    assert (await play(desk, name, act("bet", "d2", TON), wrong)).verdict == "bad call"
    assert await desk.cash(player_id) == 12 * TON


async def test_answers_name_the_entry_and_its_moment(desk: Desk):
    _, name = await desk.join()
    call = VOICE.debit(name, "d1", TON)
    reply = (await desk.wallet.handle(VOICE.aggregator, call)).reply
    answer = json.loads(reply.body)
    (done,) = answer["transactions"]
    assert answer == {"balance": 9 * TON, "game_id": "round-1", "transactions": [done]}
    assert done.keys() == {"action_id", "tx_id", "processed_at"}
    assert done["action_id"] == "d1"
    made = moment_of(internal(done["tx_id"])).isoformat(timespec="milliseconds")
    assert done["processed_at"] == made.replace("+00:00", "Z")
    assert (await desk.wallet.handle(VOICE.aggregator, call)).reply == reply


async def test_free_spins_are_not_ours(desk: Desk):
    body = b'{"issue_id":"i-1","status":"played","total_amount":100}'
    assert (await desk.hear(VOICE.signed("freespins", body))).verdict == "unknown call"


async def test_only_new_money_is_news_to_the_players_page(desk: Desk):
    player_id, name = await desk.join()
    for call, changed in (
        (VOICE.balance(name), None),
        (VOICE.debit(name, "d1", TON), player_id),
        (VOICE.debit(name, "d1", TON), None),
        (VOICE.debit(name, "d2", 0), None),
        (VOICE.debit(name, "d3", 100 * TON), None),
        (VOICE.rollback(name, "r1", "d1"), player_id),
        (VOICE.rollback(name, "r2", "d1"), None),
    ):
        assert (await desk.wallet.handle(VOICE.aggregator, call)).changed == changed


async def test_a_house_that_lost_its_database_says_try_again(floor, db: Database):
    desk = Desk.open(VOICE, floor, db)
    player_id, name = await desk.join()
    await desk.say("debit", name, "d1", TON)
    async with open_floor("postgresql://nobody@127.0.0.1:9/gone", VAULT, step_games=STEPS) as lost:
        desk.wallet._floor = lost
        said = await desk.say("debit", name, "d1", TON)
    assert (said.verdict, said.balance) == ("try again", None)
    assert await desk.cash(player_id) == 9 * TON


# --- Launching -------------------------------------------------------------------------------


GAME = OutsideGame("softswiss-lightning", "softswiss:Lightning", "Lightning")
LAUNCH = Launch(
    game=GAME,
    player=public(7),
    asset=Asset.USDT,
    balance=1_239_999,
    language="ru",
    ip="203.0.113.7",
    return_url="https://play.example/app",
)


class Office:
    """The aggregator's own server: remembers what it was asked, answers what it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes]] = []
        self.status = 201
        self.answer: object = {
            "launch_options": {"game_url": "https://games.example/s/1", "strategy": "iframe"}
        }

    async def open_session(self, request: web.Request) -> web.Response:
        signature = request.headers["X-REQUEST-SIGN"]
        self.asked.append((request.path, signature, await request.read()))
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        headers = {"Location": "https://elsewhere.example"} if self.status == 302 else {}
        return web.Response(body=body, status=self.status, headers=headers)


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
async def http() -> AsyncIterator[OutsideHttp]:
    client = OutsideHttp()
    yield client
    await client.close()


@pytest.fixture
async def dialect(office: Office) -> AsyncIterator[SoftSwiss]:
    app = web.Application()
    app.router.add_post("/gcp/sessions", office.open_session)
    async with TestServer(app) as server:
        yield SoftSwissVoice(url=str(server.make_url("/gcp"))).aggregator


async def test_a_session_is_asked_for_with_a_signature_over_its_bytes(dialect, office, http):
    assert await dialect.launch_url(http, LAUNCH) == "https://games.example/s/1"
    ((path, signature, body),) = office.asked
    assert path == "/gcp/sessions"
    assert signature == dialect.sign(body)
    assert json.loads(body) == {
        "casino_id": "fairhouse",
        "game": "softswiss:Lightning",
        "currency": "USD",
        "locale": "ru",
        "ip": "203.0.113.7",
        "client_type": "mobile",
        "balance": 123,
        "urls": {
            "return_url": "https://play.example/app",
            "deposit_url": "https://play.example/app",
        },
        "user": {"id": public(7), "nickname": public(7)},
    }


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (500, {}, OutsideUnavailable),
        (429, {}, OutsideUnavailable),
        (200, b"not JSON", OutsideUnavailable),
        (200, {"launch_options": {}}, OutsideUnavailable),
        (200, b" " * (ANSWER_BYTES_MAX + 1), OutsideUnavailable),
        (302, {}, OutsideRefused),
        (403, {}, OutsideRefused),
        (200, {"launch_options": {"game_url": "javascript:alert(1)"}}, OutsideRefused),
        (200, {"launch_options": {"game_url": "https://evil.example/s"}}, OutsideRefused),
        (
            200,
            {"launch_options": {"game_url": "https://games.example@evil.example"}},
            OutsideRefused,
        ),
        (200, {"launch_options": {"game_url": "https://games.example.evil/"}}, OutsideRefused),
        (200, {"launch_options": {"game_url": "https://["}}, OutsideRefused),
    ],
    ids=lambda part: str(part)[:60],
)
async def test_what_is_no_address_of_a_game_is_an_error(
    dialect, office, http, status, answer, error
):
    office.status, office.answer = status, answer
    with pytest.raises(error):
        await dialect.launch_url(http, LAUNCH)


async def test_an_aggregator_that_is_away_is_unavailable(http):
    with pytest.raises(OutsideUnavailable):
        await SoftSwissVoice().aggregator.launch_url(http, LAUNCH)


async def test_nobody_is_called_inside_a_transaction(dialect, office, http, db: Database):
    with pytest.raises(NetworkInsideTransaction):
        async with db.transaction():
            await dialect.launch_url(http, LAUNCH)
    assert office.asked == []


# --- Settings --------------------------------------------------------------------------------


def test_an_aggregator_without_an_address_is_off():
    assert SoftSwissSettings(_env_file=None, url="").dialect() is None


def test_settings_make_a_dialect(tmp_path):
    path = tmp_path / "games.json"
    path.write_text('[{"game": "softswiss:Platinum.Lightning_2", "title": "Platinum Lightning"}]')
    found = SoftSwissSettings(
        _env_file=None,
        url="https://gcp.example/api/",
        casino_id="c",
        auth_token="0123456789abcdef",
        currencies="TON:TON:9, USD:USDT:2",
        catalogue=str(path),
        frame_origins="https://a.example, https://b.example:8443,https://a.example",
    ).dialect()
    assert found == SoftSwiss(
        url="https://gcp.example/api",
        casino_id="c",
        token=b"0123456789abcdef",
        currencies={"TON": Currency(Asset.TON, 9), "USD": Currency(Asset.USDT, 2)},
        games=(
            OutsideGame(
                "softswiss-softswiss-platinum-lightning-2",
                "softswiss:Platinum.Lightning_2",
                "Platinum Lightning",
            ),
        ),
        frame_origins=("https://a.example", "https://b.example:8443"),
    )


def test_settings_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(ValueError, match="AUTH_TOKEN"):
        SoftSwissSettings(_env_file=None, url="https://x.example", auth_token="short").dialect()
    for text in ("", "TON", "TON:TON", "TON:EUR:2", "TON:TON:10", "TON:TON:x", "A:TON:9,A:TON:9"):
        with pytest.raises(ValueError):
            read_currencies(text)
    for text in (
        "games.example",
        "http://games.example",
        "https://a.example;x",
        "https://a/b",
        "*",
    ):
        with pytest.raises(ValueError, match="origin"):
            read_origins(text)
    path = tmp_path / "games.json"
    for text in (
        "",
        "{}",
        '[{"game": "a"}]',
        '[{"game":"a:b","title":"x"},{"game":"A-b","title":"y"}]',
    ):
        path.write_text(text)
        with pytest.raises(ValueError):
            read_catalogue(str(path), aggregator="softswiss")

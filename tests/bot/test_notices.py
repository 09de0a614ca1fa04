"""News: every kind in both languages, links, people who are gone, kinds that we do not know."""

import re
from datetime import UTC, datetime

import pytest

from bot.notices import NEWS
from casino import i18n, outbox
from casino.cashier import deposits
from casino.cashier.deposits import ChainDeposit
from casino.clock import utc_now
from messaging.addresses import shown_address
from messaging.words import Words
from tests.bot.crew import HOT_WALLET, NAME, Crew, Visitor
from tests.factories import TON
from tests.sandbox.telegram.conftest import ANN

URL = "https://tonviewer.com/transaction/abc"
PAYLOAD = {
    "amount": {"units": 12_345_000_000, "asset": "TON"},
    "net": {"units": 12_295_000_000, "asset": "TON"},
    "fee": {"units": 50_000_000, "asset": "TON"},
    "rail": "ton",
    "url": URL,
    "tx_hash": "abc",
    "reason": "the <name> differs",
    "until": "2027-01-02T03:04:00+00:00",
    "text": "Look & <wait>",
    "player_id": 1,
    "withdrawal_id": 7,
    "destination": HOT_WALLET,
    "label": "Mine & <wait>",
    "ends_at": "2027-01-02T03:04:00+00:00",
    "game": "mines",
}


async def tell(crew: Crew, visitor: Visitor, kind: str, payload: dict[str, object]) -> None:
    async with crew.database.transaction() as session:
        await outbox.write(
            session,
            consumer=outbox.PLAYER,
            key=await visitor.player_id(),
            kind=kind,
            payload=payload,
        )
    await crew.settle()


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("kind", NEWS)
def test_every_kind_is_said_with_its_facts(kind: str, language: str) -> None:
    words = Words(language)
    screen = NEWS[kind](PAYLOAD, words)
    assert screen.text.startswith("<b>")
    assert not re.search(r"[{}]|<name>|<wait>", screen.text)
    if kind.startswith(("deposit.", "withdrawal.", "return.")):
        assert words.plain("bot.button.explorer") in [
            button.text for row in screen.rows for button in row
        ]
        assert "12.345" in screen.text.replace(",", ".")
        assert words.plain("rail.ton") in screen.text
    if kind == "withdrawal.confirmed":
        assert "12.295" in screen.text.replace(",", ".")
        assert shown_address(HOT_WALLET) in screen.text
    if kind == "withdrawal.approved":
        assert screen.rows[-1][0].callback_data == "wdno1:7"
    if kind == "address.saved":
        assert shown_address(HOT_WALLET) in screen.text
    if kind.endswith((".rejected", ".held")):
        assert "the &lt;name&gt; differs" in screen.text
    assert NEWS[kind]({**PAYLOAD, "reason": "", "url": None, "until": None}, words).text


async def test_a_deposit_is_told_when_seen_and_when_credited(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    await ann.say("/deposit")
    await ann.tap("TON · TON network")
    transfer = ChainDeposit(
        business_key="one",
        tx_hash="abc",
        account=HOT_WALLET,
        sender="UQsender",
        comment=await crew.scalar("SELECT tag FROM deposit_tags"),
        units=5 * TON,
        block=10,
        at=utc_now(),
    )
    async with crew.database.transaction() as session:
        await deposits.observe(session, rail="ton", transfers=[transfer], now=utc_now())
    await crew.settle()
    seen = await ann.last()
    assert seen.text.startswith("We see your deposit of 5.00 TON")
    assert await ann.tap_answer("See it on chain") == {"url": URL}
    async with crew.database.transaction() as session:
        await deposits.confirm(session, rail="ton", final_block=10**9, now=utc_now())
    await crew.settle()
    assert (await ann.last()).text.startswith("5.00 TON has arrived")
    assert (await ann.say("/balance")).text.startswith("You have 5.00 TON")


async def test_news_speak_the_language_of_the_player(crew: Crew, boris: Visitor) -> None:
    welcome = await boris.start()
    await boris.tap(welcome.labels[0])
    await tell(crew, boris, "withdrawal.rejected", PAYLOAD)
    said = await boris.last()
    assert said.text.startswith("Вывод 12,345 TON отклонён")
    assert "Причина: the <name> differs" in said.text


async def test_an_answer_of_support_arrives_and_can_be_answered(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    await tell(crew, ann, "support.answered", {"text": "Send us the <hash>, please"})
    said = await ann.last()
    assert "Send us the <hash>, please" in said.text
    await ann.tap("Support")
    assert (await ann.say("abc")).text.startswith("Sent to our staff")


async def test_an_unknown_kind_is_marked_and_holds_up_nothing(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    before = await ann.all()
    await tell(crew, ann, "weather.changed", {})
    assert await ann.all() == before
    await tell(crew, ann, "kyc.approved", {})
    assert (await ann.last()).text.startswith("You are verified")
    assert await crew.column("SELECT outcome FROM outbox ORDER BY id LIMIT 1") == [
        "unknown kind: weather.changed"
    ]


async def test_news_for_somebody_who_blocked_the_bot_end_quietly(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    # The block and the news cross: Telegram says 403 before its update reached us.
    await crew.server.do("block", person=ANN, bot=NAME, blocked=True)
    async with crew.database.transaction() as session:
        for _ in range(2):
            await outbox.write(
                session,
                consumer=outbox.PLAYER,
                key=await ann.player_id(),
                kind="kyc.approved",
                payload={},
            )
    while await crew._news.deliver_due():
        pass
    assert (await ann.player()).unreachable
    first, second = await crew.column("SELECT outcome FROM outbox ORDER BY id")
    assert first.startswith("unreachable: ")
    assert second == "unreachable"


def test_moments_are_said_in_utc() -> None:
    shown = Words("en").moment(datetime(2027, 1, 2, 3, 4, tzinfo=UTC))
    assert shown == "2 Jan 2027, 03:04 UTC"

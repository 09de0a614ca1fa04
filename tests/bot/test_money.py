"""Money in and out by chat: what is shown, what is refused, and exactly one withdrawal."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiogram.types import Update
from sqlalchemy import text

from casino import flags, switches
from casino.cashier import address_pool, rails, tags
from casino.cashier.address_pool import PoolAddress
from casino.clock import utc_now
from casino.ids import new_reference
from casino.ledger import journal, reconcile
from casino.ledger.wallet import Wallet
from casino.money import Asset
from casino.players import exclusion, identity
from messaging.addresses import in_groups
from payments.addresses import TonAddress
from tests import factories
from tests.bot.crew import DESTINATION, HOT_WALLET, Crew, Said, Visitor
from tests.casino.cashier import cashbox, held
from tests.factories import TON
from tests.sandbox.telegram.conftest import ANN


async def wallet(crew: Crew, visitor: Visitor) -> Wallet:
    async with crew.database.transaction() as session:
        found = await journal.balances(session, await visitor.player_id())
    return found[Asset.TON]


async def to_check(visitor: Visitor, *, amount: str = "10") -> Said:
    """Fill in a withdrawal up to the check screen."""
    await visitor.say("/withdraw")
    await visitor.tap("TON · TON network")
    await visitor.say(amount)
    return await visitor.say(DESTINATION)


async def books_balance(crew: Crew) -> None:
    async with crew.database.transaction() as session:
        assert (await reconcile.reconcile(session)).differences == ()


async def test_a_deposit_shows_address_tag_picture_and_what_to_expect(
    crew: Crew, ann: Visitor
) -> None:
    await ann.accept()
    choice = await ann.tap("Deposit")
    assert choice.labels == ("TON · TON network", "‹ Back")  # the faucet has no wallet to send to
    shown = await ann.tap("TON · TON network")
    tag = await crew.scalar("SELECT tag FROM deposit_tags")
    assert tags.parse(tag) == tag
    assert shown.photo
    for part in (HOT_WALLET, tag, "Minimum: 0.10 TON", "1 final masterchain block"):
        assert part in shown.text
    assert await ann.tap_answer("Copy address") == {"copied": HOT_WALLET}
    assert await ann.tap_answer("Copy comment") == {"copied": tag}
    # The picture took the place of the text and gives it back: one message a task.
    again = await ann.tap("‹ Back")
    assert again.labels == choice.labels
    assert [said.message_id for said in await ann.all()] == [again.message_id]
    assert tag in (await ann.tap("TON · TON network")).text


async def test_usdt_on_ton_is_sent_with_the_same_comment_as_coins(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    token = "EQCxE6mUtQJKFnGfaROTKOt1lZbDiiX1kCixRv7Nw2Id_sDs"
    async with crew.database.transaction() as session:
        await rails.set_hot_wallet(session, rail="usdt_ton", address=HOT_WALLET, now=utc_now())
    choice = await ann.tap("Deposit")
    assert "USDT · TON network" not in choice.labels, "its token is not known yet"
    async with crew.database.transaction() as session:
        await rails.set_network(
            session, rail="usdt_ton", network_id="testnet", token=token, now=utc_now()
        )
    await ann.say("/deposit")
    shown = await ann.tap("USDT · TON network")
    tag = await crew.scalar("SELECT tag FROM deposit_tags")
    assert shown.photo
    for part in (
        "Send only USDT · TON network, and add the comment",
        HOT_WALLET,
        tag,
        token,
        "Minimum: 1.00 USDT",
        "1 final masterchain block",
    ):
        assert part in shown.text
    await ann.tap("‹ Back")
    assert tag in (await ann.tap("TON · TON network")).text
    assert await crew.scalar("SELECT count(*) FROM deposit_tags") == 1


async def test_an_address_of_ones_own_is_shown_without_a_comment(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    token = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
    async with crew.database.transaction() as session:
        await address_pool.add(
            session,
            rail="usdt_eth",
            addresses=[PoolAddress(0, "0xabcd", "0xAbCd")],
            now=utc_now(),
        )
        await rails.set_network(
            session, rail="usdt_eth", network_id="1", token=token, now=utc_now()
        )
    await ann.tap("Deposit")
    shown = await ann.tap("USDT · Ethereum (ERC-20)")
    assert shown.photo
    assert shown.labels == ("Copy address", "‹ Back")
    for part in ("Ethereum (ERC-20)", "0xAbCd", token, "Minimum: 5.00 USDT", "12 blocks"):
        assert part in shown.text
    assert "omment" not in shown.text
    assert await ann.tap_answer("Copy address") == {"copied": "0xAbCd"}


async def test_the_history_counts_confirmations(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    async with crew.database.transaction() as session:
        for key, count, wanted, status in (
            ("a", 3, 12, "confirming"),
            ("b", 40, None, "confirming"),
            ("c", 12, 12, "credited"),
            # Deep enough, and still to be credited: the chain counts on.
            ("d", 5, 3, "confirming"),
        ):
            await session.execute(
                text(
                    "INSERT INTO deposits (player_id, rail, business_key, asset, units, tx_hash,"
                    " account, sender, block, block_hash, confirmations, confirmations_wanted,"
                    " sent_at, status, seen_at) SELECT id, 'usdt_eth', :key, 2, 5000000, '', 'a',"
                    " 's', 7, '0xb', :count, :wanted, now(), :status, now() FROM players"
                ),
                {"key": key, "count": count, "wanted": wanted, "status": status},
            )
    shown = await ann.say("/history")
    for words in (
        "3 of 12 confirmations",
        "40 confirmations, waiting until it is final",
        "can be withdrawn once it is final",
        "3 of 3 confirmations",
        "5.00 USDT · Ethereum (ERC-20)",
    ):
        assert words in shown.text
    assert "5 of 3" not in shown.text
    async with crew.database.transaction() as session:
        await session.execute(text("UPDATE deposits SET status = 'confirming'"))
        await session.execute(
            text("UPDATE deposits SET confirmations = 4, confirmations_wanted = 9")
        )
    assert (await ann.tap("Look again")).text.count("4 of 9 confirmations") == 4
    async with crew.database.transaction() as session:
        await session.execute(text("UPDATE deposits SET status = 'credited', final_at = now()"))
    assert "Look again" not in (await ann.tap("Look again")).labels


async def test_the_history_says_how_long_until_a_deposit_is_final(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    async with crew.database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO chain_blocks (chain, height, hash, parent, at)"
                " SELECT 'bitcoin', n, n::text, (n - 1)::text, now() + n * interval '10 minutes'"
                " FROM generate_series(1, 4) AS n"
            )
        )
        await session.execute(
            text(
                "INSERT INTO chain_progress (chain, final_height, moved_at)"
                " VALUES ('bitcoin', 1, now())"
            )
        )
        await session.execute(
            text(
                "INSERT INTO deposits (player_id, rail, business_key, asset, units, tx_hash,"
                " account, sender, block, block_hash, confirmations, confirmations_wanted,"
                " sent_at, status, seen_at) SELECT id, 'btc', 'k', 3, 5000000000, '', 'a', 's', 4,"
                " '4', 1, 1, now(), 'credited', now() FROM players"
            )
        )
    assert "can be withdrawn in about 30 minutes" in (await ann.say("/history")).text
    async with crew.database.transaction() as session:
        await session.execute(text("UPDATE chain_progress SET final_height = 4"))
    assert "can be withdrawn in less than a minute" in (await ann.say("/history")).text
    async with crew.database.transaction() as session:
        await session.execute(text("UPDATE chain_progress SET halted = 'another chain'"))
    assert "can be withdrawn once it is final" in (await ann.say("/history")).text


async def test_the_history_shows_what_waits_for_a_block_and_what_was_replaced(
    crew: Crew, ann: Visitor
) -> None:
    await ann.accept()
    async with crew.database.transaction() as session:
        for key, status, reason in (("a", "seen", None), ("b", "orphaned", "replaced")):
            await session.execute(
                text(
                    "INSERT INTO deposits (player_id, rail, business_key, asset, units, tx_hash,"
                    " account, sender, confirmations_wanted, sent_at, status, reason, seen_at)"
                    " SELECT id, 'btc', :key, 3, 5000000000, '', 'a', '', 3, now(), :status,"
                    " :reason, now() FROM players"
                ),
                {"key": key, "status": status, "reason": reason},
            )
    shown = await ann.say("/history")
    for words in ("0.05 BTC", "0 of 3 confirmations", "replaced or dropped before its first block"):
        assert words in shown.text


async def test_deposits_that_are_stopped_say_so(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    await ann.tap("Deposit")
    async with crew.database.transaction() as session:
        await flags.set_flag(
            session, name=switches.DEPOSITS, stop=True, reason="test", actor="system", now=utc_now()
        )
    answer = await ann.tap_answer("TON · TON network")
    assert answer["show_alert"]
    assert answer["text"].startswith("This is paused")


async def test_a_withdrawal_from_amount_to_history(crew: Crew, ann: Visitor) -> None:
    await ann.rich()
    await ann.say("/withdraw")
    asked = await ann.tap("TON · TON network")
    assert "You can withdraw 100.00 TON now" in asked.text
    assert asked.labels == ("25 %", "50 %", "100 %", "‹ Back")
    address = await ann.tap("25 %")
    assert "Withdraw 25.00 TON" in address.text
    assert "You receive 24.95 TON; the fee is 0.05 TON." in address.text
    check = await ann.say(f"  {DESTINATION} ")
    assert in_groups(DESTINATION) in check.text
    assert "TON · TON network" in check.text
    assert await crew.scalar("SELECT count(*) FROM withdrawals") == 0
    done = await ann.tap("Confirm the withdrawal")
    assert done.text.startswith("Withdrawal of 25.00 TON requested")
    row = await crew.column("SELECT units::text || destination || status FROM withdrawals")
    assert row == [f"25000000000{DESTINATION}in_review"]
    assert ((await wallet(crew, ann)).cash, (await wallet(crew, ann)).reserved) == (
        75 * TON,
        25 * TON,
    )
    assert "25.00 TON · TON network\nin review" in (await ann.say("/history")).text
    assert "On its way out: 25.00 TON" in (await ann.say("/balance")).text
    await books_balance(crew)


async def test_one_message_is_left_of_a_finished_task(ann: Visitor) -> None:
    await ann.rich()
    await to_check(ann)
    await ann.tap("Confirm the withdrawal")
    texts = [said.text.splitlines()[0] for said in await ann.all()]
    assert texts.count("Withdrawal of 10.00 TON requested") == 1  # the task said it: no news of it
    assert not [text for text in texts if text.startswith(("Withdraw 10", "Check"))]


async def test_twenty_taps_on_confirm_make_one_withdrawal(crew: Crew, ann: Visitor) -> None:
    await ann.rich()
    check = await to_check(ann)
    for _ in range(20):
        await crew.server.do(
            "tap",
            person=ANN,
            bot="fairhouse_bot",
            label="Confirm the withdrawal",
            message_id=check.message_id,
        )
    await crew.settle()
    assert await crew.scalar("SELECT count(*) FROM withdrawals") == 1
    assert (await wallet(crew, ann)).reserved == 10 * TON
    assert await crew.scalar("SELECT count(*) FROM inbox WHERE outcome LIKE 'dead%'") == 0
    await books_balance(crew)


async def test_twenty_taps_handled_at_the_same_moment_make_one_withdrawal(
    crew: Crew, ann: Visitor
) -> None:
    """Past the inbox, which would have queued them: as if twenty processes had one tap each."""
    await ann.rich()
    check = await to_check(ann)
    data = check.data_of("Confirm the withdrawal")
    await asyncio.gather(
        *(
            crew.dispatcher.feed_update(crew.bot, _tap(number, check.message_id, data))
            for number in range(20)
        )
    )
    assert await crew.scalar("SELECT count(*) FROM withdrawals") == 1
    assert (await wallet(crew, ann)).reserved == 10 * TON
    await books_balance(crew)


async def test_a_confirmation_handled_again_after_a_crash_changes_nothing(
    crew: Crew, ann: Visitor
) -> None:
    """The first handling commits, then dies before it can answer or edit; the second repeats it."""
    await ann.rich()
    check = await to_check(ann)
    await crew.server.do("faults", method="editMessageText", code=500, times=1)
    await crew.server.do("tap", person=ANN, bot="fairhouse_bot", label="Confirm the withdrawal")
    await crew.settle()
    assert await crew.scalar("SELECT count(*) FROM withdrawals") == 1
    await crew.make_inbox_due()
    await crew.settle()
    assert await crew.scalar("SELECT count(*) FROM withdrawals") == 1
    said = {one.message_id: one for one in await ann.all()}
    assert said[check.message_id].text.startswith("Withdrawal of 10.00 TON requested")
    assert (await wallet(crew, ann)).reserved == 10 * TON


async def test_an_older_check_screen_cannot_confirm_a_newer_draft(crew: Crew, ann: Visitor) -> None:
    await ann.rich()
    old = (await to_check(ann, amount="10")).data_of("Confirm the withdrawal")
    await to_check(ann, amount="90")
    answer = await ann.forge(old)
    assert "no longer waiting" in answer["text"]
    assert await crew.scalar("SELECT count(*) FROM withdrawals") == 0


async def test_somebody_elses_button_confirms_nothing(
    crew: Crew, ann: Visitor, boris: Visitor
) -> None:
    await ann.rich()
    data = (await to_check(ann)).data_of("Confirm the withdrawal")
    await boris.rich()
    assert (await boris.forge(data))["show_alert"]
    assert await crew.scalar("SELECT count(*) FROM withdrawals") == 0


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("0", "not an amount"),
        ("-5", "not an amount"),
        ("ten", "not an amount"),
        ("1e3", "not an amount"),
        ("NaN", "not an amount"),
        ("0.0000000001", "not an amount"),
        ("1" + "0" * 30, "not an amount"),
        ("١٠", "not an amount"),
        ("0.4", "smallest amount is 0.50 TON"),
        ("100.000000001", "You have 100.00 TON"),
    ],
)
async def test_amounts_that_are_refused_and_asked_again(
    crew: Crew, ann: Visitor, typed: str, reason: str
) -> None:
    await ann.rich()
    await ann.say("/withdraw")
    await ann.tap("TON · TON network")
    assert reason in (await ann.say(typed)).text
    assert "Withdraw 2.50 TON" in (await ann.say("2,5 ton")).text
    assert await crew.scalar("SELECT count(*) FROM withdrawals") == 0


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("my wallet", "not a TON address"),
        (DESTINATION[:-1], "not a TON address"),
        (DESTINATION[:-1] + ("A" if DESTINATION[-1] != "A" else "B"), "mistake in this address"),
        ("0x52908400098527886E0F7030069857D2E4169EE7", "would be lost"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "would be lost"),
        ("TQn9Y2khEsLJW1ChVWFMSMeRDow5KcbLSE", "would be lost"),
        (TonAddress(0, bytes([9] * 32)).friendly(testnet=True), "marked for the test network"),
        (TonAddress(-1, bytes([9] * 32)).friendly(), "on the masterchain"),
        (TonAddress(0, bytes(32)).friendly(), "Nobody owns"),
        (HOT_WALLET, "an address of ours"),
        (TonAddress(0, bytes([7] * 32)).raw, "an address of ours"),
    ],
)
async def test_addresses_that_are_refused_and_asked_again(
    crew: Crew, ann: Visitor, typed: str, reason: str
) -> None:
    await ann.rich()
    await ann.say("/withdraw")
    await ann.tap("TON · TON network")
    await ann.say("10")
    assert reason in (await ann.say(typed)).text
    assert "Check the withdrawal" in (await ann.say(DESTINATION)).text
    assert await crew.scalar("SELECT count(*) FROM withdrawals") == 0


async def test_a_raw_or_bounceable_address_becomes_canonical(crew: Crew, ann: Visitor) -> None:
    await ann.rich()
    for form in (
        TonAddress(0, bytes([9] * 32)).raw,
        TonAddress(0, bytes([9] * 32)).friendly(bounceable=True),
    ):
        await ann.say("/withdraw")
        await ann.tap("TON · TON network")
        await ann.say("10")
        assert in_groups(DESTINATION) in (await ann.say(form)).text
        await ann.tap("Confirm the withdrawal")
    assert await crew.column("SELECT destination FROM withdrawals") == [DESTINATION] * 2


async def test_a_comment_for_an_exchange_travels_with_the_withdrawal(
    crew: Crew, ann: Visitor
) -> None:
    await ann.rich()
    check = await to_check(ann)
    without = check.data_of("Confirm the withdrawal")
    await ann.tap("Add a comment for an exchange")
    assert "shorter" in (await ann.say("x" * 121)).text
    check = await ann.say("  104  729 ")
    assert "Comment: 104 729" in check.text
    # The screen before the comment was another transfer.
    assert "no longer waiting" in (await ann.forge(without))["text"]
    await ann.tap("Confirm the withdrawal")
    assert await crew.column("SELECT memo FROM withdrawals") == ["104 729"]


async def test_a_quote_that_ran_out_is_renewed_by_the_same_tap(crew: Crew, ann: Visitor) -> None:
    await ann.rich()
    check = await to_check(ann)
    assert "The fee holds for 10 minutes, until " in check.text
    stale = check.data_of("Confirm the withdrawal")
    async with crew.database.transaction() as session:
        await session.execute(
            text(
                "UPDATE withdrawal_quotes SET made_at = made_at - interval '11 minutes',"
                " expires_at = expires_at - interval '11 minutes'"
            )
        )
        rail = await rails.get_rail(session, "ton")
        await rails.change_rail(
            session,
            rail=replace(rail, withdrawal_fee=2 * rail.withdrawal_fee),
            actor="staff:1",
            now=utc_now(),
        )
    answer = await ann.tap_answer("Confirm the withdrawal", message_id=check.message_id)
    assert "Nothing was requested" in answer["text"]
    assert await crew.scalar("SELECT count(*) FROM withdrawals") == 0
    renewed = await ann.last()
    assert "This is the one that holds now" in renewed.text
    assert "the fee is 0.10 TON" in renewed.text
    # The button of the old screen confirms nothing any more.
    assert "no longer waiting" in (await ann.forge(stale))["text"]
    await ann.tap("Confirm the withdrawal")
    assert await crew.column("SELECT fee_units FROM withdrawals") == [100_000_000]
    await books_balance(crew)


async def test_the_address_is_compared_in_groups_and_copied_plain(ann: Visitor) -> None:
    await ann.rich()
    check = await to_check(ann)
    assert in_groups(DESTINATION) in check.text
    assert await ann.tap_answer("Copy address") == {"copied": DESTINATION}


async def test_an_approved_withdrawal_is_taken_back_until_it_is_claimed(
    crew: Crew, ann: Visitor
) -> None:
    await ann.rich()
    for _ in range(2):
        await to_check(ann)
        await ann.tap("Confirm the withdrawal")
    first, second = await crew.column("SELECT id FROM withdrawals ORDER BY id")
    async with crew.database.transaction() as session:
        await session.execute(text("UPDATE withdrawals SET status = 'approved'"))
    shown = await ann.say("/history")
    assert shown.labels.count("Take back 10.00 TON · TON network") == 2
    assert (await ann.forge(f"wdno1:{first}"))["text"] == "Taken back."
    async with crew.database.transaction() as session:
        await session.execute(
            text("UPDATE withdrawals SET status = 'assigned' WHERE id = :id"), {"id": second}
        )
    assert "on its way already" in (await ann.forge(f"wdno1:{second}"))["text"]
    labels = (await ann.say("/history")).labels
    assert not [label for label in labels if label.startswith("Take back")]
    assert ((await wallet(crew, ann)).cash, (await wallet(crew, ann)).reserved) == (
        90 * TON,
        10 * TON,
    )


async def test_a_withdrawal_can_be_taken_back_until_it_is_decided(crew: Crew, ann: Visitor) -> None:
    await ann.rich()
    check = await to_check(ann)
    await ann.tap("Confirm the withdrawal", message_id=check.message_id)
    back = await ann.tap_answer("Take it back", message_id=check.message_id)
    assert back["text"] == "Taken back."
    await crew.settle()
    assert "is in your balance again" in (await ann.last()).text, "and no second message of it"
    assert (await wallet(crew, ann)).cash == 100 * TON
    assert await crew.column("SELECT status FROM withdrawals") == ["cancelled"]
    withdrawal = await crew.scalar("SELECT id FROM withdrawals")
    assert (await ann.forge(f"wdno1:{withdrawal}"))["text"]
    await books_balance(crew)


async def test_a_held_deposit_goes_back_and_the_player_is_told(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    deposit = await held.stopped_deposit(crew.database, await ann.player_id())
    owner = await cashbox.make_member(crew.database)
    made = await held.send_back(crew.database, deposit, owner, destination=DESTINATION)
    await crew.settle()
    told = await ann.last()
    assert told.text.startswith("We are sending your deposit of 4.00 TON back")
    assert "3.95 TON will arrive, the network's fee is 0.05 TON." in told.text
    assert in_groups(DESTINATION) in told.text
    shown = await ann.say("/history")
    assert "A deposit sent back: in review" in shown.text
    assert "being sent back" in shown.text
    assert not [
        label for label in (*told.labels, *shown.labels) if "ake" in label and "ack" in label
    ]
    refused = await ann.forge(f"wdno1:{made.id}")
    assert "We are sending a deposit back to you; this cannot be stopped here." in refused["text"]
    await cashbox.approve(crew.database, made.id, owner)
    await crew.settle()
    approved = await ann.last()
    assert approved.text.startswith("The return of 4.00 TON is approved")
    assert not [label for label in approved.labels if "Take" in label]
    await held.reject(crew.database, made.id, owner)
    await crew.settle()
    assert "Your deposit of 4.00 TON is held again" in (await ann.last()).text
    shown = await ann.say("/history")
    assert "A deposit sent back: stopped, held again" in shown.text
    assert "money returned" not in shown.text
    await books_balance(crew)


async def test_somebody_elses_withdrawal_cannot_be_taken_back(
    crew: Crew, ann: Visitor, boris: Visitor
) -> None:
    await ann.rich()
    await to_check(ann)
    await ann.tap("Confirm the withdrawal")
    await boris.accept()
    withdrawal = await crew.scalar("SELECT id FROM withdrawals")
    assert (await boris.forge(f"wdno1:{withdrawal}"))["text"] == "Этого здесь больше нет."
    assert await crew.column("SELECT status FROM withdrawals") == ["in_review"]


async def test_a_higher_amount_asks_for_verification(crew: Crew, ann: Visitor) -> None:
    await ann.rich(units=1000 * TON)  # at 3 EUR each, above the 1,000 EUR of level 0
    await to_check(ann, amount="400")
    answer = await ann.tap_answer("Confirm the withdrawal")
    assert answer["text"].startswith(
        "At your level of verification you can withdraw up to 1,000.00"
    )
    assert await crew.scalar("SELECT count(*) FROM withdrawals") == 0


async def test_a_blocked_player_is_told_and_keeps_his_money(crew: Crew, ann: Visitor) -> None:
    await ann.rich()
    check = await to_check(ann)
    async with crew.database.transaction() as session:
        await identity.block(
            session,
            player_id=await ann.player_id(),
            reason="test",
            actor="system",
            now=utc_now(),
        )
    answer = await ann.tap_answer("Confirm the withdrawal", message_id=check.message_id)
    assert "blocked" in answer["text"]
    await crew.settle()
    assert "Your account is blocked" in "".join(said.text for said in await ann.all())
    assert (await wallet(crew, ann)).cash == 100 * TON


async def test_redis_gone_forgets_the_draft_and_nothing_else(crew: Crew, ann: Visitor) -> None:
    await ann.rich()
    await to_check(ann)
    storage: Any = crew.dispatcher.storage
    await storage._redis.client.flushdb()
    answer = await ann.tap_answer("Confirm the withdrawal")
    assert "Nothing new was requested" in answer["text"]
    await to_check(ann)
    await ann.tap("Confirm the withdrawal")
    assert await crew.scalar("SELECT count(*) FROM withdrawals") == 1


async def test_a_typed_answer_to_a_forgotten_question_begins_again(
    crew: Crew, ann: Visitor
) -> None:
    await ann.rich()
    await ann.say("/withdraw")
    await ann.tap("TON · TON network")
    storage: Any = crew.dispatcher.storage
    await storage._redis.client.flushdb()
    assert (await ann.say("10")).text.startswith("I did not understand that")


async def test_history_turns_pages(crew: Crew, ann: Visitor) -> None:
    await ann.rich(units=300 * TON)
    for amount in range(11, 18):
        async with crew.database.transaction() as session:
            await factories.ask_withdrawal(
                session,
                player_id=await ann.player_id(),
                rail="ton",
                units=amount * TON,
                destination=DESTINATION,
                memo="",
                reference=new_reference(),
                now=utc_now(),
            )
    await crew.settle()
    first = await ann.say("/history")
    assert [f"{amount}.00 TON" in first.text for amount in range(11, 18)] == [False] * 2 + [
        True
    ] * 5
    second = await ann.tap("Older »")
    assert [f"{amount}.00 TON" in second.text for amount in range(11, 18)] == [True] * 2 + [
        False
    ] * 5
    assert "Older »" not in second.labels
    assert (await ann.tap("« Newest")).text == first.text
    assert "No rounds yet" in (await ann.tap("Rounds")).text


def _tap(number: int, message_id: int, data: str) -> Update:
    person = {"id": ANN, "is_bot": False, "first_name": "Ann", "language_code": "en"}
    chat = {"id": ANN, "type": "private", "first_name": "Ann"}
    message = {"message_id": message_id, "date": 1_790_000_000, "chat": chat, "text": "check"}
    return Update.model_validate(
        {
            "update_id": 10_000 + number,
            "callback_query": {
                "id": new_reference(),
                "from": person,
                "chat_instance": "1",
                "data": data,
                "message": message,
            },
        }
    )


async def test_whoever_has_nothing_to_withdraw_is_asked_for_no_amount(
    crew: Crew, ann: Visitor
) -> None:
    await ann.accept()
    said = await ann.say("/withdraw")
    assert said.text == "Withdraw\nThere is nothing to withdraw now."
    assert said.labels == ("Deposit", "‹ Back")
    said = await ann.say("25")
    assert "Withdraw 25" not in said.text
    await ann.rich()
    await ann.say("/withdraw")
    await crew.scalar(
        "UPDATE rails SET withdrawal_min = :min WHERE name = 'ton' RETURNING 1", min=200 * TON
    )
    said = await ann.tap("TON · TON network")
    assert "The least that can be withdrawn here is 200.00 TON; you have 100.00 TON." in said.text
    assert said.labels == ("Deposit", "‹ Back")
    assert (await ann.tap("Deposit")).labels == ("TON · TON network", "‹ Back")


async def test_whoever_may_not_play_is_not_asked_to_deposit(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    async with crew.database.transaction() as session:
        await exclusion.self_exclude(
            session, player_id=await ann.player_id(), months=6, now=utc_now()
        )
    await ann.say("/withdraw")
    (said,) = [one for one in await ann.all() if "nothing to withdraw" in one.text]
    assert said.labels == ("‹ Back",)

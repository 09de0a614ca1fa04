"""Players, switches, figures, the audit log, coins without an owner, support, the team, alerts."""

import itertools
from dataclasses import replace

import pytest
from sqlalchemy import text

from admin_bot.cards import alerts
from admin_bot.reasons import in_words, sentence
from casino import audit, flags, i18n, ids, outbox
from casino.betting.floor import open_floor
from casino.cashier import foreign_sends, freezes, token_cases
from casino.cashier.foreign_sends import PAID, SentPayment
from casino.cashier.rails import get_rail
from casino.cashier.strangers import StrangeTransfer
from casino.clock import Window, utc_now
from casino.errors import Paused, WithdrawalsFrozen
from casino.ids import PlayerId, new_reference
from casino.money import Asset
from casino.outbox import Effect
from casino.players import identity, limits
from casino.players.rules import LimitKind
from casino.support import conversations
from games import registry
from messaging.words import Words
from tests import factories
from tests.admin_bot.office import AUDITOR, OWNER, PAYMENTS, SUPPORT, Clerk, Office
from tests.casino.cashier import cashbox
from tests.casino.cashier.cashbox import TON


async def bet(office: Office, player_id: PlayerId, *, times: int = 1) -> None:
    async with open_floor(office.database.dsn, factories.VAULT, step_games=registry.STEPS) as floor:
        for _ in range(times):
            await floor.place_bet(
                player_id=player_id,
                game=registry.INSTANT["dice"],
                asset=Asset.TON,
                stake=TON // 10,
                choice={"target": 5050, "over": True},
                reference=new_reference(),
            )


async def test_a_kill_switch_stops_bets_and_lets_them_run_again(
    office: Office, pavel: Clerk
) -> None:
    await factories.ready_house(office.database)
    player_id = await factories.ready_player(office.database)
    await bet(office, player_id)
    await pavel.say("/switches")
    shown = await pavel.tap("Game Dice · runs")
    assert shown.text.startswith("Game Dice: runs")
    await pavel.tap("Stop…")
    sure = await pavel.tap("Maintenance")
    assert sure.text == "Stop for everybody: Game Dice?\nReason: Maintenance"
    await bet(office, player_id)  # nothing happens before the confirmation
    assert (await pavel.answer("Yes, stop it"))["text"] == "Stopped: Game Dice."
    with pytest.raises(Paused):
        await bet(office, player_id)
    assert "⛔ Stopped: Game Dice" in (await pavel.say("/menu")).text
    await pavel.say("/switches")
    await pavel.tap("⛔ Game Dice · stopped")
    await pavel.tap("Let it run…")
    await pavel.tap("In my own words…")
    await pavel.say("Fixed the odds table")
    await pavel.tap("Yes, let it run")
    await bet(office, player_id)
    assert await office.actions(PAYMENTS) == ["flag.stopped", "flag.released"]
    reason = await office.scalar("SELECT reason FROM flags WHERE name = 'game:dice'")
    assert reason == "Fixed the odds table"


async def test_every_switch_can_be_thrown_and_only_with_its_own_reason(
    office: Office, olga: Clerk
) -> None:
    overview = await olga.say("/switches")
    assert overview.labels[:-1] == (
        "Bets · runs",
        "Deposits · runs",
        "Withdrawals · runs",
        "Game Dice · runs",
        "Game Mines · runs",
        "Asset TON · runs",
        "Asset USDT · runs",
        "Asset BTC · runs",
    )
    await olga.tap("Bets · runs")
    await olga.tap("Stop…")
    await olga.tap("Incident")
    # The reason was given for bets: another switch is not thrown with it.
    assert "Nothing was changed" in (await olga.forge("swyes1|deposits|1"))["text"]
    async with office.database.transaction() as session:
        assert await flags.stopped(session) == frozenset()


async def test_a_player_is_found_read_blocked_and_unblocked(
    office: Office, pavel: Clerk, sam: Clerk
) -> None:
    await factories.ready_house(office.database)
    player_id = await factories.ready_player(office.database)
    async with office.database.transaction() as session:
        await limits.set_limit(
            session,
            player_id=player_id,
            kind=LimitKind.LOSS,
            window=Window.DAY,
            units=50 * cashbox.EUR,
            now=utc_now(),
        )
        player = await identity.get(session, player_id=player_id)
    for wanted in (ids.public(player_id), str(player.telegram_id), player.first_name[:8].lower()):
        found = await pavel.say(f"/player {wanted}")
        assert player.first_name in found.labels[0], wanted
    assert "Nobody matches" in (await pavel.say("/player nobody-of-this-name")).text
    await pavel.say(f"/player {player.telegram_id}")
    file = await pavel.tap(f"{player.first_name} · {player.telegram_id}")
    assert "Has 100.00 TON, can withdraw 100.00 TON" in file.text
    assert "Deposited 100.00 TON" in file.text
    limited = await pavel.tap("Limits")
    assert "Loss limit / day: 50.00 EUR, used 0.00 EUR" in limited.text
    await pavel.tap("‹ Back")
    await pavel.tap("Block…")
    blocked = await pavel.tap("Fraud")
    assert "⛔ Blocked: Suspicion of fraud" in blocked.text
    assert "Unblock…" in blocked.labels
    # Support may look, and not block.
    await sam.say(f"/player {player.telegram_id}")
    seen = await sam.tap(f"{player.first_name} · {player.telegram_id}")
    assert not {"Block…", "Unblock…"} & set(seen.labels)
    refused = await sam.forge(blocked.data_of("Unblock…"))
    assert refused["text"] == "Your roles do not allow this."
    await pavel.tap("Unblock…")
    assert "Active" in (await pavel.tap("Checked")).text
    again = await pavel.forge(f"why1|unblock|player:{player_id}|-|checked")
    assert again["text"].startswith("Somebody was faster")
    done = [line for line in await office.actions(PAYMENTS) if line != "player.viewed"]
    assert done == ["player.blocked", "player.unblocked"]
    assert await office.actions(SUPPORT) == ["player.viewed"]


async def test_history_has_pages(office: Office, ada: Clerk) -> None:
    await factories.ready_house(office.database)
    player_id = await factories.ready_player(office.database)
    await bet(office, player_id, times=8)
    await ada.say(f"/player {ids.public(player_id)}")
    await ada.tap((await ada.last()).labels[0])
    newest = await ada.tap("Rounds")
    assert newest.text.count("Dice: 0.10 TON") == 6
    assert newest.labels == ("Older »", "‹ Back")
    older = await ada.tap("Older »")
    assert older.text.count("Dice: 0.10 TON") == 2
    assert older.labels == ("« Newest", "‹ Back")
    assert (await ada.tap("« Newest")).text == newest.text
    await ada.tap("‹ Back")
    assert "Nothing yet." in (await ada.tap("Money")).text


async def test_todays_figures_come_with_a_chart(office: Office, ada: Clerk) -> None:
    await factories.ready_house(office.database)
    player_id = await factories.ready_player(office.database)
    await bet(office, player_id, times=3)
    figures = await ada.say("/figures")
    assert figures.photo
    assert "Players 1 · new 1 · bets 3" in figures.text
    assert "Stakes 0.30 TON" in figures.text
    menu = await ada.tap("‹ Back")
    assert menu.text.startswith("Fairhouse desk")
    assert not any(said.photo for said in await ada.all())


async def test_the_audit_log_is_searched_and_proven(office: Office, ada: Clerk) -> None:
    newest = await ada.say("/audit")
    # Seven lines from opening the office: six people came, one rail got its wallet.
    assert newest.text.count("#") == 6
    older = await ada.tap("Older »")
    assert older.text.count("#") == 1
    await ada.tap("By person")
    assert (await ada.tap(f"owner {OWNER}")).text.count("staff.added") == 5
    await ada.tap("‹ Back")
    await ada.tap("By action")
    assert (await ada.tap("Staff")).text.count("staff.added") == 6
    await ada.say("/audit")
    await ada.tap("By id")
    found = await ada.say(ids.public(office.members[PAYMENTS].id))
    assert f"staff:{office.members[PAYMENTS].id}" in found.text
    assert found.text.count("#") == 1
    await ada.tap("By id")
    assert (await ada.say("withdrawal:12345")).text == "Nothing is on record for this."
    await ada.say("/audit")
    assert "the chain is whole" in (await ada.answer("Prove the chain"))["text"]
    await office.scalar("UPDATE audit_log SET action = 'staff.other' WHERE id = 3 RETURNING id")
    broken = await ada.answer("Prove the chain")
    assert broken["text"] == "THE CHAIN IS BROKEN: line 3 was altered"
    assert await office.actions(AUDITOR) == ["audit.verified", "audit.verified"]


async def test_coins_without_an_owner_find_one(office: Office, pavel: Clerk, olga: Clerk) -> None:
    player_id = await cashbox.make_player(office.database)
    await cashbox.arrive(office.database, cashbox.transfer(2 * TON, "thanks & <bye>"))
    await office.settle()
    alert = await pavel.last()
    assert alert.text.startswith("2.00 TON came without an owner")
    assert "thanks & <bye>" in alert.text
    card = await pavel.tap("Open")
    assert card.labels[0] == "Find the owner"
    assert "It is the house's own money" not in card.labels
    await olga.tap("Open")
    await pavel.tap("Find the owner")
    found = await pavel.say("Ann")
    await pavel.tap(found.labels[0])
    assert (await pavel.last()).text.startswith("Give 2.00 TON to Ann?")
    stale = (await pavel.last()).data_of("Give it to this player")
    answer = await pavel.answer("Give it to this player")
    assert answer["text"] == "Done: it is on the player's balance."
    assert (await cashbox.wallet(office.database, player_id)).cash == 2 * TON
    hers = await olga.last()
    assert hers.text.startswith("These coins have found their place")
    assert f"Assigned by payments {PAYMENTS}" in hers.text
    assert (await olga.forge(stale))["text"].startswith("Nothing was done")
    assert (await cashbox.wallet(office.database, player_id)).cash == 2 * TON
    await cashbox.assert_sound(office.database)


async def test_what_is_known_of_lost_coins_stays_on_their_card(
    office: Office, pavel: Clerk, olga: Clerk
) -> None:
    await cashbox.arrive(office.database, cashbox.transfer(2 * TON, "lost"))
    await office.settle()
    await pavel.tap("Open")
    await olga.tap("Open")
    for note in ("<he> wrote to us", "it is Ann's"):
        await pavel.tap("Write a note…")
        await pavel.say(note)
    hers = await olga.showing("came without an owner")
    assert "it is Ann's" in hers.text
    assert f"Noted by payments {PAYMENTS}" in hers.text
    assert await office.actions(PAYMENTS) == ["unclaimed.noted"] * 2
    await pavel.tap("Write a note…")
    await olga.tap("It is the house's own money")
    await olga.tap("It is the house's own money")
    assert (await pavel.say("too late")).text.startswith("Nothing was done")
    assert await office.actions(PAYMENTS) == ["unclaimed.noted"] * 2


async def strange_tokens(office: Office, *, count: int = 1, **given: object) -> None:
    """Transfers of tokens that the house does not take, as a watcher would keep them."""
    plain = StrangeTransfer(
        business_key="key",
        token="0:" + "ab" * 32,
        vouched=True,
        account="0:" + "cd" * 32,
        units=10**30,
        tx_hash="hash",
        sender="0:" + "ef" * 32,
        comment="<b>win</b>",
        block=7,
        at=utc_now(),
    )
    async with office.database.transaction() as session:
        await token_cases.keep(
            session,
            chain="ton",
            rail=await get_rail(session, "ton"),
            transfers=[
                replace(plain, business_key=f"key{one}", token=f"0:{one:064x}", **given)
                for one in range(count)
            ],
            now=utc_now(),
        )
    await office.settle()


async def test_strange_tokens_are_a_card_that_a_note_closes(
    office: Office, pavel: Clerk, olga: Clerk, ada: Clerk
) -> None:
    await strange_tokens(office, vouched=False)
    card = await pavel.last()
    assert card.text.startswith("Tokens came that we do not take")
    assert str(10**30) in card.text
    assert "probably a forgery" in card.text
    assert "<b>win</b>" in card.text
    assert (await olga.last()).text.startswith("Tokens came that we do not take")
    assert not any("Tokens came" in said.text for said in await ada.all())
    await pavel.tap("Close with a note…")
    stale = (await pavel.last()).data_of("Spam")
    assert (await pavel.answer("Spam"))["text"] == "Closed."
    hers = await olga.last()
    assert hers.text.startswith("Strange tokens: closed")
    assert "nobody is owed anything" in hers.text
    assert f"Closed by payments {PAYMENTS}" in hers.text
    assert await office.actions(PAYMENTS) == ["token_case.resolved"]
    assert (await olga.forge(stale))["text"].startswith("Nothing was done")
    assert (await ada.forge(stale))["text"] == "Your roles do not allow this."
    assert "token_case.resolved" not in await office.actions(OWNER)


async def test_strange_tokens_are_listed_and_a_flood_is_counted(
    office: Office, pavel: Clerk
) -> None:
    await strange_tokens(office, count=token_cases.CASES_A_DAY + 3)
    heard = [said.text for said in await pavel.all()]
    assert sum(text.startswith("Tokens came") for text in heard) == token_cases.CASES_A_DAY
    assert sum("A flood of strange tokens on TON" in text for text in heard) == 1
    menu = await pavel.say("/menu")
    assert "50+ transfers of strange tokens" in menu.text
    listed = await pavel.tap(next(label for label in menu.labels if "Strange tokens" in label))
    assert "3 more were only counted" in listed.text
    assert sum(label.startswith("0:") for label in listed.labels) == 6
    older = await pavel.tap("Older »")
    shown = {str(button["callback_data"]) for button in listed.buttons[:6]}
    assert str(older.buttons[0]["callback_data"]) not in shown
    await pavel.tap(older.labels[0])
    await pavel.tap("Close with a note…")
    await pavel.tap("In my own words…")
    await pavel.say("Somebody <else> asked for them.")
    assert "Somebody <else> asked for them." in (await pavel.showing("Strange tokens: closed")).text


async def test_questions_of_players_are_answered_once_for_all(
    office: Office, sam: Clerk, olga: Clerk
) -> None:
    player_id = await office.newcomer()
    for words in ("Hello?", "Is anybody <there>?"):
        async with office.database.transaction() as session:
            await conversations.write(session, player_id=player_id, text=words, now=utc_now())
        await office.settle()
    cards = [said for said in await sam.all() if said.text.startswith("Ann asks")]
    assert len(cards) == 1  # one conversation, one card, always the newest
    assert "Is anybody <there>?" in cards[0].text
    await sam.tap("Answer")
    assert (await sam.say("Yes!")).text == "Sent to Ann."
    for clerk in (sam, olga):
        done = await clerk.showing("Ann: answered")
        assert done.labels == ()
        assert "Yes!" in done.text
    told = await office.column(
        "SELECT payload->>'text' FROM outbox"
        " WHERE consumer = 'player' AND kind = 'support.answered'"
    )
    assert told == ["Yes!"]
    assert await office.actions(SUPPORT) == ["support.answered"]


async def test_owners_manage_the_team_and_one_always_stays(office: Office, olga: Clerk) -> None:
    await olga.tap("Staff")
    await olga.tap("Let somebody in")
    assert (await olga.say("Vera")).text.startswith("Write a Telegram id and a name")
    await olga.say("1002 Boris")
    await olga.tap("as payments")
    assert (await office.clerk(1002).start()).text.startswith("Стол Fairhouse")
    mine = next(b for b in (await olga.last()).labels if "owner" in b)
    await olga.tap(mine)
    refused = await olga.answer("✓ owner")
    assert refused["text"].startswith(("The house needs", "Somebody without"))
    await olga.tap("Let go")
    assert (await olga.answer("Let go"))["text"] == "The house needs at least one owner."


ALERTS = {
    "alert.large_win": {
        "round_id": 5,
        "round": "0198-round",
        "player_id": 6,
        "game": "dice",
        "stake": {"units": TON, "asset": "TON"},
        "payout": {"units": 500 * TON, "asset": "TON"},
    },
    "alert.reconcile": {
        "rail": "ton",
        "chain": {"units": 5 * TON, "asset": "TON"},
        "book": {"units": 7 * TON, "asset": "TON"},
        "difference": {"units": -2 * TON, "asset": "TON"},
        "block": 77,
    },
    "alert.ledger": {
        "proof": "book",
        "sums": {"TON": -3},
        "differences": 2,
        "transfers_without_key": 0,
        "findings": {"limit counters": 1},
    },
    "alert.ledger_sound": {"proof": "book"},
    "alert.chain_lag": {"chain": "ton", "rail": "ton", "blocks": 12},
    "alert.chain_halted": {"chain": "ethereum", "block": 5, "block_hash": "0x1", "reason": "fork"},
    "alert.chain_followed": {"chain": "ethereum", "block": 9, "block_hash": "0x2"},
    "alert.deposit_reversed": {
        "deposit_id": 8,
        "player_id": 6,
        "amount": {"units": 100_000_000, "asset": "USDT"},
        "deficit": {"units": 40_000_000, "asset": "USDT"},
        "frozen": True,
        "block": 5,
        "block_hash": "0x1",
        "tx_hash": "0x3",
        "url": None,
    },
    "alert.address_pool_low": {"rail": "btc", "free": 20},
    "alert.accounts_frozen": {"rail": "usdt_ton", "count": 7, "accounts": ["0:ab", "0:cd"]},
    "alert.accounts_thawed": {"rail": "usdt_ton", "count": 1, "accounts": ["0:ab"]},
    "alert.token_flood": {"chain": "ton", "day": "2026-11-23", "kept": 50},
    "alert.signing_refused": {
        "payout_id": 1,
        "rail": "ton",
        "withdrawal_id": 2,
        "reason": "digest",
    },
    "alert.payout_stuck": {
        "rail": "btc",
        "payout_id": 1,
        "tx_hash": "ab" * 32,
        "fee": 700,
        "vsize": 140,
    },
    "alert.foreign_send": {
        "rail": "ton",
        "account": "UQ-hot",
        "tx_hash": "ab" * 32,
        "evidence": {"paid": []},
    },
    "alert.low_fuel": {
        "rail": "ton",
        "account": "UQ-hot",
        "there": {"units": TON, "asset": "TON"},
        "needed": {"units": 2 * TON, "asset": "TON"},
    },
    "alert.top_up": {
        "rail": "ton",
        "address": "UQ-hot-wallet",
        "there": {"units": TON, "asset": "TON"},
        "owed": {"units": 2 * TON, "asset": "TON"},
        "missing": {"units": 3 * TON, "asset": "TON"},
        "block": 7,
    },
    "alert.topped_up": {"rail": "ton", "there": {"units": 9 * TON, "asset": "TON"}},
    "alert.move_to_cold": {
        "rail": "ton",
        "amount": {"units": 5 * TON, "asset": "TON"},
        "address": "UQ-cold-wallet",
        "reason": "no_cold_address",
    },
    "alert.came_from_cold": {
        "rail": "ton",
        "amount": {"units": 6 * TON, "asset": "TON"},
        "tx_hash": "ab" * 32,
    },
    "alert.foreign_payment_second": {"rail": "ton", "tx_hash": "ab" * 32, "withdrawal_id": 5},
    "alert.foreign_send_shown": {
        "rail": "usdt_eth",
        "nonce": 7,
        "mark": "nonce 7",
        "tx_hash": "0x" + "ab" * 32,
    },
    "alert.dead_letter": {"source": "outbox:player", "external_id": "9", "reason": "<boom>"},
    "alert.never_heard_of": {"what": "<this>", "player_id": 6},
}
SAID = {
    "alert.large_win": "Large win: 499.00 TON",
    "alert.reconcile": "Chain and book differ by -2.00 TON",
    "alert.ledger": "By proof: limit counters 1",
    "alert.ledger_sound": "The book proves itself again",
    "alert.chain_lag": "12 blocks behind",
    "alert.chain_halted": "Since block 5: fork",
    "alert.chain_followed": "ethereum is followed again",
    "alert.deposit_reversed": "Owed by the player: 40.00 USDT",
    "alert.address_pool_low": "Free: 20.",
    "alert.accounts_frozen": "7 accounts of USDT · TON network are frozen",
    "alert.accounts_thawed": "1 account of USDT · TON network is open again",
    "alert.token_flood": "Today already brought 50 cases",
    "alert.signing_refused": "Why: digest",
    "alert.payout_stuck": "It pays 700 satoshis for 140 bytes",
    "alert.foreign_send": "No payout of ours explains this transaction",
    "alert.low_fuel": "The hot wallet holds 1.00 TON",
    "alert.top_up": "Send 3.00 TON to this address",
    "alert.topped_up": "It holds 9.00 TON",
    "alert.move_to_cold": "The hot wallet holds 5.00 TON more than it should keep",
    "alert.came_from_cold": "6.00 TON, booked in the hot wallet",
    "alert.foreign_payment_second": "One more person has to agree",
    "alert.foreign_send_shown": "Found: what used nonce 7 of our account",
    "alert.dead_letter": "<boom>",
    "alert.never_heard_of": "<this>",
}


async def test_alerts_reach_whoever_receives_them(
    office: Office, pavel: Clerk, olga: Clerk, ada: Clerk
) -> None:
    async with office.database.transaction() as session:
        for number, (kind, payload) in enumerate(ALERTS.items()):
            await outbox.write(
                session, consumer=outbox.STAFF, key=number, kind=kind, payload=payload
            )
    await office.settle()
    for clerk in (pavel, olga):
        heard = "\n".join(said.text for said in await clerk.all())
        assert all(words in heard for words in SAID.values())
    assert not any("behind the chain" in said.text for said in await ada.all())
    outcomes = await office.column("SELECT outcome FROM outbox WHERE consumer = 'staff'")
    assert outcomes == ["told: 2"] * len(ALERTS)
    assert await office.scalar("SELECT count(*) FROM staff_cards") == 0


async def test_withdrawals_frozen_by_a_vanished_deposit_go_on_when_somebody_says_so(
    office: Office, pavel: Clerk
) -> None:
    player_id = await cashbox.rich_player(office.database)
    async with office.database.transaction() as session:
        deposit_id = await session.scalar(text("SELECT id FROM deposits"))
        assert deposit_id is not None
        await freezes.freeze(session, player_id=player_id, deposit_id=deposit_id, now=utc_now())
        await outbox.write(
            session,
            consumer=outbox.STAFF,
            key=deposit_id,
            kind="alert.deposit_reversed",
            payload={**ALERTS["alert.deposit_reversed"], "player_id": player_id},
        )
    await office.settle()
    with pytest.raises(WithdrawalsFrozen):
        await cashbox.ask(office.database, player_id)
    await pavel.tap("Let him withdraw again")
    with pytest.raises(WithdrawalsFrozen):
        await cashbox.ask(office.database, player_id)
    assert (await pavel.answer("Let him withdraw again"))["text"] == "He may withdraw again."
    assert (await pavel.answer("Let him withdraw again"))["text"] == "Somebody has decided already."
    await cashbox.ask(office.database, player_id)
    assert "player.withdrawals_unfrozen" in await office.actions(PAYMENTS)


async def noted(office: Office, *numbers: int, account: str = "UQ-hot") -> None:
    for number in numbers:
        async with office.database.transaction() as session:
            await foreign_sends.note(
                session,
                rail="ton",
                account=account,
                tx_hash=f"{number:02x}" * 32,
                evidence={
                    PAID: [SentPayment("ton", f"UQ-{n}", TON).as_evidence() for n in "abcdefg"]
                },
                now=utc_now(),
            )


async def unexplained(office: Office) -> list[str]:
    async with office.database.transaction() as session:
        return [one.tx_hash[:2] for one in await foreign_sends.waiting(session)]


async def test_what_left_without_a_payout_is_explained_by_those_who_decide(
    office: Office, pavel: Clerk, ada: Clerk
) -> None:
    await noted(office, 1, 2, 3)
    await noted(office, 9, account="UQ-other")
    await office.settle()
    listed = await pavel.tap("Left without us")
    assert "4 transactions wait" in listed.text
    card = await pavel.tap(listed.labels[0])
    for shown in ("UQ-hot", "01" * 32, "7 payments"):
        assert shown in card.text
    stale = card.data_of("I know what this was")
    await pavel.tap("I know what this was")
    told = await pavel.say("the monthly <move> to cold storage")
    assert "2 more of this account wait" in told.text
    assert await unexplained(office) == ["02", "03", "09"]
    assert (await pavel.forge(stale))["text"] == "Somebody has explained it meanwhile."
    listed = await pavel.tap("Left without us")
    await pavel.tap(listed.labels[0])
    await pavel.tap("The same for all 2 of this account")
    await noted(office, 4)
    await office.settle()
    told = await pavel.say("restored from the backup of noon")
    assert "1 more of this account waits" in told.text, "nobody had seen the fourth"
    assert sorted(await unexplained(office)) == ["04", "09"]
    notes = await office.column("SELECT note FROM foreign_sends WHERE note IS NOT NULL ORDER BY 1")
    assert notes == [
        "restored from the backup of noon",
        "restored from the backup of noon",
        "the monthly <move> to cold storage",
    ]
    assert (await office.actions(PAYMENTS)).count("foreign_send.acknowledged") == 3
    refused = await ada.forge(stale)
    assert await unexplained(office), refused
    assert "Left without us" in (await pavel.say("/menu")).text + str((await pavel.last()).labels)
    assert "without us" not in (await ada.say("/menu")).text


async def test_a_delivery_that_broke_half_way_repeats_nothing(
    office: Office, pavel: Clerk, olga: Clerk
) -> None:
    """The same effect twice, as after a crash between sending and marking."""
    withdrawal = await cashbox.ask(office.database, await cashbox.rich_player(office.database))
    effect = Effect(
        id=10**9,
        consumer=outbox.STAFF,
        key=withdrawal.id,
        kind="withdrawal.review",
        payload={"withdrawal_id": withdrawal.id},
        attempts=1,
    )
    for _ in range(2):
        await office.news.deliver(effect)
    for clerk in (pavel, olga):
        cards = [said for said in await clerk.all() if said.text.startswith("Pay ")]
        assert len(cards) == 1


def test_an_alert_of_another_shape_is_shown_as_it_is() -> None:
    screen = alerts.compose("alert.large_win", {"stake": "much"}, Words("en"))
    assert "much" in screen.text


def test_a_listed_reason_is_read_in_any_language() -> None:
    for written, read in itertools.permutations(i18n.LANGUAGES, 2):
        stored = sentence(written, task="kyc", reason="expired")
        assert in_words(stored, Words(read)) == sentence(read, task="kyc", reason="expired")
    assert in_words("my own", Words("ru")) == "my own"


async def test_the_log_of_a_test_is_whole(office: Office) -> None:
    async with office.database.transaction() as session:
        count, fault = await audit.verify(session)
    assert (count, fault) == (7, None)

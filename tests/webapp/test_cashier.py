"""Money in and out over HTTP: one withdrawal for one reference, no address that loses coins."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import text

from casino import flags
from casino.cashier import address_pool, rails, tags
from casino.cashier.address_pool import PoolAddress
from casino.clock import utc_now
from casino.ids import internal, new_reference, public
from payments.addresses import TonAddress
from tests.casino.cashier import cashbox, held
from tests.webapp.conftest import HOT_WALLET, Join, Start
from tests.webapp.people import TON, Person, withdrawal


async def count_withdrawals(house) -> int:
    async with house.transaction() as session:
        return await session.scalar(text("SELECT count(*) FROM withdrawals"))


async def test_the_rails_say_what_they_offer(join: Join, house):
    person = await join(units=0)
    ton, faucet = (await person.get("/api/cashier")).body["rails"]
    assert (ton["rail"], ton["asset"], ton["network"], ton["enabled"]) == (
        "ton",
        "TON",
        "ton",
        True,
    )
    assert ton["withdraw"] == {
        "min": "500000000",
        "fee": "50000000",
        "offered": True,
        "enabled": True,
        "memo": True,
    }
    assert (faucet["withdraw"]["offered"], faucet["withdraw"]["enabled"]) == (False, False)
    async with house.transaction() as session:
        await flags.set_flag(
            session, name="withdrawals", stop=True, reason="t", actor="staff:1", now=utc_now()
        )
    ton, _ = (await person.get("/api/cashier")).body["rails"]
    assert (ton["withdraw"]["enabled"], ton["deposit"]["enabled"]) == (False, True)
    assert ton["withdraw"]["offered"] is True, "it is only stopped"


async def test_a_deposit_address_carries_the_players_own_tag(join: Join):
    person, other = await join(units=0), await join(units=0)
    first = (await person.post("/api/cashier/deposit", {"rail": "ton"})).body
    again = (await person.post("/api/cashier/deposit", {"rail": "ton"})).body
    others = (await other.post("/api/cashier/deposit", {"rail": "ton"})).body
    assert first == again
    assert first["address"] == HOT_WALLET
    assert tags.parse(first["tag"]) == first["tag"] != others["tag"]
    assert first["tag"] in first["uri"]
    assert "masterchain" in first["confirmations_text"]
    assert (await person.post("/api/cashier/deposit", {"rail": "eth"})).status == 404
    assert (await person.post("/api/cashier/deposit", {"rail": "usdt_faucet"})).code == (
        "refusal.paused"
    )


async def test_a_rail_with_addresses_is_shown_when_its_network_is_known(join: Join, house):
    person, other = await join(units=0), await join(units=0)
    assert (await person.post("/api/cashier/deposit", {"rail": "usdt_eth"})).code == (
        "refusal.paused"
    )
    token = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
    async with house.transaction() as session:
        await address_pool.add(
            session,
            rail="usdt_eth",
            addresses=[PoolAddress(n, f"0xab{n}", f"0xAb{n}") for n in range(2)],
            now=utc_now(),
        )
        await rails.set_network(
            session, rail="usdt_eth", network_id="1", token=token, now=utc_now()
        )
    _, usdt, _ = (await person.get("/api/cashier")).body["rails"]
    assert (usdt["rail"], usdt["network"], usdt["deposit"]["enabled"]) == (
        "usdt_eth",
        "ethereum",
        True,
    )
    assert usdt["withdraw"]["enabled"] is True
    shown = (await person.post("/api/cashier/deposit", {"rail": "usdt_eth"})).body
    again = (await person.post("/api/cashier/deposit", {"rail": "usdt_eth"})).body
    others = (await other.post("/api/cashier/deposit", {"rail": "usdt_eth"})).body
    assert shown == again
    assert (shown["address"], others["address"]) == ("0xAb0", "0xAb1")
    assert (shown["tag"], shown["network"], shown["token"]) == (None, "ethereum", token)
    assert shown["uri"] == f"ethereum:{token}@1/transfer?address=0xAb0"
    third = await join(units=0)
    assert (await third.post("/api/cashier/deposit", {"rail": "usdt_eth"})).code == (
        "refusal.addresses_used_up"
    )


async def test_a_movement_says_how_far_its_chain_has_confirmed_it(join: Join, house):
    person = await join(units=0)
    async with house.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO deposits (player_id, rail, business_key, asset, units, tx_hash,"
                " account, sender, block, block_hash, confirmations, confirmations_wanted,"
                " sent_at, status, seen_at) SELECT id, 'usdt_eth', 'k', 2, 5000000, '0xaa', 'a',"
                " 's', 7, '0xb', 3, 12, now(), 'confirming', now() FROM players"
            )
        )
    (shown,) = (await person.get("/api/cashier/movements")).body["movements"]
    detail = shown["detail"]
    assert (detail["confirmations"], detail["confirmations_wanted"]) == ("3", "12")
    assert (detail["final"], detail["final_in"]) == (False, None)
    assert detail["network"] == "ethereum"
    assert detail["url"] == "https://etherscan.io/tx/0xaa"


async def test_no_more_confirmations_are_told_than_are_wanted(join: Join, house):
    person = await join(units=0)
    async with house.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO deposits (player_id, rail, business_key, asset, units, tx_hash,"
                " account, sender, block, block_hash, confirmations, confirmations_wanted,"
                " sent_at, status, seen_at) SELECT id, 'usdt_eth', stood, 2, 5000000, '', 'a',"
                " 's', 7, '0xb', 5, 3, now(), stood, now()"
                " FROM players, unnest(ARRAY['confirming', 'credited']) AS stood"
            )
        )
    shown = (await person.get("/api/cashier/movements")).body["movements"]
    told = [
        (one["detail"]["confirmations"], one["detail"]["confirmations_wanted"]) for one in shown
    ]
    assert told == [("3", "3"), ("3", "3")]


async def test_a_movement_says_that_it_waits_for_its_first_block(join: Join, house):
    person = await join(units=0)
    async with house.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO deposits (player_id, rail, business_key, asset, units, tx_hash,"
                " account, sender, confirmations_wanted, sent_at, status, seen_at)"
                " SELECT id, 'btc', 'k:0', 3, 5000000000, 'aa', 'a', '', 3, now(), 'seen', now()"
                " FROM players"
            )
        )
    (shown,) = (await person.get("/api/cashier/movements")).body["movements"]
    detail = shown["detail"]
    assert (shown["asset"], shown["status"]) == ("BTC", "seen")
    assert (detail["confirmations"], detail["confirmations_wanted"]) == ("0", "3")
    assert detail["url"] == "https://mempool.space/tx/aa"


async def test_a_quote_names_fee_and_net_and_how_long_it_holds(join: Join):
    person = await join()
    path = "/api/cashier/quote"
    quote = (await person.post(path, {"rail": "ton", "units": str(5 * TON)})).body
    assert (quote["fee"], quote["net"], quote["asset"]) == ("50000000", "4950000000", "TON")
    made, expires = (datetime.fromisoformat(quote[each]) for each in ("made_at", "expires_at"))
    assert expires - made == timedelta(minutes=10)
    for body, code in (
        ({"rail": "ton", "units": "1"}, "refusal.below_minimum"),
        ({"rail": "ton", "units": "x"}, "refusal.bad_amount"),
        ({"rail": "", "units": "1"}, "error.not_found"),
        ({"units": "1"}, "error.bad_request"),
    ):
        assert (await person.post(path, body)).code == code


async def test_a_quote_is_kept_and_used_once(join: Join, house):
    person, stranger = await join(), await join()
    asked = withdrawal(3 * TON)
    quoted = {"rail": "ton", "units": asked["units"]}
    mine = (await person.post("/api/cashier/quote", quoted)).body["id"]
    theirs = (await stranger.post("/api/cashier/quote", quoted)).body["id"]
    for wrong in (
        {"quote": theirs},
        {"quote": new_reference()},
        {"quote": mine, "units": str(4 * TON)},
    ):
        answer = await person.post("/api/cashier/withdraw", asked | wrong)
        assert answer.status in {404, 422}
        assert answer.code in {"refusal.quote_expired", "error.not_found"}
    async with house.transaction() as session:
        rail = await rails.get_rail(session, "ton")
        await rails.change_rail(
            session,
            rail=replace(rail, withdrawal_fee=2 * rail.withdrawal_fee),
            actor="staff:1",
            now=utc_now(),
        )
    made = (await person.post("/api/cashier/withdraw", asked | {"quote": mine})).body
    assert made["detail"]["fee"] == "50000000"
    again = asked | {"quote": mine, "reference": new_reference()}
    assert (await person.post("/api/cashier/withdraw", again)).code == "refusal.quote_expired"
    missing = await person.post("/api/cashier/withdraw", asked | {"reference": new_reference()})
    assert missing.code == "error.bad_request"
    assert await count_withdrawals(house) == 1


async def test_a_quote_runs_out(join: Join, house):
    person = await join()
    asked = withdrawal(3 * TON)
    quote = (
        await person.post("/api/cashier/quote", {"rail": "ton", "units": asked["units"]})
    ).body["id"]
    async with house.transaction() as session:
        await session.execute(
            text(
                "UPDATE withdrawal_quotes SET made_at = made_at - interval '11 minutes',"
                " expires_at = expires_at - interval '11 minutes'"
            )
        )
    answer = await person.post("/api/cashier/withdraw", asked | {"quote": quote})
    assert (answer.status, answer.code) == (422, "refusal.quote_expired")
    assert (await person.withdraw(asked)).status == 200
    assert await count_withdrawals(house) == 1


async def test_twenty_taps_on_confirm_make_one_withdrawal(start: Start, join: Join, house):
    first, second = await start(), await start()
    person = await join(at=first)
    elsewhere = Person(second, token=person.token)
    asked = withdrawal(30 * TON)
    answers = await asyncio.gather(*((person, elsewhere)[n % 2].withdraw(asked) for n in range(20)))
    assert [answer.status for answer in answers] == [200] * 20
    assert all(answer.body == answers[0].body for answer in answers)
    assert await count_withdrawals(house) == 1
    balances = (await person.get("/api/me")).body["balances"]
    assert balances[0] == {
        "asset": "TON",
        "cash": str(70 * TON),
        "bonus": "0",
        "reserved": str(30 * TON),
        "held": "0",
        "withdrawable": str(70 * TON),
        "not_final": "0",
    }


async def test_a_reference_used_for_something_else_is_a_conflict(join: Join, house):
    person = await join()
    asked = withdrawal(3 * TON)
    assert (await person.withdraw(asked)).status == 200
    answer = await person.withdraw(asked | {"units": str(4 * TON)})
    assert (answer.status, answer.code) == (409, "error.idempotency_conflict")
    other = await join()
    assert (await other.withdraw(asked)).status == 200
    assert await count_withdrawals(house) == 2


async def test_addresses_that_would_lose_coins_are_refused(join: Join, house):
    person = await join()
    payable = TonAddress(0, b"\x09" * 32)
    broken = payable.friendly()[:-1] + ("A" if payable.friendly()[-1] != "A" else "B")
    cases = [
        ("", "empty"),
        ("hello", "malformed"),
        (broken, "checksum"),
        ("0x96c1196029bB2fF87108fcEBCe195aD88cD38753", "other_network"),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "other_network"),
        ("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "other_network"),
        (HOT_WALLET, "own"),
        (TonAddress(0, b"\x07" * 32).raw, "own"),
        (TonAddress(-1, b"\x09" * 32).friendly(), "masterchain"),
        (TonAddress(0, bytes(32)).friendly(), "burn"),
    ]
    for destination, reason in cases:
        answer = await person.withdraw(withdrawal(TON, destination=destination))
        assert (destination, answer.status, answer.code) == (
            destination,
            422,
            "refusal.address_invalid",
        )
        assert answer.data["reason"] == reason
    assert await count_withdrawals(house) == 0
    assert await person.cash() == 100 * TON


async def test_an_address_is_checked_before_anything_is_asked_for(join: Join, house):
    person = await join()
    path = "/api/cashier/destination"
    payable = TonAddress(0, b"\x09" * 32)
    asked = {"rail": "ton", "destination": f" {payable.raw} "}
    assert (await person.post(path, asked)).body == {
        "rail": "ton",
        "destination": payable.friendly(),
    }
    for destination, memo, reason in (
        (HOT_WALLET, "", "own"),
        ("hello", "", "malformed"),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "", "other_network"),
        (payable.raw, "я" * 61, "memo"),
    ):
        answer = await person.post(path, {**asked, "destination": destination, "memo": memo})
        assert (answer.status, answer.code) == (422, "refusal.address_invalid")
        assert answer.data["reason"] == reason
    await person.post("/api/cashier/saved-only", {"on": True})
    assert (await person.post(path, asked)).code == "refusal.address_not_saved"
    assert (await person.post(path, {**asked, "rail": "nowhere"})).status == 404
    assert await count_withdrawals(house) == 0


async def test_a_mainnet_house_refuses_testnet_addresses(start: Start, join: Join):
    person = await join(at=await start(testnet=False))
    flagged = TonAddress(0, b"\x09" * 32).friendly(testnet=True)
    answer = await person.withdraw(withdrawal(TON, destination=flagged))
    assert answer.data == {"reason": "testnet", "wanted": "ton"}


async def test_amounts_that_cannot_be_withdrawn_are_refused(join: Join, house):
    person = await join()
    for units, code in (
        ("0", "refusal.bad_amount"),
        ("-5", "refusal.bad_amount"),
        (str(10**30), "refusal.bad_amount"),
        ("NaN", "refusal.bad_amount"),
        (str(TON // 10), "refusal.below_minimum"),
        (str(101 * TON), "refusal.insufficient_funds"),
    ):
        answer = await person.withdraw(withdrawal(units))
        assert (units, answer.status, answer.code) == (units, 422, code)
    bad = await person.withdraw(withdrawal(TON) | {"reference": "again"})
    assert bad.code == "refusal.stale_reference"
    assert await count_withdrawals(house) == 0


async def test_a_withdrawal_is_listed_and_taken_back_by_its_owner_only(join: Join, house):
    person, stranger = await join(), await join()
    made = (await person.withdraw(withdrawal(3 * TON))).body
    assert (made["status"], made["detail"]["net"]) == ("in_review", "2950000000")
    assert made["detail"]["cancellable"] is True
    listed = (await person.get("/api/cashier/movements")).body["movements"]
    assert [(one["id"], one["kind"], one["units"]) for one in listed] == [
        (made["id"], "withdrawal", str(3 * TON))
    ]
    assert listed[0]["detail"]["fee"] == "50000000"
    path = f"/api/cashier/withdrawals/{made['id']}/cancel"
    assert (await stranger.post(path)).status == 404
    assert (await person.post(path)).body["status"] == "cancelled"
    assert await person.cash() == 100 * TON
    listed = (await person.get("/api/cashier/movements")).body["movements"]
    assert listed[0]["detail"]["cancellable"] is False
    assert (await person.post("/api/cashier/withdrawals/x/cancel")).status == 404
    late = (await person.withdraw(withdrawal(3 * TON))).body["id"]
    async with house.transaction() as session:
        await session.execute(
            text("UPDATE withdrawals SET status = 'assigned' WHERE id = :id"),
            {"id": internal(late)},
        )
    answer = await person.post(f"/api/cashier/withdrawals/{late}/cancel")
    assert (answer.status, answer.code) == (422, "refusal.withdrawal_under_way")


async def test_a_deposit_that_goes_back_is_shown_and_not_the_players_to_stop(join: Join, house):
    person = await join(units=0)
    deposit = await held.stopped_deposit(house, person.player_id)
    owner = await cashbox.make_member(house)
    made = await held.send_back(house, deposit, owner)
    back, came = (await person.get("/api/cashier/movements")).body["movements"]
    assert (came["kind"], came["status"], came["id"]) == ("deposit", "returning", public(deposit))
    assert (back["kind"], back["status"]) == ("withdrawal", "in_review")
    assert (back["detail"]["returns"], back["detail"]["cancellable"]) == (True, False)
    assert back["detail"]["destination"] == cashbox.DESTINATION
    answer = await person.post(f"/api/cashier/withdrawals/{back['id']}/cancel")
    assert (answer.status, answer.code) == (422, "refusal.deposit_goes_back")
    await held.reject(house, made.id, owner)
    back, came = (await person.get("/api/cashier/movements")).body["movements"]
    assert (back["status"], came["status"]) == ("rejected", "held")


async def test_movements_come_in_pages(join: Join):
    person = await join()
    made = [(await person.withdraw(withdrawal(TON))).body["id"] for _ in range(3)]
    page = (await person.get("/api/cashier/movements?limit=2")).body["movements"]
    assert [one["id"] for one in page] == [made[2], made[1]]
    rest = await person.get(f"/api/cashier/movements?limit=2&before={page[-1]['id']}")
    assert [one["id"] for one in rest.body["movements"]] == [made[0]]
    for query in ("limit=0", "limit=51", "limit=x", "limit=-1"):
        assert (await person.get(f"/api/cashier/movements?{query}")).status == 400
    assert (await person.get("/api/cashier/movements?before=zzz")).status == 404
    assert (await person.get(f"/api/cashier/movements?before={new_reference()}")).status == 404

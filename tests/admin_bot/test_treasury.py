"""Hot and cold at the desk: numbers shown to whoever may see figures, set by owners alone."""

import pytest

from casino.cashier import cold_storage, house_addresses, thresholds
from casino.cashier.thresholds import Thresholds
from casino.clock import utc_now
from tests.admin_bot.office import Clerk, Office
from tests.casino.cashier.cashbox import HOT_WALLET, TON

RAIL = "TON · TON network"
RAW = "0:" + "ab" * 32


async def read(office: Office) -> Thresholds | None:
    async with office.database.transaction() as session:
        return await thresholds.read(session, rail="ton")


async def open_card(clerk: Clerk) -> None:
    await clerk.say("/menu")
    listed = await clerk.tap("Hot and cold")
    await clerk.tap(next(label for label in listed.labels if RAIL in label))


async def test_an_owner_sets_thresholds_and_switches_them_off(office: Office, olga: Clerk) -> None:
    await open_card(olga)
    card = await olga.last()
    assert "No thresholds" in card.text
    assert HOT_WALLET in card.text.replace(" ", ""), "where the house's own coins go"
    await olga.tap("Set thresholds…")
    sure = await olga.say(f"1.5 20 300 {RAW}")
    assert "Keep 20.00 TON" in sure.text
    assert await read(office) is None, "asked first"
    card = await olga.tap("Yes, set them")
    found = await read(office)
    assert found is not None
    assert (found.low_units, found.keep_units) == (TON * 3 // 2, 20 * TON)
    assert found.high_units == 300 * TON
    assert found.cold_address.startswith("UQ"), "one text for one address"
    assert "Move to cold storage above 300.00 TON" in card.text
    async with office.database.transaction() as session:
        await thresholds.observe(session, rail="ton", units=TON, block=9, now=utc_now())
    await office.settle()
    assert "Send 19.00 TON to this address" in (await olga.last()).text
    card = await olga.tap("Hot and cold")
    assert any("🔻" in label for label in card.labels)
    await open_card(olga)
    assert "Hot wallet alone: 1.00 TON (block 9)" in (await olga.last()).text
    await olga.tap("Switch thresholds off")
    assert await read(office) is None


@pytest.mark.parametrize(
    "words",
    ["1 2 3", f"3 2 1 {RAW}", f"1 2 x {RAW}", "1 2 3 nowhere", f"1 2 3 {HOT_WALLET}", "1 2 3 4 5"],
)
async def test_what_makes_no_sense_sets_nothing(office: Office, olga: Clerk, words: str) -> None:
    await open_card(olga)
    await olga.tap("Set thresholds…")
    said = await olga.say(words)
    assert "Yes, set them" not in said.labels
    assert await read(office) is None


async def test_others_look_and_set_nothing(pavel: Clerk, ada: Clerk) -> None:
    for clerk in (pavel, ada):
        await open_card(clerk)
        assert "Set thresholds…" not in (await clerk.last()).labels
        for data in ("hotask1|ton", "hotyes1|ton|1"):
            assert (await clerk.forge(data))["text"] == "Your roles do not allow this."


async def test_a_forgotten_draft_sets_nothing(office: Office, olga: Clerk) -> None:
    await open_card(olga)
    await olga.tap("Set thresholds…")
    await olga.say(f"1 2 3 {RAW}")
    for data in ("hotyes1|usdt_eth|0", "hotyes1|ton|0"):
        assert "no longer known" in (await olga.forge(data))["text"]
    assert await read(office) is None


async def test_an_owner_has_an_address_of_cold_storage_forgotten(
    office: Office, olga: Clerk, pavel: Clerk
) -> None:
    now, typo = utc_now(), "UQ" + "t" * 46
    async with office.database.transaction() as session:
        for rail in ("ton", "usdt_ton"):
            await cold_storage.keep_address(session, rail=rail, address=typo, now=now)
        wanted = Thresholds(TON, 2 * TON, 3 * TON, "UQ" + "c" * 46)
        await thresholds.change(session, rail="ton", thresholds=wanted, actor="staff:1", now=now)
    await olga.say("/menu")
    await olga.tap("Hot and cold")
    listed = await olga.tap("Addresses of cold storage")
    at_work = next(label for label in listed.labels if "🔒" in label)
    card = await olga.tap(at_work)
    assert "Cold storage is there now" in card.text
    assert card.labels == ("‹ Back",)
    refused = await olga.forge(f"coldno1|{wanted.cold_address[-24:]}")
    assert "Cold storage is there now" in refused["text"]
    await olga.tap("‹ Back")
    mistyped = next(label for label in listed.labels if label.endswith("…tttttt"))
    assert "USDT · TON network" in mistyped, "both rails"
    card = await olga.tap(mistyped)
    stale = card.data_of("Forget it, it is not ours")
    assert (await pavel.forge(stale))["text"] == "Your roles do not allow this."
    assert "anybody's address" in (await olga.answer("Forget it, it is not ours"))["text"]
    async with office.database.transaction() as session:
        await house_addresses.require_foreign(session, destination=typo)
        assert await cold_storage.addresses(session) == {wanted.cold_address}
    assert (await olga.forge(stale))["text"] == "There is no such thing (any more)."

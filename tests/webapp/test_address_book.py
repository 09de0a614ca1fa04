"""The address book over HTTP: canonical, the player's own, and the mode that pays to it only."""

from datetime import datetime, timedelta

from sqlalchemy import text

from payments.addresses import TonAddress
from tests.webapp.conftest import HOT_WALLET, Join
from tests.webapp.people import TON, withdrawal

PATH = "/api/cashier/addresses"
MINE = TonAddress(0, b"\x21" * 32)
OTHER = TonAddress(0, b"\x22" * 32)


def entry(address: str, *, label: str = "Mine", rail: str = "ton") -> dict[str, str]:
    return {"rail": rail, "destination": address, "label": label}


async def test_an_address_is_saved_once_in_whatever_form_renamed_and_removed(join: Join):
    person, stranger = await join(), await join()
    made = (await person.post(PATH, entry(MINE.raw))).body
    assert (made["destination"], made["label"], made["ready"]) == (MINE.friendly(), "Mine", False)
    assert (await person.post(PATH, entry(MINE.friendly(bounceable=True)))).body == made
    book = (await person.get(PATH)).body
    assert book == {
        "saved": [made],
        "paid": [],
        "saved_only": {"on": False, "ends_at": None},
        "cool_down_hours": 24,
    }
    one = f"{PATH}/{made['id']}"
    assert (await stranger.put(one, {"label": "Stolen"})).status == 404
    assert (await stranger.delete(one)).status == 404
    assert (await person.put(one, {"label": "Cold"})).body["label"] == "Cold"
    assert (await person.put(one, {"label": "  "})).code == "refusal.bad_choice"
    assert (await person.delete(one)).status == 200
    assert (await person.delete(one)).status == 404
    assert (await person.get(PATH)).body["saved"] == []


async def test_what_cannot_be_paid_is_not_saved(join: Join):
    person = await join()
    for address, reason in (
        (HOT_WALLET, "own"),
        ("hello", "malformed"),
        ("0x96c1196029bB2fF87108fcEBCe195aD88cD38753", "other_network"),
        (TonAddress(-1, b"\x09" * 32).friendly(), "masterchain"),
    ):
        answer = await person.post(PATH, entry(address))
        assert (answer.code, answer.data["reason"]) == ("refusal.address_invalid", reason)
    assert (await person.post(PATH, entry(MINE.raw, rail="nowhere"))).status == 404
    assert (await person.get(PATH)).body["saved"] == []


async def test_the_mode_bites_at_once_and_ends_a_day_later(join: Join, house):
    person = await join()
    old = (await person.post(PATH, entry(MINE.raw))).body
    async with house.transaction() as session:
        await session.execute(
            text("UPDATE saved_addresses SET saved_at = saved_at - interval '25 hours'")
        )
    new = (await person.post(PATH, entry(OTHER.raw, label="New"))).body
    on = (await person.post("/api/cashier/saved-only", {"on": True})).body
    assert on == {"on": True, "ends_at": None}
    paid = await person.withdraw(withdrawal(TON, destination=old["destination"]))
    assert paid.status == 200
    cooling = await person.withdraw(withdrawal(TON, destination=new["destination"]))
    assert (cooling.code, cooling.data["until"]) == ("refusal.address_cooling", new["ready_at"])
    unknown = await person.withdraw(withdrawal(TON))
    assert unknown.code == "refusal.address_not_saved"
    ending = (await person.post("/api/cashier/saved-only", {"on": False})).body
    left = datetime.fromisoformat(ending["ends_at"]) - datetime.fromisoformat(new["ready_at"])
    assert ending["on"] is True
    assert timedelta(0) <= left < timedelta(minutes=1)
    assert (await person.withdraw(withdrawal(TON))).code == "refusal.address_not_saved"
    assert (await person.post("/api/cashier/saved-only", {"on": True})).body == on

"""The receipt of a round as its player downloads it, and the key that anybody may ask for."""

import json

from casino.betting import receipt_signer
from casino.betting.receipt_roots import HouseKey
from casino.ids import new_reference
from casino.worker.signing import sign_all
from games.receipts import check
from tests.webapp.conftest import Join, Start
from tests.webapp.people import Person, bet

KEY = HouseKey(bytes(range(32)))


async def test_a_player_downloads_a_receipt_that_proves_itself(join: Join, house):
    async with house.transaction() as session:
        await receipt_signer.register(session, KEY)
    person, stranger = await join(), await join()
    played = (await person.post("/api/play/dice", bet())).body
    path = f"/api/rounds/{played['round_id']}/receipt"
    fresh = (await person.get(path)).body
    assert (fresh["signed"], fresh["server_seed"]) == (None, None)
    assert fresh["round_id"] == played["round_id"]
    await sign_all(house, KEY)
    await person.post("/api/fairness/rotate", {"reference": new_reference()})
    answer = await person.client.get(path, headers={"Authorization": f"Bearer {person.token}"})
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="fairhouse-receipt-{played["round_id"]}.json"'
    )
    proof = check(json.loads(await answer.text()), public_key=KEY.public_key)
    assert (proof.round_id, proof.open) == (played["round_id"], ())
    detail = (await person.get(f"/api/rounds/{played['round_id']}")).body
    assert detail["receipt"] == fresh["content"]
    assert detail["receipt_hash"] == fresh["hash"]
    assert (await stranger.get(path)).status == 404


async def test_whoever_has_the_hash_downloads_without_a_login(join: Join, start: Start):
    person, anybody = await join(), Person(await start())
    played = (await person.post("/api/play/dice", bet())).body
    path = f"/api/rounds/{played['round_id']}"
    known = (await person.get(path)).body["receipt_hash"]
    answer = await anybody.client.get(f"/receipts/{played['round_id']}/{known}")
    assert await answer.json() == (await person.get(f"{path}/receipt")).body
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://web.telegram.org"
    other = (await person.post("/api/play/dice", bet())).body["round_id"]
    for wrong in (
        f"{played['round_id']}/{known[:-1]}{int(known[-1], 16) ^ 1:x}",
        f"{other}/{known}",
    ):
        assert (await anybody.get(f"/receipts/{wrong}")).status == 404


async def test_an_open_round_has_no_receipt(join: Join):
    person = await join()
    asked = {
        "game": "mines",
        "asset": "TON",
        "stake": "1000000000",
        "choice": {"mines": 24},
        "reference": new_reference(),
    }
    opened = (await person.post("/api/rounds", asked)).body
    assert opened["status"] == "open"
    assert (await person.get(f"/api/rounds/{opened['round_id']}/receipt")).status == 404


async def test_the_house_key_is_shown_to_anybody(start: Start, house):
    anybody = Person(await start())
    assert (await anybody.get("/api/fairness/house-key")).body == {
        "algorithm": "Ed25519",
        "keys": [],
    }
    async with house.transaction() as session:
        await receipt_signer.register(session, KEY)
    [key] = (await anybody.get("/api/fairness/house-key")).body["keys"]
    assert (key["key_id"], key["public_key"]) == (KEY.key_id, KEY.public_key.hex())
    assert (await anybody.get("/api/fairness")).status == 401

"""Mines over HTTP: a round survives a reload, shows no mine before its end, and proves itself."""

import asyncio
from fractions import Fraction

from casino.betting.fairness import Seeds, commitment
from casino.ids import new_reference
from games.registry import STEPS
from tests.webapp.conftest import Join, Start
from tests.webapp.people import TON, Person, bet


def opening(mines: int = 3, **more):
    return {
        "game": "mines",
        "asset": "TON",
        "stake": str(TON),
        "choice": {"mines": mines},
        "reference": new_reference(),
    } | more


def step(tile: object) -> dict[str, object]:
    return {"action": {"tile": tile}, "reference": new_reference()}


async def test_a_round_is_opened_played_cashed_out_and_proven(join: Join):
    person = await join()
    opened = (await person.post("/api/rounds", opening(1))).body
    assert (opened["status"], opened["view"], opened["payout"]) == ("open", {"opened": []}, None)
    assert (opened["cash_out_units"], opened["balance"]) == (str(TON), str(99 * TON))
    assert opened["next"]["multiplier"] == {"n": "33", "d": "32"}
    path = f"/api/rounds/{opened['round_id']}"
    # What the player sees after a reload is what he saw before.
    assert (await person.get("/api/rounds/open")).body["rounds"][0]["round_id"] == opened[
        "round_id"
    ]
    assert (await person.get("/api/me")).body["open_rounds"][0]["view"] == {"opened": []}

    stepped = (await person.post(f"{path}/act", step(7))).body
    if stepped["status"] == "open":
        assert stepped["view"] == {"opened": [7]}
        assert stepped["cash_out_units"] == opened["next"]["payout"]
        ended = (await person.post(f"{path}/cash-out", {"reference": new_reference()})).body
        assert int(ended["payout"]) == TON * 33 // 32
    else:
        ended = stepped
        assert ended["payout"] == "0"
    assert ended["status"] == "settled"
    assert len(ended["view"]["mines"]) == 1
    assert int(ended["balance"]) == 99 * TON + int(ended["payout"]) == await person.cash()

    late = await person.post(f"{path}/act", step(8))
    assert (late.status, late.code) == (422, "refusal.round_closed")
    before = (await person.get(path)).body
    assert before["seed"]["server_seed"] is None
    rotation = (await person.post("/api/fairness/rotate", {"reference": new_reference()})).body
    detail = (await person.get(path)).body
    seed = detail["seed"]
    assert seed["server_seed"] == rotation["revealed"]["server_seed"]
    assert commitment(seed["server_seed"]) == opened["seed"]["commitment"]
    stream = Seeds(seed["server_seed"], seed["client_seed"], seed["nonce"]).stream()
    assert list(STEPS["mines"].secret({"mines": 1}, stream)) == detail["outcome"]["mines"]
    assert detail["algorithm"] == "mines/1"
    assert len(detail["receipt_hash"]) == 64


async def test_a_step_sent_again_is_the_same_step(start: Start, join: Join):
    first, second = await start(), await start()
    person = await join(at=first)
    elsewhere = Person(second, token=person.token)
    opened = (await person.post("/api/rounds", opening(1))).body
    path = f"/api/rounds/{opened['round_id']}"
    asked = step(3)
    answers = await asyncio.gather(
        *((person, elsewhere)[n % 2].post(f"{path}/act", asked) for n in range(8))
    )
    assert [answer.status for answer in answers] == [200] * 8
    assert all(answer.body["view"] == answers[0].body["view"] for answer in answers)
    assert answers[0].body["view"]["opened"] == [3]


async def test_no_open_view_ever_shows_a_mine(join: Join):
    person = await join()
    opened = (await person.post("/api/rounds", opening(24))).body
    listed = (await person.get("/api/rounds")).body["rounds"][0]
    detail = (await person.get(f"/api/rounds/{opened['round_id']}")).body
    for shown in (opened, (await person.get("/api/rounds/open")).body["rounds"][0]):
        assert shown["view"] == {"opened": []}
    assert (listed["status"], listed["outcome"], listed["payout"]) == ("open", None, None)
    assert (detail["outcome"], detail["receipt"], detail["seed"]["server_seed"]) == (
        None,
        None,
        None,
    )


async def test_rounds_are_played_by_their_owner_only(join: Join):
    person, stranger = await join(), await join()
    opened = (await person.post("/api/rounds", opening())).body
    path = f"/api/rounds/{opened['round_id']}"
    assert (await stranger.get(path)).status == 404
    assert (await stranger.post(f"{path}/act", step(1))).status in {404, 422}
    out = await stranger.post(f"{path}/cash-out", {"reference": new_reference()})
    assert out.status in {404, 422}
    assert (await person.get("/api/rounds/open")).body["rounds"][0]["view"] == {"opened": []}


async def test_steps_that_the_round_does_not_offer_are_refused(join: Join):
    person = await join()
    assert (await person.post("/api/rounds", opening(0))).code == "refusal.bad_choice"
    assert (await person.post("/api/rounds", opening(game="dice"))).status == 404
    assert (await person.post("/api/rounds", opening(stake="0"))).code == "refusal.bad_amount"
    opened = (await person.post("/api/rounds", opening())).body
    again = await person.post("/api/rounds", opening())
    assert (again.status, again.code) == (422, "refusal.round_closed")
    path = f"/api/rounds/{opened['round_id']}"
    for tile in (25, -1, "1", 1.5, None, True, 10**30, [1]):
        answer = await person.post(f"{path}/act", step(tile))
        assert (tile, answer.status, answer.code) == (tile, 422, "refusal.bad_choice")
    assert (await person.post("/api/rounds/zzz/act", step(1))).status == 404
    unknown = await person.post(f"/api/rounds/{new_reference()}/act", step(1))
    assert unknown.status == 404


async def test_seeds_wait_for_an_open_round(join: Join):
    person = await join()
    opened = (await person.post("/api/rounds", opening())).body
    assert (await person.get("/api/fairness")).body["open_round"] == opened["round_id"]
    answer = await person.post("/api/fairness/rotate", {"reference": new_reference()})
    assert (answer.code, answer.data) == ("refusal.seed_in_use", {"round": opened["round_id"]})


async def test_a_rotation_reveals_what_was_committed_and_is_done_once(join: Join):
    person = await join()
    for _ in range(2):
        assert (await person.post("/api/play/dice", bet())).status == 200
    before = (await person.get("/api/fairness")).body
    assert before["nonce"] == 2
    asked = {"reference": new_reference(), "client_seed": "my-seed"}
    first, again = [await person.post("/api/fairness/rotate", asked) for _ in range(2)]
    assert first.body == again.body
    revealed, current = first.body["revealed"], first.body["current"]
    assert commitment(revealed["server_seed"]) == revealed["commitment"] == before["commitment"]
    assert revealed["rounds"] == 2
    assert (current["commitment"], current["client_seed"]) == (before["next_commitment"], "my-seed")
    listed = (await person.get("/api/fairness/revealed")).body["revealed"]
    assert [one["pair_id"] for one in listed] == [revealed["pair_id"]]
    for client_seed in ("a b", "a:b", "é", "x" * 65, "\u0000"):
        body = {"reference": new_reference(), "client_seed": client_seed}
        assert (await person.post("/api/fairness/rotate", body)).code == "refusal.bad_choice"


async def test_rounds_come_in_pages_newest_first(join: Join):
    person = await join()
    made = [(await person.post("/api/play/dice", bet())).body["round_id"] for _ in range(3)]
    page = (await person.get("/api/rounds?limit=2")).body["rounds"]
    assert [one["round_id"] for one in page] == [made[2], made[1]]
    rest = (await person.get(f"/api/rounds?before={made[1]}")).body["rounds"]
    assert [one["round_id"] for one in rest] == [made[0]]
    multiplier = page[0]["multiplier"]
    assert Fraction(int(multiplier["n"]), int(multiplier["d"])) in {Fraction(0), Fraction(99, 50)}

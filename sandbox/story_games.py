"""The part of the story that is play: seeds, rounds, proofs and receipts."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from casino.betting.fairness import Seeds, commitment
from casino.ids import new_reference
from games.receipts import NotProven, check
from games.verify import verify
from sandbox.genesis import TON, USDT
from sandbox.visitor import StoryFailed

if TYPE_CHECKING:
    from sandbox.story_scene import Json, Story

ROLLS = 5
SIGNED_SECONDS = 15
EVEN = {"target": 5050, "over": True}


async def choose_my_own_client_seed(story: Story) -> Json:
    """Rotate before the first bet: the next commitment is promoted."""
    before = await story.mini_app.call("GET", "/api/fairness")
    rotated = await story.mini_app.call(
        "POST", "/api/fairness/rotate", client_seed="smoke-seed", reference=new_reference()
    )
    if rotated["current"]["commitment"] != before["next_commitment"]:
        raise StoryFailed("the pair that was committed to was not promoted")
    return {"commitment": rotated["current"]["commitment"]}


async def play_dice(story: Story) -> Json:
    """Rolls in both assets; a repeat of a reference is answered with the same round."""
    rounds = []
    for number in range(ROLLS):
        asset, stake = ("TON", TON // 10) if number % 2 == 0 else ("USDT", USDT)
        body = {
            "asset": asset,
            "stake": str(stake),
            "choice": EVEN,
            "reference": new_reference(),
        }
        told = await story.mini_app.call("POST", "/api/play/dice", **body)
        again = await story.mini_app.call("POST", "/api/play/dice", **body)
        if again["round_id"] != told["round_id"] or not again["replayed"]:
            raise StoryFailed("a repeated reference played twice")
        rounds.append(told)
    story.facts["rounds"] = rounds
    return {"rolls": [one["outcome"]["roll"] for one in rounds]}


async def play_mines(story: Story) -> Json:
    """Open a round, come back to it as after a reload, open a tile, cash out if it was safe."""
    app = story.mini_app
    opened = await app.call(
        "POST",
        "/api/rounds",
        game="mines",
        asset="TON",
        stake=str(TON // 2),
        choice={"mines": 1},
        reference=new_reference(),
    )
    found = await app.call("GET", "/api/rounds/open")
    if [one["round_id"] for one in found["rounds"]] != [opened["round_id"]]:
        raise StoryFailed(f"the open round was not found again: {found}")
    path = f"/api/rounds/{opened['round_id']}"
    step = await app.call("POST", f"{path}/act", action={"tile": 12}, reference=new_reference())
    if step["status"] == "open":
        step = await app.call("POST", f"{path}/cash-out", reference=new_reference())
    if step["status"] != "settled":
        raise StoryFailed(f"the round did not end: {step}")
    return {"payout": step["payout"], "view": step["view"]}


async def verify_my_rounds(story: Story) -> Json:
    """Reveal the seed and recompute every roll without asking the house."""
    rotated = await story.mini_app.call("POST", "/api/fairness/rotate", reference=new_reference())
    pair = rotated["revealed"]
    if commitment(pair["server_seed"]) != pair["commitment"]:
        raise StoryFailed("the revealed seed breaks its commitment")
    for round_ in story.facts["rounds"]:
        seeds = Seeds(pair["server_seed"], pair["client_seed"], round_["seed"]["nonce"])
        if verify("dice", seeds, EVEN)["outcome"] != round_["outcome"]["roll"]:
            raise StoryFailed(f"round {round_['round_id']} does not recompute")
    return {"rounds": len(story.facts["rounds"])}


async def check_my_receipts(story: Story) -> Json:
    """Download the receipt of every roll and check it with nothing but the published key."""
    published = await story.mini_app.call("GET", "/api/fairness/house-key")
    key = bytes.fromhex(published["keys"][0]["public_key"])
    proof = None
    for round_ in story.facts["rounds"]:
        path = f"/api/rounds/{round_['round_id']}/receipt"
        receipt = await story.mini_app.call("GET", path)
        deadline = time.monotonic() + SIGNED_SECONDS
        while receipt["signed"] is None and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            receipt = await story.mini_app.call("GET", path)
        try:
            proof = check(receipt, public_key=key)
        except NotProven as fault:
            raise StoryFailed(f"receipt of {round_['round_id']}: {fault}") from fault
        if proof.open:
            raise StoryFailed(f"receipt of {round_['round_id']} leaves open: {proof.open}")
    return {"receipts": len(story.facts["rounds"]), "key_id": proof.key_id if proof else None}

"""The story of a newcomer, from /start to a confirmed withdrawal, told step by step over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from casino.betting.fairness import Seeds, commitment
from casino.errors import CasinoError
from casino.ids import new_reference
from games.receipts import NotProven, check
from games.verify import verify
from payments.addresses import parse_ton
from sandbox.casino_processes import ROOT
from sandbox.genesis import TON, USDT
from sandbox.visitor import Player, StoryFailed, Visitor, text_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.stage import Stage

Json = dict[str, Any]

ANN, OLGA = 1001, 9001
PLAYERS_BOT, OPERATORS_BOT = "fairhouse_bot", "fairhouse_desk_bot"
DEPOSIT = 20 * TON
WITHDRAWAL = "5"
NET = 4_950_000_000
ROLLS = 5
SIGNED_SECONDS = 15
EVEN = {"target": 5050, "over": True}


@dataclass(slots=True)
class Story:
    """What the teller remembers between steps."""

    stage: Stage
    http: aiohttp.ClientSession
    facts: Json = field(default_factory=dict)
    app: Player | None = None

    @property
    def ann(self) -> Visitor:
        """The player."""
        return Visitor(self.http, self.stage, ANN, PLAYERS_BOT)

    @property
    def olga(self) -> Visitor:
        """The owner, in the operators' bot."""
        return Visitor(self.http, self.stage, OLGA, OPERATORS_BOT)

    @property
    def mini_app(self) -> Player:
        """The app that was opened in an earlier step."""
        if self.app is None:
            raise StoryFailed("the Mini App was not opened")
        return self.app


async def tell(stage: Stage, out: Callable[[str], None]) -> bool:
    """Tell every step; prints a JSON line for each with its outcome, True if all went well."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as http:
        story = Story(stage, http)
        for number, step in enumerate(STEPS, 1):
            began = time.monotonic()
            line: Json = {"step": number, "name": step.__name__}
            try:
                line |= {"ok": True, **(await step(story) or {})}
            except (StoryFailed, CasinoError, aiohttp.ClientError, TimeoutError, KeyError) as error:
                line |= {"ok": False, "error": f"{type(error).__name__}: {error}"}
            line["seconds"] = round(time.monotonic() - began, 1)
            out(json.dumps(line, ensure_ascii=False))
            if not line["ok"]:
                return False
    return True


async def start_the_bot(story: Story) -> Json:
    """Press Start, state the age, accept the terms."""
    await story.ann.start("ref_smoke")
    await story.ann.tap("I am 18 or older and accept the terms")
    await story.ann.sees("You have", button="Deposit")
    return {}


async def ask_where_to_deposit(story: Story) -> Json:
    """Deposit, TON: the address and the comment."""
    await story.ann.tap("Deposit")
    await story.ann.tap("TON · TON network")
    text = text_of(await story.ann.sees("Comment:"))
    address, tag = re.search(r"[UE]Q[\w-]{46}", text), re.search(r"Comment: (\S+)", text)
    if address is None or tag is None:
        raise StoryFailed(f"no address and comment in: {text}")
    story.facts |= {"address": address[0], "tag": tag[1]}
    return {"address": address[0], "tag": tag[1]}


async def deposit_from_my_wallet(story: Story) -> Json:
    """Send coins with the comment and wait until they have arrived."""
    await story.ann.send_coins(
        asset="TON", to=story.facts["address"], comment=story.facts["tag"], units=DEPOSIT
    )
    await story.ann.sees("20.00 TON has arrived")
    return {"units": DEPOSIT}


async def draw_play_dollars(story: Story) -> Json:
    """The faucet credits the second asset on the same path."""
    await story.ann.send_coins(asset="USDT", to="faucet", comment="", units=100 * USDT)
    await story.ann.sees("100.00 USDT has arrived")
    return {"units": 100 * USDT}


async def log_in_to_the_mini_app(story: Story) -> Json:
    """Open the app; the balance is there."""
    story.app = await story.ann.open_app()
    me = await story.app.call("GET", "/api/me")
    cash = {one["asset"]: int(one["cash"]) for one in me["balances"]}
    if (cash["TON"], cash["USDT"]) != (DEPOSIT, 100 * USDT):
        raise StoryFailed(f"unexpected balances: {cash}")
    return {"balances": {asset: str(units) for asset, units in cash.items()}}


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


async def set_a_loss_limit(story: Story) -> Json:
    """A daily limit in the bot, seen in the app."""
    await story.ann.say("/limits")
    await story.ann.tap("Loss limit")
    await story.ann.tap("Day")
    await story.ann.tap("100.00 EUR")
    shown = await story.mini_app.call("GET", "/api/limits")
    loss = [one for one in shown["limits"] if (one["kind"], one["window"]) == ("loss", "day")]
    if not loss or loss[0]["units"] != "100000000":
        raise StoryFailed(f"the limit is not there: {shown}")
    return {"limit": loss[0]}


async def send_a_document(story: Story) -> Json:
    """The passport goes in; staff are told."""
    await story.ann.say("/verify")
    await story.ann.tap("Passport")
    await story.ann.upload("passport.png", sample_picture())
    await story.ann.sees("Received: Passport")
    return {}


async def request_a_withdrawal(story: Story) -> Json:
    """Amount, address, check screen; the confirm button tapped many times at once."""
    story.facts["wallet"] = story.stage.bar.address_of(ANN)
    await story.ann.say("/withdraw")
    await story.ann.tap("TON · TON network", containing="withdraw")
    await story.ann.sees("Write the amount")
    await story.ann.say(WITHDRAWAL)
    await story.ann.sees("Now send the address")
    await story.ann.say(story.facts["wallet"])
    check = await story.ann.sees("Check the withdrawal", button="Confirm the withdrawal")
    taps = [story.ann.press("Confirm the withdrawal", check) for _ in range(20)]
    await asyncio.gather(*taps)
    await story.ann.sees("Withdrawal of 5.00 TON requested")
    moves = await story.mini_app.call("GET", "/api/cashier/movements")
    asked = [one for one in moves["movements"] if one["kind"] == "withdrawal"]
    if len(asked) != 1:
        raise StoryFailed(f"{len(asked)} withdrawals were requested instead of one")
    return {"withdrawal": asked[0]["id"], "taps": len(taps)}


async def the_owner_raises_the_level(story: Story) -> Json:
    """Switch to the owner: the document's card, level 1."""
    await story.olga.start()
    await story.olga.tap("Verification")
    await story.olga.tap("Ann")
    await story.olga.tap("Level 1", containing="Raise")
    await story.ann.sees("You are verified")
    return {}


async def the_owner_approves(story: Story) -> Json:
    """The withdrawal's card: facts, then Approve."""
    await story.olga.say("/menu")
    await story.olga.tap("Withdrawals")
    await story.olga.tap("5.00 TON")
    card = await story.olga.sees("Pay 5.00 TON", button="Approve")
    await story.olga.tap("Approve", containing="Pay 5.00 TON")
    await story.ann.sees("Withdrawal of 5.00 TON approved")
    return {"card": text_of(card).splitlines()[0]}


async def the_withdrawal_is_confirmed(story: Story) -> Json:
    """Switch back: sent, then confirmed; the coins are in the wallet, once."""
    await story.ann.sees("TON is paid", "The chain has confirmed it")
    received = await paid_to(story, story.facts["wallet"])
    if received != [NET]:
        raise StoryFailed(f"the wallet received {received}, expected [{NET}]")
    return {"received": received}


async def the_books_balance(story: Story) -> Json:
    """Reconcile and the audit chain, run as an operator would."""
    reports = {}
    for name, arguments in (
        ("ledger", ("-m", "casino.ledger", "reconcile")),
        ("audit", ("-m", "casino.audit", "verify")),
    ):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=Path(ROOT),
            env=story.stage.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, trouble = await process.communicate()
        if process.returncode:
            raise StoryFailed(f"{name}: {said.decode()} {trouble.decode()[-500:]}")
        reports[name] = json.loads(said)
    return {
        "sums": reports["ledger"]["sums"],
        "differences": len(reports["ledger"]["differences"]),
        "audit_lines": reports["audit"]["lines"],
    }


STEPS: tuple[Callable[[Story], Awaitable[Json]], ...] = (
    start_the_bot,
    ask_where_to_deposit,
    deposit_from_my_wallet,
    draw_play_dollars,
    log_in_to_the_mini_app,
    choose_my_own_client_seed,
    play_dice,
    play_mines,
    verify_my_rounds,
    check_my_receipts,
    set_a_loss_limit,
    send_a_document,
    request_a_withdrawal,
    the_owner_raises_the_level,
    the_owner_approves,
    the_withdrawal_is_confirmed,
    the_books_balance,
)


async def paid_to(story: Story, address: str) -> list[int]:
    """What the house's wallet paid to an address, read from the chain itself."""
    house = parse_ton(story.facts["address"], testnet=True).raw.upper()
    url = f"{story.stage.chain.url}/api/v3/transactions"
    query = {"account": address, "sort": "asc", "limit": "100"}
    async with story.http.get(url, params=query) as response:
        found = (await response.json())["transactions"]
    return [
        int(one["in_msg"]["value"])
        for one in found
        if one.get("in_msg") and (one["in_msg"].get("source") or "").upper() == house
    ]


def sample_picture() -> bytes:
    """A small but real PNG: what a person's camera would send."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    header = (64).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    rows = (b"\0" + b"\x18\xa6\x72" * 64) * 64
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )

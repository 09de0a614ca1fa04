"""The part of the story that is money: deposits and withdrawals on every rail."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from payments.addresses import parse_ton
from sandbox.story_scene import ANN
from sandbox.visitor import PATIENCE_SECONDS, StoryFailed, text_of

if TYPE_CHECKING:
    from sandbox.story_scene import Json, Story

# An address of TON may end with a hyphen, after which there is no border of a word.
ADDRESS = re.compile(
    r"(?<![\w-])(?:[UE]Q[\w-]{46}|0x[0-9a-fA-F]{40}|bcrt1[0-9a-z]{39,59})(?![\w-])"
)
MANY_TAPS, SOME_TAPS = 20, 5


@dataclass(frozen=True, slots=True)
class Way:
    """A rail as the newcomer uses it. `units` and `net` are of his wallet, amounts as people read
    them; `blocks` are the confirmations that such a deposit waits for, None where one final block
    is all there is."""

    rail: str
    button: str
    asset: str
    units: int
    arrives: str
    blocks: int | None
    withdraws: str
    shown: str


WAYS = (
    Way("ton", "TON · TON network", "TON", 20 * 10**9, "20.00 TON", None, "5", "5.00 TON"),
    Way("usdt_ton", "USDT · TON", "USDT", 100 * 10**6, "100.00 USDT", None, "20", "20.00 USDT"),
    Way("usdt_eth", "USDT · Ethereum", "USDT", 150 * 10**6, "150.00 USDT", 3, "40", "40.00 USDT"),
    Way("btc", "BTC · Bitcoin", "BTC", 5 * 10**6, "0.05 BTC", 2, "0.002", "0.002 BTC"),
)


async def ask_where_to_deposit(story: Story) -> Json:
    """Deposit, each rail of the menu: the address, and on TON the comment."""
    told = {}
    for way in WAYS:
        await story.ann.say("/deposit")
        await story.ann.tap(way.button, containing="What would you like to send?")
        words = (way.button, "Minimum:") if way.blocks else (way.button, "Comment:")
        text = text_of(await story.ann.sees(*words, button="Copy address"))
        address, tag = ADDRESS.search(text), re.search(r"Comment: (\S+)", text)
        if address is None or (tag is None) is (way.blocks is None):
            raise StoryFailed(f"no address, or a wrong comment, in: {text}")
        told[way.rail] = {"to": address[0], "comment": tag[1] if tag else ""}
    if len({one["to"] for one in told.values()}) != len(WAYS) - 1:
        raise StoryFailed(f"coins and dollars share an address on TON and nowhere else: {told}")
    story.facts["told"] = told
    return told


async def deposit_from_my_wallets(story: Story) -> Json:
    """Send from all four wallets at once and watch until everything has arrived."""
    took = await asyncio.gather(*(_deposit(story, way) for way in WAYS))
    return {"arrived_after": dict(zip((way.rail for way in WAYS), took, strict=True))}


async def see_the_blocks_counted(story: Story) -> Json:
    """The app tells how many blocks a deposit had and needed; what was sent is in the balance."""
    counted = {}
    for way in WAYS:
        detail = (await _movement(story, "deposit", way.rail))["detail"]
        wanted = detail.get("confirmations_wanted")
        if way.blocks is not None and int(wanted or 0) != way.blocks:
            raise StoryFailed(f"{way.rail} waits for {wanted} blocks instead of {way.blocks}")
        counted[way.rail] = story.facts["watched"].get(way.rail, [])
    me = await story.mini_app.call("GET", "/api/me")
    cash = {one["asset"]: int(one["cash"]) for one in me["balances"]}
    if cash != {"TON": 20 * 10**9, "USDT": 250 * 10**6, "BTC": 5 * 10**9}:
        raise StoryFailed(f"unexpected balances: {cash}")
    return {"seen": counted, "balances": {asset: str(units) for asset, units in cash.items()}}


async def request_withdrawals(story: Story) -> Json:
    """On each rail amount, address, check screen; the confirm button tapped many times at once."""
    asked: dict[str, str] = {}
    story.facts["held"] = {}
    for way in WAYS:
        wallet = story.stage.bar.purse_of(ANN).on(way.rail)
        story.facts["held"][way.rail] = await wallet.balance()
        await story.ann.say("/withdraw")
        await story.ann.tap(way.button, containing="What would you like to withdraw?")
        await story.ann.sees(f"Write the amount in {way.asset}")
        await story.ann.say(way.withdraws)
        await story.ann.sees(f"Withdraw {way.shown}", way.button)
        await story.ann.say(wallet.address)
        words = f"Check the withdrawal of {way.shown}"
        check = await story.ann.sees(words, button="Confirm the withdrawal")
        taps = SOME_TAPS if asked else MANY_TAPS
        pressed = [story.ann.press("Confirm the withdrawal", check) for _ in range(taps)]
        await asyncio.gather(*pressed)
        await story.ann.sees(f"Withdrawal of {way.shown} requested")
        asked[way.rail] = (await _movement(story, "withdrawal", way.rail))["id"]
    return {"withdrawals": asked, "taps_at_once": MANY_TAPS}


async def the_owner_approves(story: Story) -> Json:
    """The card of each withdrawal: facts, then Approve."""
    cards = []
    for way in WAYS:
        await story.olga.say("/menu")
        await story.olga.tap("Withdrawals")
        await story.olga.tap(way.shown)
        card = await story.olga.sees(f"Pay {way.shown}", button="Approve")
        await story.olga.tap("Approve", containing=f"Pay {way.shown}")
        await story.ann.sees(f"Withdrawal of {way.shown} approved")
        cards.append(text_of(card).splitlines()[0])
    return {"cards": cards}


async def the_withdrawals_are_confirmed(story: Story) -> Json:
    """Each is sent and confirmed, and its coins are in the wallet, to the unit and once."""
    received = await asyncio.gather(*(_paid(story, way) for way in WAYS))
    return {"received": dict(zip((way.rail for way in WAYS), received, strict=True))}


async def _deposit(story: Story, way: Way) -> float:
    """Send and watch; the seconds until it had arrived."""
    began = time.monotonic()
    asked = story.facts["told"][way.rail]
    sending = story.ann.send_coins(rail=way.rail, units=way.units, **asked)
    await asyncio.gather(sending, _watch(story, way))
    return round(time.monotonic() - began, 1)


async def _watch(story: Story, way: Way) -> None:
    """Note what the app tells of a deposit until the bot says that it has arrived."""
    seen: list[str] = story.facts.setdefault("watched", {}).setdefault(way.rail, [])
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = await _movements(story, "deposit", way.rail)
        if found:
            detail = found[0]["detail"]
            wanted = detail.get("confirmations_wanted")
            told = f"{detail.get('confirmations')} of {wanted}" if wanted else found[0]["status"]
            if told not in seen:
                seen.append(told)
            if found[0]["status"] == "credited":
                break
        await asyncio.sleep(0.1)
    await story.ann.sees(f"{way.arrives} has arrived")


async def _paid(story: Story, way: Way) -> str:
    """Wait until a withdrawal is confirmed; what came to the wallet, as a decimal string."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := await _movement(story, "withdrawal", way.rail))["status"] != "confirmed":
        if time.monotonic() > deadline:
            raise StoryFailed(f"the withdrawal on {way.rail} is still {found['status']}")
        await asyncio.sleep(0.2)
    wallet = story.stage.bar.purse_of(ANN).on(way.rail)
    net = int(found["detail"]["net"])
    if way.rail == "btc":
        net //= 1000  # the book counts thousandths of a satoshi
    if way.rail == "ton":
        came = await _sent_by_the_house(story, wallet.address)
        if came != [net]:
            raise StoryFailed(f"the wallet received {came}, expected [{net}]")
    elif (came_units := await wallet.balance() - story.facts["held"][way.rail]) != net:
        raise StoryFailed(f"{way.rail}: the wallet received {came_units}, expected {net}")
    return str(net)


async def _movement(story: Story, kind: str, rail: str) -> Json:
    found = await _movements(story, kind, rail)
    if len(found) != 1:
        raise StoryFailed(f"{len(found)} times {kind} on {rail} instead of once")
    return found[0]


async def _movements(story: Story, kind: str, rail: str) -> list[Json]:
    told = await story.mini_app.call("GET", "/api/cashier/movements")
    return [
        one for one in told["movements"] if (one["kind"], one["detail"]["rail"]) == (kind, rail)
    ]


async def _sent_by_the_house(story: Story, address: str) -> list[int]:
    """What the house's wallet paid to an address, read from the chain itself: other coins come to
    this wallet too, such as what dollars bring along."""
    house = parse_ton(story.facts["told"]["ton"]["to"], testnet=True).raw.upper()
    rpc = story.stage.chains.ton_rpc
    found = (await rpc.index("transactions", account=address, sort="asc", limit=100))[
        "transactions"
    ]
    return [
        int(one["in_msg"]["value"])
        for one in found
        if one.get("in_msg") and (one["in_msg"].get("source") or "").upper() == house
    ]

"""The page in a real browser: a newcomer starts the bot, sends coins, plays in the frame."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from casino.nursery import Nursery
from sandbox.setup.system import find_chromium
from sandbox.telegram.app import build_app
from sandbox.telegram.errors import ActError
from sandbox.telegram.world import default_world
from tests.sandbox.telegram.conftest import ANN, Server

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)
Json = dict[str, Any]
ADDRESS = "UQDWA1BUVfqndJ-9cImgi_kGScNfhJ8UiCWVyAMtIqVEF11Z"
TAG = "K7Q2M9XA"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
APP = """<!doctype html><p id=heard>nothing yet</p><script>
const say = (eventType, eventData) => parent.postMessage(JSON.stringify({eventType, eventData}), "*");
addEventListener("message", (event) => {
  const {eventType, eventData} = JSON.parse(event.data);
  document.getElementById("heard").textContent = eventType + " " + JSON.stringify(eventData);
});
say("web_app_setup_main_button", {is_visible: true, is_active: true, text: "Roll", color: "#18A672"});
say("web_app_setup_back_button", {is_visible: true});
</script>"""


class Feed:
    """A world with one chain and one wallet, that remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[Json] = []
        self.height = 41

    async def snapshot(self, *, person_id: int) -> Json:
        wallet = {
            "rail": "ton",
            "asset": "TON",
            "network": "TON network",
            "chain": "ton",
            "decimals": 9,
            "units": "95204000000",
            "comments": True,
            "fuel": None,
        }
        dollars = {
            "rail": "usdt_eth",
            "asset": "USDT",
            "network": "Ethereum",
            "chain": "ethereum",
            "decimals": 6,
            "units": "2000000000",
            "comments": False,
            "fuel": {"name": "ETH", "units": "10" + "0" * 17, "decimals": 18},
        }
        chain = {"name": "ton", "title": "TON", "height": self.height}
        return {"chains": [chain], "wallets": [wallet, dollars], "log": [], "person": person_id}

    async def send(self, *, person_id: int, rail: str, to: str, comment: str, units: int) -> Json:
        if units > 95_204_000_000:
            raise ActError("the wallet holds less")
        self.sent.append(
            {"person": person_id, "rail": rail, "to": to, "comment": comment, "units": units}
        )
        return {"tx_hash": "00"}

    async def mine(self, *, chain: str) -> Json:
        self.height += 1
        return {"chain": chain, "height": self.height}

    async def log_lines(self, *, limit: int) -> list[Json]:
        lines = [{"at": "2026-11-22T20:00:00Z", "service": "watcher", "text": "deposit.seen"}]
        return lines[-limit:]


class Client(Server):
    """A server with a world, and a bot that plays the casino's part."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(world=default_world(), store=None)
        self.app = build_app(world=default_world(), store=None, feed=feed)
        self.app.router.add_get("/mini", _mini)
        self.runner = web.AppRunner(self.app, shutdown_timeout=0.5)
        self.feed = feed

    async def serve(self) -> None:
        """Answer what the bot hears, for ever."""
        offset = 0
        while True:
            for update in await self.ok("getUpdates", offset=offset, timeout=20):
                offset = update["update_id"] + 1
                await self._answer(update)

    async def _answer(self, update: Json) -> None:
        query = update.get("callback_query")
        if query:
            text = f"Send to\n<code>{ADDRESS}</code>\nwith the tag\n<code>{TAG}</code>"
            where = {"chat_id": query["from"]["id"], "message_id": query["message"]["message_id"]}
            await self.ok("editMessageText", **where, text=text, parse_mode="HTML")
            await self.ok(
                "answerCallbackQuery", callback_query_id=query["id"], text="At least 1 TON"
            )
            return
        message = update["message"]
        heard = "Thank you" if "photo" in message else "<b>Welcome</b> <i>home</i>"
        keys = [[{"text": "Deposit", "callback_data": "d", "style": "success"}]]
        await self.ok(
            "sendMessage",
            chat_id=message["chat"]["id"],
            text=heard,
            parse_mode="HTML",
            reply_markup={"inline_keyboard": keys},
        )


async def _mini(_request: web.Request) -> web.Response:
    return web.Response(text=APP, content_type="text/html")


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    one = Client(Feed())
    await one.start()
    button = {"type": "web_app", "text": "Play", "web_app": {"url": f"{one.origin}/mini"}}
    await one.ok("setChatMenuButton", menu_button=button)
    async with Nursery() as nursery:
        nursery.start(one.serve(), name="casino")
        yield one
    await one.stop()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = find_chromium()
    assert chromium is not None, "No Chromium: install one, or set CHROMIUM to the path of one."
    async with async_playwright() as playwright:
        one = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield one
        await one.close()


async def open_page(
    browser: Browser, client: Client, width: int, height: int
) -> tuple[Page, list[str]]:
    page = await browser.new_page(viewport={"width": width, "height": height})
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith(client.origin)
            or asked.url.startswith(("blob:", "data:", "about:"))
            else troubles.append(asked.url)
        ),
    )
    await page.goto(client.origin)
    await page.wait_for_selector("body[data-ready]")
    return page, troubles


async def expect_toast(page: Page, text: str) -> None:
    """It fades by itself, so that a test which looks late may find it hidden."""
    await expect(page.locator("#toast")).to_have_text(text)


async def test_a_newcomers_first_steps(browser: Browser, client: Client, tmp_path: Path) -> None:
    page, troubles = await open_page(browser, client, 1440, 900)
    button = page.get_by_role
    await expect(page.get_by_role("list", name="First steps")).to_be_visible()
    await button("button", name="Start", exact=True).click()
    await expect(page.get_by_role("article").locator("b", has_text="Welcome")).to_be_visible()

    await button("button", name="Deposit", exact=True).click()
    await expect_toast(page, "At least 1 TON")
    await expect(page.get_by_role("log").get_by_text("edited")).to_be_visible()
    await button("button", name="Send from my wallet").click()
    await expect(page.get_by_label("To", exact=True)).to_have_value(ADDRESS)
    await expect(page.get_by_label("Comment or tag", exact=True)).to_have_value(TAG)
    await page.get_by_label("Amount", exact=True).fill("1000")
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    await expect(page.get_by_text("the wallet holds less")).to_be_visible()
    await page.get_by_label("Amount", exact=True).fill("2.5")
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    await expect_toast(page, "2.50 TON is on its way")
    assert client.feed.sent == [
        {"person": ANN, "rail": "ton", "to": ADDRESS, "comment": TAG, "units": 2_500_000_000}
    ]

    await button("button", name="Send from my wallet").click()
    dialog = page.get_by_role("dialog")
    await page.get_by_label("To", exact=True).fill("0x273E54Bda70fc6244cB4267d8f4fc38953aF85e5")
    await expect(dialog.get_by_role("alert")).to_contain_text("This is an Ethereum address")
    await page.get_by_label("Amount", exact=True).fill("1")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog).to_be_visible()
    await page.get_by_label("From", exact=True).select_option("usdt_eth")
    await expect(dialog.get_by_role("alert")).to_be_hidden()
    await expect(page.get_by_label("Comment or tag", exact=True)).to_be_hidden()
    await expect(dialog.get_by_text("paid in ETH")).to_be_visible()
    await dialog.get_by_role("button", name="Send").click()
    await expect_toast(page, "1.00 USDT is on its way")
    assert [one["rail"] for one in client.feed.sent] == ["ton", "usdt_eth"]

    await button("button", name="Mine a block").click()
    await expect(page.get_by_text("#42").first).to_be_visible()
    await button("button", name="Attach a file").click()
    await button("menuitem", name="A sample identity card").click()
    await button("button", name="Send photo").click()
    await expect(page.get_by_role("log").get_by_text("Thank you")).to_be_visible()

    await button("button", name="Play", exact=True).click()
    await button("button", name="Roll", exact=True).click()
    heard = page.frame_locator("#app").locator("#heard")
    await expect(heard).to_contain_text("main_button_pressed")
    await button("button", name="Back in the Mini App").click()
    await expect(heard).to_contain_text("back_button_pressed")
    await expect(page.get_by_role("list", name="First steps")).to_be_hidden()
    await page.screenshot(path=tmp_path / "page.png")
    assert troubles == []


async def test_switching_people_and_unread(browser: Browser, client: Client) -> None:
    page, troubles = await open_page(browser, client, 1440, 900)
    await page.get_by_role("button", name="Act as Olga").click()
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page.get_by_role("article").get_by_text("home")).to_be_visible()
    await page.get_by_role("button", name="Act as Ann").click()
    await expect(page.get_by_role("article")).to_have_count(0)
    await client.ok("sendMessage", chat_id=9001, text="for Olga")
    await expect(page.get_by_role("button", name="Act as Olga").locator(".count")).to_have_text("1")
    await page.get_by_role("button", name="Act as Olga").click()
    await expect(page.get_by_role("log").get_by_text("for Olga")).to_be_visible()
    assert troubles == []


async def test_one_pane_at_a_time_on_a_phone(browser: Browser, client: Client) -> None:
    page, troubles = await open_page(browser, client, 360, 640)
    chats = page.get_by_role("navigation", name="Chats")
    await chats.get_by_role("button", name="Fairhouse", exact=True).click()
    await expect(chats).to_be_hidden()
    await page.get_by_role("button", name="Start", exact=True).click()
    await page.get_by_role("button", name="Send from my wallet").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Play", exact=True).click()
    await expect(page.get_by_role("button", name="Roll", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Mini App actions").click()
    await page.get_by_role("menuitem", name="Close").click()
    await expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    await page.get_by_role("button", name="Back to chats").click()
    await expect(chats).to_be_visible()
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide == 360
    assert troubles == []


LINKS = {
    "ton://transfer/EQ_TON?text=K3T9QXFZ": ["ton", "EQ_TON", "K3T9QXFZ"],
    "ton://transfer/EQ_TON?jetton=EQ_TON&text=K3T9QXFZ": ["usdt_ton", "EQ_TON", "K3T9QXFZ"],
    "https://app.tonkeeper.com/transfer/EQ_TON?amount=5": ["ton", "EQ_TON", ""],
    "ethereum:0xTOKEN@31337/transfer?address=0xETH&uint256=7": ["usdt_eth", "0xETH", ""],
    "bitcoin:BTC_ADDR?amount=0.5": ["btc", "BTC_ADDR", ""],
    "ton://transfer/EQ_HYPHEN?text=V8HSDHZH": ["ton", "EQ_HYPHEN", "V8HSDHZH"],
    "https://example.org/EQ_TON": None,
    "mailto:someone@example.org": None,
}
ADDRESSES = {
    "EQ_TON": "UQBO_bw-IyKysQgdAmDgTbeqHpl19cgqB5eBv_zt85lk7EHF",
    "EQ_HYPHEN": f"UQ{'a' * 45}-",
    "0xTOKEN": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
    "0xETH": "0x273E54Bda70fc6244cB4267d8f4fc38953aF85e5",
    "BTC_ADDR": "bcrt1qqxefkuhgdlwrtj4rcknkq2tr57vvr2cpqwgvkj",
}


async def test_the_page_reads_where_a_link_wants_to_be_paid(
    browser: Browser, client: Client
) -> None:
    page, _troubles = await open_page(browser, client, 800, 600)
    for pattern, wanted in LINKS.items():
        link, expected = pattern, wanted
        for name, address in ADDRESSES.items():
            link = link.replace(name, address)
            expected = expected and [address if one == name else one for one in expected]
        read = "async (link) => (await import('/page/deposits.js')).readLink(link)"
        found = await page.evaluate(read, link)
        assert (found and [found["rail"], found["to"], found["comment"]]) == expected, link

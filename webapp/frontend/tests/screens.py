"""Pictures of every screen, from the built page and canned answers on loopback.

Run after `npm run build`:  python webapp/frontend/tests/screens.py OUT [name ...]
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import Error as PlaywrightError

HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "static"
CANNED = json.loads((HERE / "canned.json").read_text("utf-8"))
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

DARK = {
    "bg_color": "#17212b",
    "text_color": "#f5f5f5",
    "secondary_bg_color": "#232e3c",
    "hint_color": "#708499",
    "button_color": "#5288c1",
    "button_text_color": "#ffffff",
}
LIGHT = {
    "bg_color": "#ffffff",
    "text_color": "#000000",
    "secondary_bg_color": "#f1f1f1",
    "hint_color": "#999999",
    "button_color": "#40a7e3",
    "button_text_color": "#ffffff",
}
SIZES = {"360": (360, 640), "tall": (360, 740), "412": (412, 915)}

# What Telegram's client does for a page, as far as the page asks here.
BRIDGE = """
window.TelegramWebviewProxy = { postEvent(name, data) {
  const size = {height: innerHeight, width: innerWidth, is_expanded: true, is_state_stable: true};
  const zero = {top: 0, bottom: 0, left: 0, right: 0};
  const answers = {
    web_app_request_viewport: ['viewport_changed', size],
    web_app_request_safe_area: ['safe_area_changed', zero],
    web_app_request_content_safe_area: ['content_safe_area_changed', zero],
    web_app_request_theme: ['theme_changed', {theme_params: __THEME__}],
  };
  if (name === 'web_app_setup_main_button') window.__main = JSON.parse(data);
  const answer = answers[name];
  if (answer) setTimeout(() => window.Telegram.WebView.receiveEvent(...answer), 0);
} };
"""

Act = Callable[[Page], Awaitable[object]]


class House:
    """A server with canned answers; `over` replaces some of them for one picture."""

    def __init__(self) -> None:
        self.over: dict[str, object] = {}
        self.outside: list[str] = []

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/ws", self.socket)
        app.router.add_route("*", "/api/{path:.*}", self.answer)
        app.router.add_get("/", lambda _request: web.FileResponse(STATIC / "index.html"))
        app.router.add_static("/", STATIC)
        return app

    async def answer(self, request: web.Request) -> web.StreamResponse:
        key = f"{request.method} {request.path}"
        found = self.over.get(key, CANNED.get(key))
        if found is None:
            one = f"{request.method} {request.path.rsplit('/', 1)[0]}/*"
            found = self.over.get(one, CANNED.get(one))
        if found == "hang":
            await asyncio.sleep(30)
        if found is None:
            return web.json_response({"error": {"code": "error.not_found", "data": {}}}, status=404)
        if isinstance(found, dict) and "error" in found:
            return web.json_response(found, status=int(str(found.get("status", 422))))
        return web.json_response(found)

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        me = self.over.get("GET /api/me", CANNED["GET /api/me"])
        await socket.send_json({"type": "balance", "balances": me["balances"]})
        async for _message in socket:
            await socket.send_json({"type": "pong"})
        return socket


def tab(name: str) -> Act:
    return lambda page: page.get_by_role("navigation").get_by_role("button", name=name).click()


def steps(*acts: Act) -> Act:
    async def run(page: Page) -> None:
        for act in acts:
            await act(page)

    return run


def press(name: str, *, exact: bool = False) -> Act:
    return lambda page: page.get_by_role("button", name=name, exact=exact).first.click()


def fill(label: str, text: str) -> Act:
    return lambda page: page.get_by_label(label, exact=True).fill(text)


def pause(ms: int) -> Act:
    return lambda page: page.wait_for_timeout(ms)


def changed(key: str, **changes: object) -> dict[str, object]:
    return {key: {**CANNED[key], **changes}}


def me(**changes: object) -> dict[str, object]:
    return changed("GET /api/me", **changes)


def to_withdraw(amount: str, address: str) -> Act:
    return steps(fill("Amount", amount), fill("Address", address), pause(700))


FILLED = to_withdraw("5", CANNED["address"])
REVIEWED = steps(
    FILLED,
    lambda page: page.evaluate("window.Telegram.WebView.receiveEvent('main_button_pressed')"),
    pause(400),
)
ON_ETHEREUM: dict[str, object] = {
    "POST /api/cashier/deposit": CANNED["deposit.usdt_eth"],
    "GET /api/cashier/movements": CANNED["movements.usdt_eth"],
}
CHOOSE_ETHEREUM = steps(
    lambda page: page.get_by_role("radio", name="Ethereum").click(), pause(500)
)
FULL_MINES = CANNED["mines.open"]
SCREENS: dict[str, tuple[str, dict[str, object], Act]] = {
    "consent": ("", me(player={**CANNED["GET /api/me"]["player"], "consented": False}), pause(0)),
    "lobby": ("", {}, pause(0)),
    "lobby-continue": ("", me(open_rounds=[FULL_MINES]), pause(0)),
    "balance": ("", {}, press("Balance")),
    "dice": ("dice", {}, pause(0)),
    "dice-won": ("dice", {}, steps(press("Roll over 50"), pause(1100))),
    "dice-lost": (
        "dice",
        {"POST /api/play/dice": CANNED["dice.lost"]},
        steps(press("Roll over 50"), pause(1100)),
    ),
    "dice-refused": (
        "dice",
        {"POST /api/play/dice": CANNED["refused.limit"]},
        steps(press("Roll over 50"), pause(400)),
    ),
    "dice-proof": ("dice", {}, steps(press("74.21"), pause(500))),
    "dice-rules": ("dice", {}, steps(press("Rules"), pause(300))),
    "mines": ("mines", {}, pause(0)),
    "mines-open": ("mines", me(open_rounds=[FULL_MINES]), pause(0)),
    "mines-won": ("mines", me(open_rounds=[FULL_MINES]), steps(press("Cash out"), pause(500))),
    "mines-lost": ("mines", me(open_rounds=[FULL_MINES]), steps(press("Tile 9"), pause(500))),
    "wallet": ("wallet", {}, pause(0)),
    "wallet-empty": ("wallet", {"GET /api/cashier/movements": {"movements": []}}, pause(0)),
    "deposit": ("deposit", {}, pause(0)),
    "deposit-send": ("deposit", {}, steps(press("Send from my wallet"), pause(700))),
    "withdraw": ("withdraw", {}, FILLED),
    "withdraw-bad": ("withdraw", {}, to_withdraw("900", CANNED["address"][:-1] + "A")),
    "withdraw-wrong": ("withdraw", {}, to_withdraw("5", CANNED["deposit.usdt_eth"]["address"])),
    "withdraw-review": ("withdraw", {}, REVIEWED),
    "withdraw-expired": (
        "withdraw",
        changed("POST /api/cashier/quote", expires_at="2026-11-22T20:47:31.895Z"),
        steps(REVIEWED, pause(1300)),
    ),
    "withdraw-choose": ("withdraw", {}, steps(press("Choose an address"), pause(400))),
    "addresses": ("addresses", {}, pause(0)),
    "addresses-ending": (
        "addresses",
        changed(
            "GET /api/cashier/addresses",
            saved_only={"on": True, "ends_at": "2026-11-23T20:00:00.000Z"},
        ),
        pause(0),
    ),
    "addresses-entry": ("addresses", {}, steps(press("Exchange"), pause(400))),
    "addresses-add": (
        "addresses",
        {},
        steps(
            press("Add an address"),
            pause(300),
            fill("Address", CANNED["address"]),
            fill("Name", "Ledger"),
        ),
    ),
    "deposit-address": ("deposit", ON_ETHEREUM, CHOOSE_ETHEREUM),
    "deposit-address-below": (
        "deposit",
        ON_ETHEREUM,
        steps(
            CHOOSE_ETHEREUM,
            lambda page: page.evaluate("scrollTo(0, document.body.scrollHeight)"),
        ),
    ),
    "withdraw-own": (
        "withdraw",
        {"POST /api/cashier/destination": CANNED["refused.own"]},
        REVIEWED,
    ),
    "movement-early": (
        "deposit",
        ON_ETHEREUM,
        steps(CHOOSE_ETHEREUM, press("can be withdrawn"), pause(300)),
    ),
    "movement": ("wallet", {}, steps(press("in review"), pause(300))),
    "movement-done": ("wallet", {}, steps(press("confirmed on chain"), pause(300))),
    "activity": ("activity", {}, pause(0)),
    "activity-empty": (
        "activity",
        {"GET /api/cashier/movements": {"movements": []}, "GET /api/rounds": {"rounds": []}},
        pause(0),
    ),
    "round": ("activity", {}, steps(press("74.21"), pause(300), press("Verify here"), pause(300))),
    "you": ("you", {}, pause(0)),
    "limits": ("limits", {}, pause(0)),
    "limits-edit": ("limits", {}, steps(press("Day"), pause(300))),
    "break": ("you", {}, steps(press("Take a break"), pause(300))),
    "break-confirm": (
        "you",
        {},
        steps(press("Take a break"), pause(300), press("Exclude myself"), pause(300)),
    ),
    "fairness": ("fairness", {}, pause(0)),
    "fairness-rotate": ("fairness", {}, steps(press("Change the seeds"), pause(300))),
    "verifier": (
        "you",
        {},
        steps(
            press("Verifier"),
            pause(200),
            fill("Server seed", "a1" * 32),
            fill("Client seed", "mine"),
            fill("Round number (nonce)", "3"),
            pause(200),
        ),
    ),
    "verification": ("verification", {}, pause(0)),
    "logins": ("you", {}, steps(press("Devices"), pause(300))),
    "settings": ("you", {}, steps(press("Language and feel"), pause(300))),
    "support": ("support", {}, pause(0)),
    "terms": ("you", {}, steps(press("Terms and privacy"), pause(300))),
    "offline": (
        "",
        {"POST /api/ws-ticket": {"error": {"code": "error.internal"}, "status": 500}},
        pause(2500),
    ),
    "loading": ("", {"GET /api/lobby": "hang"}, pause(0)),
    "refused": (
        "",
        {
            "GET /api/me": {"error": {"code": "refusal.login_refused"}, "status": 401},
            "POST /api/login": {"error": {"code": "refusal.login_refused"}, "status": 401},
        },
        pause(0),
    ),
}


async def shoot(
    browser: Browser,
    house: House,
    origin: str,
    out: Path,
    name: str,
    *,
    size: str,
    theme: str,
    language: str,
) -> None:
    """One picture; whatever the page asked of other hosts is noted."""
    start, over, act = SCREENS[name]
    house.over = over
    known = over.get("GET /api/me", CANNED["GET /api/me"])
    if "player" in known:
        house.over = {
            **over,
            "GET /api/me": {**known, "player": {**known["player"], "language": language}},
        }
    colours = DARK if theme == "dark" else LIGHT
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=2,
        has_touch=True,
        is_mobile=True,
        locale=language,
    )
    page = await context.new_page()
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((origin, "data:", "blob:"))
            else house.outside.append(f"{name}: {request.url}")
        ),
    )
    page.on(
        "console",
        lambda message: (
            print(name, message.type, message.text)
            if message.type == "error" and "404" not in message.text
            else None
        ),
    )
    page.on("pageerror", lambda error: print(name, "pageerror", error))
    await page.add_init_script(BRIDGE.replace("__THEME__", json.dumps(colours)))
    user = {"id": 7, "first_name": "Ann", "language_code": language}
    data = urlencode(
        {"user": json.dumps(user), "auth_date": "1700000000", "hash": "0" * 64, "signature": "x"}
    )
    launch = urlencode(
        {
            "tgWebAppData": data,
            "tgWebAppVersion": "9.1",
            "tgWebAppPlatform": "android",
            "tgWebAppThemeParams": json.dumps(colours),
        }
    )
    await page.goto(f"{origin}/?screen={start}#{launch}")
    await page.wait_for_timeout(900)
    try:
        await act(page)
    except PlaywrightError as error:  # a picture of the wrong state still helps
        print(name, "could not act:", str(error).splitlines()[0])
    await page.wait_for_timeout(300)
    await page.screenshot(path=out / f"{name}-{size}-{theme}-{language}.png")
    wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    if wide:
        print(name, size, "is wider than the screen")
    await context.close()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--size", default="360")
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--language", default="en")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    house = House()
    runner = web.AppRunner(house.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name in asked.names or SCREENS:
            await shoot(
                browser,
                house,
                origin,
                asked.out,
                name,
                size=asked.size,
                theme=asked.theme,
                language=asked.language,
            )
        await browser.close()
    await runner.cleanup()
    print("outside requests:", house.outside or "none")


if __name__ == "__main__":
    asyncio.run(main())

"""The demo in a real browser: a newcomer with nothing but the page, from Start to paid out."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from casino.cashier.rails import TON, get_rail
from sandbox.chains import QUICK_PACE
from sandbox.home import Home
from sandbox.settings import Ports
from sandbox.stage import Stage, open_stage
from tests.browser.people import PATIENCE_MS, Screen, open_screen
from tests.servers import Run

# What Chromium says of the address that was refused on purpose.
REFUSED_ONCE = (
    "said: Failed to load resource: the server responded with a status of 422"
    " (Unprocessable Entity)"
)
# Name, how an address begins, and whether a comment says whose a deposit is.
RAILS = (
    ("TON · сеть TON", "[UE]Q", True),
    ("USDT · сеть TON", "[UE]Q", True),
    ("USDT · Ethereum (ERC-20)", "0x", False),
    ("BTC · сеть Bitcoin", "bcrt1", False),
)

# Both runs share a world, so they have to share a worker.
pytestmark = [pytest.mark.browser, pytest.mark.chain, pytest.mark.xdist_group("stage")]


@pytest.fixture(scope="module")
async def stage(run: Run) -> AsyncIterator[Stage]:
    """The whole world, as `make demo` opens it, with quicker blocks."""
    home = Home(run.folder / secrets.token_hex(8))
    async with open_stage(home, Ports.free(), pace=QUICK_PACE, say=lambda _text: None) as opened:
        yield opened
    home.erase()


async def test_a_newcomer_goes_from_start_to_a_confirmed_withdrawal(
    stage: Stage, browser: Browser
) -> None:
    screen = await open_screen(browser, stage, width=1440, height=900)
    await start_and_deposit(screen)
    await open_the_app(screen)
    await play_dice(screen)
    await play_mines_through_a_reload(screen)
    await deposit_again_and_watch_it_arrive(screen)
    await verify_a_round(screen)
    await set_a_limit(screen)
    await send_a_document(screen)
    await withdraw(screen, stage)
    await approve_as_the_owner(screen)
    await see_it_confirmed(screen)
    assert screen.troubles == [REFUSED_ONCE]
    await screen.page.context.close()


async def start_and_deposit(screen: Screen) -> None:
    """Follow the first two hints."""
    hints = screen.page.get_by_role("list", name="First steps")
    await expect(hints).to_be_visible()
    await screen.press("Start")
    await screen.tap("I am 18 or older and accept the terms")
    await screen.tap("Deposit")
    await screen.tap("TON · TON network")
    await screen.hears("Comment:")
    await screen.send_coins("20")
    await screen.hears("20.00 TON has arrived")


async def open_the_app(screen: Screen) -> None:
    """The third hint opens the Mini App; consent was given in the chat and is not asked again."""
    hints = screen.page.get_by_role("list", name="First steps")
    await hints.get_by_role("button", name="Play").click()
    await screen.has_balance("20.00 TON")
    await expect(screen.page.get_by_role("list", name="Next steps")).to_be_visible()


async def play_dice(screen: Screen) -> None:
    """One roll; the balance is what the roll says."""
    await screen.in_app("Dice")
    await screen.in_app("Roll over 50.50")
    outcome = screen.app.get_by_role("status").filter(
        has_text=re.compile(r"Paid 0\.20|Not this time")
    )
    await expect(outcome).to_be_visible()
    won = "Paid" in await outcome.inner_text()
    await screen.has_balance("20.10 TON" if won else "19.90 TON")
    await screen.back()


async def play_mines_through_a_reload(screen: Screen) -> None:
    """Open a tile, lose the page, find the round again, end it."""
    await screen.in_app("Mines")
    await screen.in_app("1 mine", exact=True)
    await screen.in_app("Start for 0.10")
    tile = screen.app.get_by_role("button", name=re.compile("^Tile 13, "))
    await screen.app.get_by_role("button", name="Tile 13, closed").click()
    await expect(tile).not_to_have_accessible_name("Tile 13, closed")
    if "mine" in (await tile.get_attribute("aria-label") or ""):
        return  # the one mine lay there: the round has ended, nothing waits for a reload
    await screen.press("Mini App actions")
    await screen.page.get_by_role("menuitem", name="Reload").click()
    await screen.in_app("Continue")
    await expect(tile).not_to_have_accessible_name("Tile 13, closed")
    await screen.in_app("Cash out")
    paid = screen.app.get_by_role("status").filter(has_text=re.compile(r"Paid 0\.10"))
    await expect(paid).to_be_visible()


async def deposit_again_and_watch_it_arrive(screen: Screen) -> None:
    """The open app shows a new balance by itself; the page still knows where to send."""
    before = await screen.balance()
    await screen.send_coins("7")
    whole, rest = before.split(".", 1)
    await screen.has_balance(f"{int(whole) + 7}.{rest}")
    await screen.hears("7.00 TON has arrived")


async def verify_a_round(screen: Screen) -> None:
    """The newest rounds are in the list; one is opened, revealed and recomputed here."""
    await screen.back()
    await screen.tab("Activity")
    await screen.in_app("Dice")
    await screen.in_app("Change seeds, reveal")
    verdict = screen.app.get_by_role("status").filter(has_text="Verified in your browser")
    await expect(verdict).to_be_in_viewport()
    await expect(screen.app.get_by_text("we had committed to")).to_be_visible()
    await screen.back()


async def set_a_limit(screen: Screen) -> None:
    """The largest stake, in the app."""
    await screen.tab("You")
    await screen.in_app("Limits")
    await screen.in_app("One stake")
    sheet = screen.app.get_by_role("dialog")
    await sheet.get_by_role("button", name="50", exact=True).click()
    await sheet.get_by_role("button", name=re.compile("^Set ")).click()
    row = screen.app.get_by_role("button", name=re.compile("One stake"))
    await expect(row).to_contain_text(re.compile(r"50\.00\s*EUR"))
    await screen.back()


async def send_a_document(screen: Screen) -> None:
    """The page's own sample card goes to the bot."""
    hints = screen.page.get_by_role("list", name="Next steps")
    await hints.get_by_role("button", name="Send a document").click()
    await screen.tap("Identity card")
    await screen.press("Attach a file")
    await screen.page.get_by_role("menuitem", name="A sample identity card").click()
    await screen.press("Send photo")
    await screen.hears("Received: Identity card")


async def withdraw(screen: Screen, stage: Stage) -> None:
    """Half of the money to the wallet of the bar above; the address is checked by eye."""
    await screen.page.get_by_role("button", name=re.compile("^My TON on")).click()
    await expect(
        screen.page.get_by_text("Your TON address on TON network is copied")
    ).to_be_visible()
    await screen.tab("Wallet")
    await screen.in_app("Withdraw")
    await screen.app.get_by_label("Amount").fill("5")
    await screen.app.get_by_label("Address").fill("UQnonsense")
    await expect(screen.app.get_by_text("This is not a TON address")).to_be_visible()
    await screen.app.get_by_label("Address").fill(await address_of_the_house(stage))
    await screen.main_button("Continue")
    await expect(screen.app.get_by_role("alert")).to_contain_text("This is an address of ours")
    await screen.app.get_by_label("Address").fill(stage.bar.purse_of(1001).on("ton").address)
    await screen.main_button("Continue")
    await expect(screen.app.get_by_text("Check before you send")).to_be_visible()
    await expect(screen.app.get_by_text("TON · TON network")).to_be_visible()
    await screen.main_button("Withdraw 4.95")
    await expect(screen.app.get_by_role("button", name="Take it back")).to_be_visible()
    await screen.hears("Withdrawal of 5.00 TON requested")


async def address_of_the_house(stage: Stage) -> str:
    """What players who deposit TON are told to send to."""
    async with stage.database.transaction() as session:
        address = (await get_rail(session, TON)).address
    assert address is not None
    return address


async def approve_as_the_owner(screen: Screen) -> None:
    """The last hint leads to the operators' bot: the document, then the withdrawal."""
    hints = screen.page.get_by_role("list", name="Next steps")
    await hints.get_by_role("button", name="Decide as the owner").click()
    await screen.press("Start")
    await expect(hints).to_be_hidden()
    await screen.hears("Olga")
    await screen.tap("Withdrawals")
    await screen.tap("5.00 TON")
    await screen.hears("Pay 5.00 TON")
    await screen.tap("Approve")
    await screen.hears("Approved by Olga")


async def see_it_confirmed(screen: Screen) -> None:
    """Back as the player: the coins are in the wallet, and the app says so too."""
    await screen.act_as("Ann")
    await screen.open_chat("Fairhouse")
    await screen.hears("TON is paid")
    coins = screen.page.get_by_role("button", name=re.compile(r"^My TON on TON network: 977\.9"))
    await expect(coins).to_be_visible(timeout=PATIENCE_MS)
    await screen.page.get_by_role("button", name="Play", exact=True).last.click()
    await screen.tab("Wallet")
    await screen.in_app("Withdrawal")
    await expect(screen.app.get_by_role("button", name="See it on the chain")).to_be_visible()


async def test_every_main_screen_fits_a_small_phone(stage: Stage, browser: Browser) -> None:
    screen = await open_screen(browser, stage, width=360, height=640)
    await screen.act_as("Борис")
    await screen.fits()
    await screen.open_chat("Fairhouse")
    await screen.press("Start")
    await screen.tap("Мне есть 18, условия принимаю")
    await screen.fits()
    await screen.page.locator("#menu-button").click()
    for tab in ("Игры", "Кошелёк", "История", "Вы"):
        await screen.tab(tab)
        await screen.fits()
    await screen.in_app("Лимиты")
    await screen.fits()
    await screen.back()
    await every_rail_of_the_cashier(screen)
    await screen.tab("Игры")
    for game in ("Кости", "Мины"):
        await screen.in_app(game)
        await screen.fits()
        await screen.back()
    assert screen.troubles == []
    await screen.page.context.close()


async def every_rail_of_the_cashier(screen: Screen) -> None:
    """Four ways in, each with its network, address and code; the same four ways out."""
    await screen.tab("Кошелёк")
    await screen.in_app("Пополнить", exact=True)
    rails = screen.app.get_by_role("radio")
    await expect(rails).to_have_count(len(RAILS))
    seen = set()
    for number, (name, begins, has_comment) in enumerate(RAILS):
        await rails.nth(number).click()
        await expect(screen.app.get_by_text(name, exact=True)).to_be_visible()
        address = screen.app.get_by_role("button", name="Скопировать: Адрес").locator(
            "[aria-label]"
        )
        await expect(address).to_have_attribute("aria-label", re.compile(f"^{begins}"))
        seen.add(await address.get_attribute("aria-label"))
        await expect(screen.app.get_by_role("img", name=re.compile("^QR-код"))).to_be_visible()
        comment = screen.app.get_by_role("button", name=re.compile("^Скопировать: Комментарий"))
        await expect(comment).to_have_count(int(has_comment))
        await screen.fits()
    assert len(seen) == len(RAILS) - 1, "coins and dollars share an address on TON only"
    await screen.back()
    await screen.in_app("Вывести", exact=True)
    await expect(rails).to_have_count(len(RAILS))
    for number in range(len(RAILS)):
        await rails.nth(number).click()
        await screen.fits()
    await screen.back()

"""Somebody in front of the demo's page: what he sees, and what left the machine meanwhile."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import Browser, FrameLocator, Locator, Page, Request, expect

from sandbox.stage import Stage

PATIENCE_MS = 180_000
HERE = ("127.0.0.1",)
OF_THE_PAGE = ("about:", "data:", "blob:")
# Chromium's remark about the frame that any Telegram client uses for Mini Apps.
FRAME_REMARK = "allow-scripts and allow-same-origin"


@dataclass(slots=True)
class Screen:
    """The page in one browser window, with everything that went wrong on it."""

    page: Page
    troubles: list[str] = field(default_factory=list)

    @property
    def app(self) -> FrameLocator:
        """The Mini App in the phone frame."""
        return self.page.frame_locator("#app")

    @property
    def chat(self) -> Locator:
        """The messages of the open chat."""
        return self.page.get_by_role("log", name="Messages")

    async def press(self, name: str) -> None:
        """Press a button of the page itself."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def tap(self, label: str) -> None:
        """Tap the newest button with this label under a message."""
        await self.chat.get_by_role("button", name=label).last.click()

    async def hears(self, words: str) -> None:
        """Wait for a message of the bot."""
        said = self.chat.get_by_role("article").filter(has_text=words)
        await expect(said.last).to_be_visible(timeout=PATIENCE_MS)

    async def open_chat(self, name: str) -> None:
        """Go to a chat of the list, whether it has unread messages or not."""
        chats = self.page.get_by_role("navigation", name="Chats")
        await chats.get_by_role("button", name=re.compile(rf"^{name}(,|$)")).click()

    async def act_as(self, name: str) -> None:
        """Become another person."""
        await self.page.get_by_role("button", name=f"Act as {name}").click()

    async def send_coins(self, amount: str) -> None:
        """Send from the wallet; where to and with what comment the page knows."""
        await self.press("Send from my wallet")
        dialog = self.page.get_by_role("dialog", name="Send from my wallet")
        await dialog.get_by_label("Amount", exact=True).fill(amount)
        await dialog.get_by_role("button", name="Send").click()
        await expect(dialog).to_be_hidden(timeout=PATIENCE_MS)

    async def tab(self, name: str) -> None:
        """Go to one of the four roots of the Mini App."""
        bar = self.app.get_by_role("navigation")
        await bar.get_by_role("button", name=name, exact=True).click()

    async def in_app(self, name: str, *, exact: bool = False) -> None:
        """Press a button inside the Mini App."""
        await self.app.get_by_role("button", name=name, exact=exact).first.click()

    async def back(self) -> None:
        """Telegram's back button."""
        await self.press("Back in the Mini App")

    async def main_button(self, name: str) -> None:
        """Telegram's large button below the Mini App, once it can be pressed."""
        await self.page.locator("#phone").get_by_role("button", name=name).click()

    async def balance(self) -> str:
        """What the header of the Mini App shows, as a person reads it."""
        header = self.app.get_by_role("button", name=re.compile("^Balance: "))
        label = await header.get_attribute("aria-label") or ""
        return label.removeprefix("Balance: ").partition(". Show")[0].replace("\u00a0", " ")

    async def has_balance(self, text: str) -> None:
        """Wait until the header shows this amount."""
        shown = re.compile("^Balance: " + re.escape(text).replace(r"\ ", r"\s") + r"\. ")
        found = self.app.get_by_role("button", name=shown)
        await expect(found).to_be_visible(timeout=PATIENCE_MS)

    async def fits(self) -> None:
        """Nothing is wider than the page or the app in it, so nothing scrolls sideways."""
        for frame in self.page.frames:
            wide = await frame.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, f"{frame.url}: {wide} px too wide"


async def open_screen(browser: Browser, stage: Stage, *, width: int, height: int) -> Screen:
    """A window of somebody who has never been here."""
    context = await browser.new_context(
        viewport={"width": width, "height": height}, locale="en-GB", reduced_motion="reduce"
    )
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS / 2)
    screen = Screen(page)

    def check(asked: Request) -> None:
        if not asked.url.startswith(OF_THE_PAGE) and urlsplit(asked.url).hostname not in HERE:
            screen.troubles.append(f"asked {asked.url}")

    context.on("request", check)
    page.on("pageerror", lambda error: screen.troubles.append(f"failed: {error}"))
    page.on(
        "console",
        lambda said: (
            screen.troubles.append(f"said: {said.text}")
            if said.type in {"error", "warning"} and FRAME_REMARK not in said.text
            else None
        ),
    )
    await page.goto(stage.page_url)
    await page.wait_for_selector("body[data-ready]")
    return screen

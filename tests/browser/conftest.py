"""The Chromium that the tests of this folder drive."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright, expect

from sandbox.setup.system import find_chromium

expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium without a window; `make test` installs one where it can."""
    path = find_chromium()
    assert path is not None, "No Chromium: install one, or set CHROMIUM to the path of one."
    arguments = ["--disable-gpu", "--disable-quic", "--disable-background-networking"]
    # Chromium's sandbox needs rights that containers rarely give; our pages are our own.
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", *arguments]
        )
        yield chromium
        await chromium.close()

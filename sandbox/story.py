"""The story of a newcomer, from /start to confirmed withdrawals, told step by step over HTTP."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from casino.errors import CasinoError
from sandbox.casino_processes import ROOT
from sandbox.story_games import (
    check_my_receipts,
    choose_my_own_client_seed,
    play_dice,
    play_mines,
    verify_my_rounds,
)
from sandbox.story_money import (
    ask_where_to_deposit,
    deposit_from_my_wallets,
    request_withdrawals,
    see_the_blocks_counted,
    the_owner_approves,
    the_withdrawals_are_confirmed,
)
from sandbox.story_scene import Json, Story
from sandbox.visitor import StoryFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.stage import Stage


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


async def log_in_to_the_mini_app(story: Story) -> Json:
    """Open the app; there is nothing yet."""
    story.app = await story.ann.open_app()
    me = await story.app.call("GET", "/api/me")
    cash = {one["asset"]: int(one["cash"]) for one in me["balances"]}
    if any(cash.values()):
        raise StoryFailed(f"unexpected balances: {cash}")
    return {"assets": sorted(cash)}


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


async def the_owner_raises_the_level(story: Story) -> Json:
    """Switch to the owner: the document's card, level 1."""
    await story.olga.start()
    await story.olga.tap("Verification")
    await story.olga.tap("Ann")
    await story.olga.tap("Level 1", containing="Raise")
    await story.ann.sees("You are verified")
    return {}


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
    log_in_to_the_mini_app,
    ask_where_to_deposit,
    deposit_from_my_wallets,
    see_the_blocks_counted,
    choose_my_own_client_seed,
    play_dice,
    play_mines,
    verify_my_rounds,
    check_my_receipts,
    set_a_loss_limit,
    send_a_document,
    request_withdrawals,
    the_owner_raises_the_level,
    the_owner_approves,
    the_withdrawals_are_confirmed,
    the_books_balance,
)


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

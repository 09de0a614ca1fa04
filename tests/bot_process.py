"""A bot as a real process: its webhook's route, its settings, its start, and its end in any case."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from casino.db import Database
from sandbox.telegram.world import PLAYERS_TOKEN
from webapp.callbacks import telegram as webhook
from webapp.keys import DATABASE

ROOT = Path(__file__).parents[1]
SECRET = "a-secret_of-the_webhook"

Launch = Callable[..., Awaitable[asyncio.subprocess.Process]]


@asynccontextmanager
async def serving_updates(db: Database, bot: str) -> AsyncIterator[str]:
    """The webapp's route for the updates of one bot, under SECRET; its origin."""
    app = web.Application()
    app[DATABASE] = db
    app[webhook.WEBHOOK_SECRETS] = {bot: SECRET}
    app.add_routes(webhook.routes)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@asynccontextmanager
async def launching(
    module: str, settings: Mapping[str, str], *, folder: Path
) -> AsyncIterator[Launch]:
    """Start `python -m <module>` in a mode, with settings changed; what still runs is killed."""
    running: list[asyncio.subprocess.Process] = []

    async def start(mode: str, **changed: str) -> asyncio.subprocess.Process:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "VAULT_MASTER_KEYS": "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "TELEGRAM_PLAYER_BOT_TOKEN": PLAYERS_TOKEN,
            "TELEGRAM_PLAYER_BOT_NAME": "fairhouse_bot",
            "TELEGRAM_MODE": mode,
            **settings,
            **changed,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, cwd=folder, env=environment
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.returncode is None:
            process.kill()
            await process.wait()

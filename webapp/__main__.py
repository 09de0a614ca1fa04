"""Runs the Mini App's server: `python -m webapp`; SIGTERM finishes what is under way."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import structlog
import uvloop
from aiohttp import web

from casino.betting.floor import open_floor
from casino.config import (
    AdminWebhookSettings,
    DatabaseSettings,
    MoneySettings,
    PlayerBotSettings,
    RedisSettings,
    TelegramSettings,
    TelemetrySettings,
    VaultSettings,
    WebappSettings,
)
from casino.db import Database
from casino.real_money import require_fit
from casino.telemetry import configure_logs, serve_metrics
from casino.vault import Vault
from games.registry import STEPS, configured_aggregators
from messaging.redis_link import RedisLink
from payments.config import TonNetwork, TonSettings
from payments.rpc import Toncenter
from webapp.app import Parts, build_app
from webapp.config import LaunchSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

log = structlog.get_logger(__name__)

FINISH_SECONDS = 10.0


async def main() -> None:
    """Read the settings, open the parts, serve until told to stop."""
    telemetry = TelemetrySettings()
    configure_logs(json_lines=telemetry.json_logs)
    serve_metrics(telemetry.metrics_port)
    telegram, settings = TelegramSettings(), WebappSettings()
    database = Database(DatabaseSettings().url)
    await require_fit(database, real_money=MoneySettings().real_money)
    redis = RedisLink(RedisSettings().url)
    ton = TonSettings()
    node = Toncenter(
        url=ton.toncenter_url,
        api_key=ton.toncenter_api_key.get_secret_value(),
        requests_per_second=ton.requests_per_second,
    )
    vault = Vault.from_text(VaultSettings().master_keys.get_secret_value())
    try:
        async with open_floor(database.dsn, vault, step_games=STEPS) as floor:
            parts = Parts(
                database=database,
                floor=floor,
                redis=redis,
                launch_check=LaunchSettings().check(
                    bot_token=PlayerBotSettings().token.get_secret_value()
                ),
                webhook_secrets=_webhook_secrets(telegram, AdminWebhookSettings()),
                testnet=ton.network is TonNetwork.TESTNET,
                ton_node=node,
                public_url=telegram.mini_app_url,
                parent_origin=settings.telegram_parent_origin,
                aggregators=configured_aggregators(),
            )
            await _serve(parts, host=settings.host, port=settings.port)
    finally:
        await node.close()
        await redis.close()
        await database.close()


async def _serve(parts: Parts, *, host: str, port: int) -> None:
    runner = web.AppRunner(
        build_app(parts), access_log=None, shutdown_timeout=FINISH_SECONDS, handle_signals=False
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_port=False).start()
        log.info("webapp.started", host=host, port=port)
        await _told_to_stop()
        log.info("webapp.stopping")
    finally:
        await runner.cleanup()
    log.info("webapp.stopped")


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)
    await stop.wait()


def _webhook_secrets(telegram: TelegramSettings, admin: AdminWebhookSettings) -> Mapping[str, str]:
    """The secret of each bot's route; one that is empty lets nobody in."""
    if telegram.mode != "webhook":
        return {}
    return {
        "player": telegram.webhook_secret.get_secret_value(),
        "admin": admin.secret.get_secret_value(),
    }


if __name__ == "__main__":
    uvloop.run(main())

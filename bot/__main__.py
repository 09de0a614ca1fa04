"""`python -m bot`: the player's bot, by polling or by webhook, over the same inbox."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import uvloop

from bot.app import build_dispatcher
from bot.commands import introduce
from bot.house import House
from bot.notices import Notices
from casino import outbox
from casino.betting.seeds import SeedStore
from casino.config import (
    DatabaseSettings,
    MoneySettings,
    PlayerBotSettings,
    RedisSettings,
    TelegramSettings,
    TelemetrySettings,
    VaultSettings,
)
from casino.db import Database
from casino.real_money import require_fit
from casino.telemetry import configure_logs, serve_metrics
from casino.vault import Vault
from messaging.chat_state import ChatState
from messaging.redis_link import RedisLink
from messaging.serving import Service, serve, stop_on_signals
from messaging.session import make_bot
from messaging.updates import PLAYER_SOURCE, PLAYER_UPDATES
from payments.config import TonNetwork, TonSettings

if TYPE_CHECKING:
    from aiogram import Bot

WEBHOOK_PATH = "/telegram/player"


async def main() -> None:
    """Run until SIGTERM or SIGINT; then claim nothing more and finish what is in hand."""
    telegram = TelegramSettings()
    own = PlayerBotSettings()
    telemetry = TelemetrySettings()
    configure_logs(json_lines=telemetry.json_logs)
    serve_metrics(telemetry.metrics_port)
    database = Database(DatabaseSettings().url)
    await require_fit(database, real_money=MoneySettings().real_money)
    redis = RedisLink(RedisSettings().url)
    bot = make_bot(own.token.get_secret_value(), api_url=telegram.api_url, redis=redis)
    vault = Vault.from_text(VaultSettings().master_keys.get_secret_value())
    house = House(
        database=database,
        vault=vault,
        seeds=SeedStore(vault),
        mini_app_url=telegram.mini_app_url,
        bot_name=own.name,
        testnet=TonSettings().network is TonNetwork.TESTNET,
    )
    stop = stop_on_signals()
    try:
        await serve(_service(bot, house, redis=redis), telegram=telegram, stop=stop)
    finally:
        await bot.session.close()
        await redis.close()
        await database.close()


def _service(bot: Bot, house: House, *, redis: RedisLink) -> Service:
    notices = Notices(bot, house)
    return Service(
        name="bot",
        bot=bot,
        database=house.database,
        dispatcher=build_dispatcher(house, storage=ChatState(redis)),
        source=PLAYER_SOURCE,
        allowed_updates=PLAYER_UPDATES,
        webhook_path=WEBHOOK_PATH,
        consumer=outbox.PLAYER,
        deliver=notices.deliver,
        unreachable=notices.unreachable,
        introduce=partial(introduce, bot, mini_app_url=house.mini_app_url),
        logged={"bot": house.bot_name},
    )


if __name__ == "__main__":
    uvloop.run(main())

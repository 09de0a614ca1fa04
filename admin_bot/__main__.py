"""`python -m admin_bot`: the operators' bot, by polling or by webhook, over the same inbox."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import structlog
import uvloop

from admin_bot.app import build_dispatcher
from admin_bot.commands import introduce
from admin_bot.desk import ApprovalKey, Desk
from admin_bot.news import StaffNews
from casino import clock, outbox
from casino.config import (
    AdminSettings,
    AdminWebhookSettings,
    DatabaseSettings,
    MoneySettings,
    RedisSettings,
    TelegramSettings,
    TelemetrySettings,
    VaultSettings,
)
from casino.db import Database
from casino.real_money import require_fit
from casino.staff import people
from casino.telemetry import configure_logs, serve_metrics
from casino.vault import Vault
from games import registry
from messaging.chat_state import ChatState
from messaging.redis_link import RedisLink
from messaging.serving import Service, serve, stop_on_signals
from messaging.session import make_bot
from messaging.updates import STAFF_SOURCE, STAFF_UPDATES
from payments.config import TonNetwork, TonSettings

if TYPE_CHECKING:
    from aiogram import Bot

log = structlog.get_logger(__name__)

WEBHOOK_PATH = "/telegram/admin"


async def main() -> None:
    """Run until SIGTERM or SIGINT; then claim nothing more and finish what is in hand."""
    telegram, admin, telemetry = TelegramSettings(), AdminSettings(), TelemetrySettings()
    # Who runs the players' bot must not be able to post as an operator.
    telegram = telegram.model_copy(update={"webhook_secret": AdminWebhookSettings().secret})
    configure_logs(json_lines=telemetry.json_logs)
    serve_metrics(telemetry.metrics_port)
    database = Database(DatabaseSettings().url)
    await require_fit(database, real_money=MoneySettings().real_money)
    redis = RedisLink(RedisSettings().url)
    bot = make_bot(admin.bot_token.get_secret_value(), api_url=telegram.api_url, redis=redis)
    desk = Desk(
        database=database,
        vault=Vault.from_text(VaultSettings().master_keys.get_secret_value()),
        key=ApprovalKey.from_hex(admin.approval_key.get_secret_value()),
        games=(*registry.INSTANT, *registry.STEPS),
        testnet=TonSettings().network is TonNetwork.TESTNET,
    )
    stop = stop_on_signals()
    try:
        await ensure_owners(database, admin.owners)
        await serve(_service(bot, desk, redis=redis), telegram=telegram, stop=stop)
    finally:
        await bot.session.close()
        await redis.close()
        await database.close()


async def ensure_owners(database: Database, listed: str) -> None:
    """Make owners of the people in the settings: Telegram ids, separated by commas or spaces.
    Raises ValueError for anything else."""
    telegram_ids = [int(number) for number in listed.replace(",", " ").split()]
    async with database.transaction() as session:
        made = await people.ensure_owners(session, telegram_ids=telegram_ids, now=clock.utc_now())
        members = await people.list_members(session)
    log.info("staff.ready", owners_made=len(made), members=len(members))
    if len(members) == 1:
        log.warning("staff.alone", advice="two people must agree above the ceiling of the terms")


def _service(bot: Bot, desk: Desk, *, redis: RedisLink) -> Service:
    return Service(
        name="admin_bot",
        bot=bot,
        database=desk.database,
        dispatcher=build_dispatcher(desk, storage=ChatState(redis)),
        source=STAFF_SOURCE,
        allowed_updates=STAFF_UPDATES,
        webhook_path=WEBHOOK_PATH,
        consumer=outbox.STAFF,
        deliver=StaffNews(bot, desk).deliver,
        introduce=partial(introduce, bot),
    )


if __name__ == "__main__":
    uvloop.run(main())

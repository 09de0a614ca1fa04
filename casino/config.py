"""Settings from the environment, one class per concern; each process reads only its own."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ImportString, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class DatabaseSettings(BaseSettings):
    """Where PostgreSQL is."""

    model_config = SettingsConfigDict(env_prefix="DATABASE_", env_file=".env", extra="ignore")

    url: str = "postgresql+asyncpg://fairhouse@127.0.0.1:5432/fairhouse"


class MoneySettings(BaseSettings):
    """Whether the coins are real: then the database must be fit for them."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    real_money: bool = Field(default=True, description="refuse a database that may lose bets")


class RedisSettings(BaseSettings):
    """Where Valkey or Redis is; it holds nothing that money needs."""

    model_config = SettingsConfigDict(env_prefix="REDIS_", env_file=".env", extra="ignore")

    url: str = "redis://127.0.0.1:6379/0"


class VaultSettings(BaseSettings):
    """Master keys that wrap the data keys of players."""

    model_config = SettingsConfigDict(env_prefix="VAULT_", env_file=".env", extra="ignore")

    master_keys: SecretStr = Field(description="version:base64 of 32 bytes, comma separated")


class TelegramSettings(BaseSettings):
    """Where Telegram is and how updates reach us."""

    model_config = SettingsConfigDict(env_prefix="TELEGRAM_", env_file=".env", extra="ignore")

    api_url: str = "https://api.telegram.org"
    mode: str = Field(default="polling", pattern="^(polling|webhook)$")
    webhook_url: str = Field(default="", description="public https address of the webapp")
    webhook_secret: SecretStr = SecretStr("")
    mini_app_url: str = "http://127.0.0.1:8080/"


class PlayerBotSettings(BaseSettings):
    """The player's bot: its token is known to that bot and to the webapp only."""

    model_config = SettingsConfigDict(
        env_prefix="TELEGRAM_PLAYER_BOT_", env_file=".env", extra="ignore"
    )

    token: SecretStr
    name: str = Field(description="user name of the player's bot, without @")


class AdminSettings(BaseSettings):
    """The operators' bot: its own token, its people, its signing key."""

    model_config = SettingsConfigDict(env_prefix="ADMIN_", env_file=".env", extra="ignore")

    bot_token: SecretStr
    owners: str = Field(default="", description="Telegram ids that become owners at start")
    approval_key: SecretStr = Field(description="Ed25519 seed, 64 hex digits; signs orders")


class AdminWebhookSettings(BaseSettings):
    """How posts for the operators' bot are known; the players' bot never learns it."""

    model_config = SettingsConfigDict(env_prefix="ADMIN_WEBHOOK_", env_file=".env", extra="ignore")

    secret: SecretStr = SecretStr("")


class WebappSettings(BaseSettings):
    """The Mini App's server."""

    model_config = SettingsConfigDict(env_prefix="WEBAPP_", env_file=".env", extra="ignore")

    host: str = "127.0.0.1"
    port: int = 8080
    telegram_parent_origin: str = Field(
        default="", description="origin allowed to frame the Mini App besides Telegram's own"
    )


class ReceiptsSettings(BaseSettings):
    """The house key; read by the worker and nobody else."""

    model_config = SettingsConfigDict(env_prefix="RECEIPTS_", env_file=".env", extra="ignore")

    signing_key: SecretStr = Field(description="Ed25519 seed, 64 hex digits; signs receipts")


class WorkerSettings(BaseSettings):
    """What the worker needs in order to end rounds that nobody came back to."""

    model_config = SettingsConfigDict(env_prefix="WORKER_", env_file=".env", extra="ignore")

    # The business knows no game by itself: the table of step games is named, as a plug-in is.
    step_games: ImportString[Any] = Field(default="games.registry.STEPS", validate_default=True)
    vault_master_keys: SecretStr = Field(
        default=SecretStr(""), validation_alias="VAULT_MASTER_KEYS"
    )


class TelemetrySettings(BaseSettings):
    """Logs and metrics of one process."""

    model_config = SettingsConfigDict(env_prefix="TELEMETRY_", env_file=".env", extra="ignore")

    json_logs: bool = True
    metrics_port: int = Field(default=0, description="0 serves no metrics")

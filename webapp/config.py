"""Settings that only the webapp reads: how a launch of the Mini App is proven."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from webapp.init_data import (
    TELEGRAM_PRODUCTION_KEY,
    TELEGRAM_TEST_KEY,
    InitDataCheck,
    SignatureCheck,
    TokenCheck,
)

_NAMED_KEYS = {"production": TELEGRAM_PRODUCTION_KEY, "test": TELEGRAM_TEST_KEY}


class LaunchSettings(BaseSettings):
    """Which of Telegram's two signatures on a launch is checked."""

    model_config = SettingsConfigDict(env_prefix="LAUNCH_", env_file=".env", extra="ignore")

    proof: str = Field(
        default="hmac",
        pattern="^(hmac|ed25519)$",
        description="hmac needs the bot token; ed25519 only the number in front of its colon",
    )
    public_key: str = Field(
        default="production",
        pattern="^(production|test|[0-9a-f]{64})$",
        description="for ed25519: Telegram's production or test key, or 64 hex digits",
    )

    def check(self, *, bot_token: str) -> InitDataCheck:
        """The check that these settings ask for; raises ValueError for a token without number."""
        if self.proof == "hmac":
            return TokenCheck(bot_token)
        key = _NAMED_KEYS.get(self.public_key) or bytes.fromhex(self.public_key)
        return SignatureCheck(bot_id=int(bot_token.partition(":")[0]), public_key=key)

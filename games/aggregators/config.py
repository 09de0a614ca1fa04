"""Settings of aggregators, one class each; an aggregator without an address is off."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from casino.money import PLAYABLE, Asset
from games.aggregators.base import Aggregator
from games.aggregators.catalogue import read_catalogue
from games.aggregators.origins import read_origins
from games.aggregators.softswiss import Currency, SoftSwiss

TOKEN_LENGTH_MIN = 16


class SoftSwissSettings(BaseSettings):
    """What is agreed on with SOFTSWISS."""

    model_config = SettingsConfigDict(env_prefix="SOFTSWISS_", env_file=".env", extra="ignore")

    url: str = Field(default="", description="address of the aggregator; empty: off")
    casino_id: str = ""
    auth_token: SecretStr = SecretStr("")
    currencies: str = Field(
        default="TON:TON:9,USDT:USDT:6",
        description="their code, our asset, decimals of their subunit",
    )
    catalogue: str = Field(default="", description="file with the list of games")
    frame_origins: str = Field(default="", description="origins that games are served from")

    def dialect(self) -> SoftSwiss | None:
        """The dialect that these settings describe, None when it is off; raises ValueError."""
        if not self.url:
            return None
        token = self.auth_token.get_secret_value()
        if len(token) < TOKEN_LENGTH_MIN:
            raise ValueError("SOFTSWISS_AUTH_TOKEN is shorter than 16 characters")
        return SoftSwiss(
            url=self.url.rstrip("/"),
            casino_id=self.casino_id,
            token=token.encode(),
            currencies=read_currencies(self.currencies),
            games=read_catalogue(self.catalogue, aggregator="softswiss"),
            frame_origins=read_origins(self.frame_origins),
        )


def read_currencies(text: str) -> dict[str, Currency]:
    """`code:asset:decimals`, comma separated; raises ValueError."""
    found: dict[str, Currency] = {}
    for line in text.split(","):
        code, asset, decimals = (part.strip() for part in line.split(":"))
        if not code or code in found or asset not in PLAYABLE:
            raise ValueError(f"not a currency, such as TON:TON:9: {line!r}")
        found[code] = Currency(Asset(asset), int(decimals))
    return found


def softswiss() -> Aggregator | None:
    """SOFTSWISS as the environment describes it, None when it is off."""
    return SoftSwissSettings().dialect()

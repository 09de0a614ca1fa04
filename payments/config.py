"""Settings of the processes that move money; key locations exist only here."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class TonNetwork(StrEnum):
    """Which TON we are on; addresses flagged for testing are refused on the main network."""

    MAINNET = "mainnet"
    TESTNET = "testnet"


class TonSettings(BaseSettings):
    """The node that we read and pay through, and how often."""

    model_config = SettingsConfigDict(env_prefix="TON_", env_file=".env", extra="ignore")

    network: TonNetwork = TonNetwork.TESTNET
    toncenter_url: str = Field(
        default="https://testnet.toncenter.com", description="toncenter, API v2 and v3"
    )
    toncenter_api_key: SecretStr = SecretStr("")
    requests_per_second: int = Field(default=1, ge=1, le=1000, description="of the API plan")
    poll_seconds: int = Field(default=5, ge=1, le=600, description="pause between two readings")
    watcher_lag_blocks_max: int = Field(
        default=50, ge=1, description="the sender waits while the watcher is further behind"
    )


class TonWalletSettings(BaseSettings):
    """What decides the hot wallet's address besides its key; never change it with coins inside."""

    model_config = SettingsConfigDict(env_prefix="TON_WALLET_", env_file=".env", extra="ignore")

    subwallet_id: int = Field(default=0x10AD, ge=0, lt=2**32)
    timeout_seconds: int = Field(default=3600, ge=60, le=86400, description="life of a payout")


class EvmSettings(BaseSettings):
    """An EVM network and the token on it; the rail is off while any of these is missing."""

    model_config = SettingsConfigDict(env_prefix="EVM_", env_file=".env", extra="ignore")

    chain_id: int = Field(default=0, ge=0, description="1 is Ethereum, 11155111 Sepolia")
    node_urls: SecretStr = Field(
        default=SecretStr(""), description="comma separated; hosted nodes carry keys in them"
    )
    token: str = Field(default="", description="the token's contract, 0x and 40 hex digits")
    xpub: str = Field(default="", description="public key of m/44'/60'/0'; watches, cannot spend")
    pool_ahead: int = Field(default=200, ge=1, le=100_000, description="free addresses kept ready")
    start_height: int = Field(
        default=0, ge=0, description="first block to read; 0: what comes after the final one"
    )
    requests_per_second: int = Field(default=5, ge=1, le=1000, description="of the API plan")
    poll_seconds: int = Field(default=6, ge=1, le=600, description="pause between two readings")

    @property
    def urls(self) -> tuple[str, ...]:
        """The nodes, the preferred one first."""
        given = self.node_urls.get_secret_value().split(",")
        return tuple(url.strip() for url in given if url.strip())

    @property
    def given(self) -> bool:
        """Whether the rail is wanted."""
        return bool(self.chain_id)

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        parts = [bool(self.chain_id), bool(self.urls), bool(self.token), bool(self.xpub)]
        if any(parts) and not all(parts):
            raise ValueError("EVM_CHAIN_ID, EVM_NODE_URLS, EVM_TOKEN and EVM_XPUB go together")
        return self


class BtcNetwork(StrEnum):
    """Bitcoin networks by the names that addresses know them by; Litecoin's is for tests on its
    node."""

    MAIN = "bitcoin"
    TESTNET = "bitcoin_testnet"
    REGTEST = "bitcoin_regtest"
    LITECOIN_REGTEST = "litecoin_regtest"


class BtcSettings(BaseSettings):
    """A Bitcoin network through our own node; the rail is off while any of these is missing."""

    model_config = SettingsConfigDict(env_prefix="BTC_", env_file=".env", extra="ignore")

    network: BtcNetwork | Literal[""] = Field(
        default="", description="bitcoin, bitcoin_testnet or bitcoin_regtest"
    )
    node_url: str = Field(default="", description="JSON-RPC of a Bitcoin Core")
    node_user: str = ""
    node_password: SecretStr = SecretStr("")
    xpub: str = Field(default="", description="public key of m/84'/0'/0'; watches, cannot spend")
    pool_ahead: int = Field(default=200, ge=1, le=100_000, description="free addresses kept ready")
    start_height: int = Field(
        default=0, ge=0, description="first block to read; 0: what comes after the final one"
    )
    poll_seconds: int = Field(default=10, ge=1, le=600, description="pause between two readings")

    @property
    def given(self) -> bool:
        """Whether the rail is wanted."""
        return bool(self.network)

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        parts = [
            bool(self.network),
            bool(self.node_url),
            bool(self.node_user),
            bool(self.node_password.get_secret_value()),
            bool(self.xpub),
        ]
        if any(parts) and not all(parts):
            raise ValueError(
                "BTC_NETWORK, BTC_NODE_URL, BTC_NODE_USER, BTC_NODE_PASSWORD and BTC_XPUB"
                " go together"
            )
        return self


class SignerSettings(BaseSettings):
    """The only process with keys: where they are, whom it obeys, how much it may pay."""

    model_config = SettingsConfigDict(env_prefix="SIGNER_", env_file=".env", extra="ignore")

    database_url: SecretStr = Field(
        default=SecretStr(""), description="as a role of its own; empty: DATABASE_URL"
    )
    keystore: str = Field(default="keystore.json", description="file made by `keys create`")
    keystore_password: SecretStr = SecretStr("")
    ton_key_seed: SecretStr = Field(
        default=SecretStr(""), description="64 hex digits; replaces the keystore when given"
    )
    btc_eth_key_entropy: SecretStr = Field(
        default=SecretStr(""), description="64 hex digits; replaces the keystore when given"
    )
    approval_public_key: str = Field(
        default="", description="Ed25519 public key of the operators' bot, 64 hex digits"
    )
    ton_order_units_max: int = Field(default=10_000_000_000_000, gt=0)
    ton_hour_units_max: int = Field(default=30_000_000_000_000, gt=0)
    ton_day_units_max: int = Field(default=50_000_000_000_000, gt=0)
    ton_two_people_above_units: int = Field(
        default=700_000_000_000, gt=0, description="orders above it need two approvers"
    )
    poll_seconds: int = Field(default=1, ge=1, le=60)

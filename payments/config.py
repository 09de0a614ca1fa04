"""Settings of the processes that move money; key locations exist only here."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from casino.cashier.rails import DepositsBy


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
    poll_seconds: int = Field(default=5, ge=1, le=600, description="from one reading to the next")
    watcher_lag_blocks_max: int = Field(
        default=50, ge=1, description="the sender waits while the watcher is further behind"
    )
    jetton_master: str = Field(
        default="", description="master of the jetton behind usdt_ton; empty: the rail is off"
    )
    deposits_by: DepositsBy = Field(
        default=DepositsBy.TAG, description="tag: one address and a comment; address: one for each"
    )
    deposit_public_key: str = Field(
        default="", description="Ed25519 key of players' addresses, 64 hex digits; cannot spend"
    )
    pool_ahead: int = Field(default=200, ge=1, le=100_000, description="free addresses kept ready")

    sweep_min_units: int = Field(
        default=1_000_000_000, gt=0, description="coins at a player's address worth moving"
    )
    jetton_sweep_min_units: int = Field(
        default=10_000_000, gt=0, description="jettons at a player's address worth moving"
    )
    sweep_every_seconds: int = Field(default=600, ge=1, description="pause between two looks")

    @model_validator(mode="after")
    def _addresses_need_a_key(self) -> Self:
        if self.deposits_by is DepositsBy.ADDRESS and not self.deposit_public_key:
            raise ValueError("TON_DEPOSITS_BY=address needs TON_DEPOSIT_PUBLIC_KEY")
        return self


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
    poll_seconds: int = Field(default=6, ge=1, le=600, description="from one reading to the next")
    watch_tokens: bool = Field(
        default=True, description="tell staff of other tokens that come to players' addresses"
    )

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
    poll_seconds: int = Field(default=10, ge=1, le=600, description="from one reading to the next")

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


class EvmTokenSettings(BaseSettings):
    """The network and the token, as the one process without a node needs them."""

    model_config = SettingsConfigDict(env_prefix="EVM_", env_file=".env", extra="ignore")

    chain_id: int = Field(default=0, ge=0)
    token: str = ""

    @property
    def given(self) -> bool:
        """Whether the rail is wanted."""
        return bool(self.chain_id)


class EvmDeployerSettings(BaseSettings):
    """The throwaway account that pays for deploying the sweeping contract, once."""

    model_config = SettingsConfigDict(env_prefix="EVM_", env_file=".env", extra="ignore")

    deployer_key: SecretStr = Field(default=SecretStr(""), description="64 hex digits")


class EvmSweeps(StrEnum):
    """How coins get from players' deposit addresses to the hot wallet."""

    AUTO = "auto"
    """By delegation where the network's blocks show that it knows it, by fuel elsewhere."""
    DELEGATION = "delegation"
    """EIP-7702: the hot wallet pays, and the address never holds a coin."""
    FUEL = "fuel"
    """The address is given coins first and pays for its own transfer."""
    OFF = "off"


class EvmPayoutSettings(BaseSettings):
    """How USDT leaves on Ethereum: what gas may cost, how long to wait, when to sweep."""

    model_config = SettingsConfigDict(env_prefix="EVM_", env_file=".env", extra="ignore")

    max_fee_gwei: int = Field(default=150, ge=1, le=100_000, description="a unit of gas, at most")
    tip_gwei_max: int = Field(default=10, ge=1, le=100_000, description="of it for the producer")
    open_payouts_max: int = Field(default=16, ge=1, le=64, description="payments under way at once")
    bump_seconds: int = Field(
        default=180, ge=1, description="a payment not mined for so long is offered for more"
    )
    unsigned_seconds: int = Field(
        default=900, ge=1, description="a payment not signed for so long gives its nonce back"
    )
    watcher_lag_blocks_max: int = Field(
        default=25, ge=0, description="the sender waits while the watcher is further behind"
    )
    sweeps: EvmSweeps = EvmSweeps.AUTO
    sweep_seconds: int = Field(default=600, ge=1, description="pause between two looks")
    sweep_batch: int = Field(default=8, ge=1, le=64, description="sweeps under way at once")
    sweep_units_min: int = Field(
        default=50_000_000, ge=1, description="less than this stays where it is"
    )
    sweep_cost_times: int = Field(
        default=20, ge=1, description="so many times its cost has to be there to be swept"
    )
    sweep_max_fee_gwei: int = Field(
        default=50, ge=1, le=100_000, description="sweeps wait while gas costs more"
    )


class BtcAccountSettings(BaseSettings):
    """The network and the account on it, as the one process without a node needs them."""

    model_config = SettingsConfigDict(env_prefix="BTC_", env_file=".env", extra="ignore")

    network: BtcNetwork | Literal[""] = ""
    xpub: str = ""

    @property
    def given(self) -> bool:
        """Whether the rail is wanted."""
        return bool(self.network)


class BtcPayoutSettings(BaseSettings):
    """What we are ready to pay for Bitcoin's blocks. Rates are satoshis per virtual byte."""

    model_config = SettingsConfigDict(env_prefix="BTC_PAYOUT_", env_file=".env", extra="ignore")

    members_max: int = Field(default=100, ge=1, le=250, description="payments in a transaction")
    rate_least: int = Field(default=1, ge=1)
    rate_most: int = Field(default=200, ge=1, description="never more, however long it takes")
    rate_fallback: int = Field(default=20, ge=1, description="when the node has no estimate")
    confirm_blocks: int = Field(default=2, ge=1, le=1008, description="how soon it shall be mined")
    bump_after_blocks: int = Field(default=3, ge=1, description="then the fee is raised")
    later_rate: int = Field(default=10, ge=1, description="what spending our change may cost")
    fee_satoshis_max: int = Field(default=2_000_000, ge=1, description="of a transaction")
    consolidate_rate_max: int = Field(
        default=3, ge=0, description="coins are joined at such rates; 0: never"
    )
    consolidate_coins_min: int = Field(default=50, ge=2, description="when there are so many")
    scan_hours: int = Field(
        default=24, ge=1, description="how often the node counts our coins itself"
    )

    @model_validator(mode="after")
    def _rates_rise(self) -> Self:
        if not self.rate_least <= self.rate_fallback <= self.rate_most:
            raise ValueError(
                "BTC_PAYOUT_RATE_LEAST, BTC_PAYOUT_RATE_FALLBACK and BTC_PAYOUT_RATE_MOST must rise"
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
    usdt_eth_order_units_max: int = Field(default=20_000_000_000, gt=0)
    usdt_eth_hour_units_max: int = Field(default=60_000_000_000, gt=0)
    usdt_eth_day_units_max: int = Field(default=100_000_000_000, gt=0)
    usdt_eth_two_people_above_units: int = Field(
        default=2_000_000_000, gt=0, description="orders above it need two approvers"
    )
    usdt_eth_cold_address: str = Field(
        default="", description="cold storage; empty: nothing is signed to it, people move coins"
    )
    evm_max_fee_gwei: int = Field(default=300, gt=0, description="a unit of gas, at most")
    evm_tip_gwei_max: int = Field(default=20, gt=0, description="of it for the producer")
    evm_gas_max: int = Field(default=400_000, ge=21_000, description="of one transaction")
    evm_fuel_gwei_max: int = Field(
        default=20_000_000, gt=0, description="coins for a deposit address, at once"
    )
    evm_day_gwei_max: int = Field(
        default=2_000_000_000, gt=0, description="gas and fuel of a day at their dearest"
    )
    evm_own_addresses: int = Field(
        default=5_000, ge=1, description="deposit addresses that are never paid to"
    )
    btc_order_units_max: int = Field(
        default=20_000_000_000, gt=0, description="1 BTC is 100,000,000,000 units"
    )
    btc_hour_units_max: int = Field(default=50_000_000_000, gt=0)
    btc_day_units_max: int = Field(default=100_000_000_000, gt=0)
    btc_two_people_above_units: int = Field(default=2_000_000_000, gt=0)
    btc_cold_address: str = Field(default="", description="cold storage; empty: as above")
    btc_rate_max: int = Field(default=500, ge=1, description="satoshis per virtual byte")
    btc_joining_rate_max: int = Field(default=10, ge=1, description="the same, to join own coins")
    btc_fee_satoshis_max: int = Field(default=2_000_000, ge=1, description="of a transaction")
    btc_fee_day_satoshis_max: int = Field(default=20_000_000, ge=1, description="of all in a day")
    ton_cold_address: str = Field(default="", description="cold storage; empty: as above")
    ton_fuel_day_units_max: int = Field(
        default=20_000_000_000, gt=0, description="coins for moving players' jettons to us, a day"
    )
    usdt_ton_wallets: str = Field(
        default="", description="jetton wallets of the hot wallets, comma separated, newest last"
    )
    usdt_ton_cold_address: str = Field(default="", description="cold storage; empty: as above")
    usdt_ton_order_units_max: int = Field(default=50_000_000_000, gt=0)
    usdt_ton_hour_units_max: int = Field(default=150_000_000_000, gt=0)
    usdt_ton_day_units_max: int = Field(default=250_000_000_000, gt=0)
    usdt_ton_two_people_above_units: int = Field(
        default=3_500_000_000, gt=0, description="orders above it need two approvers"
    )
    poll_seconds: int = Field(default=1, ge=1, le=60)

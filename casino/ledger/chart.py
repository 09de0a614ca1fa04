"""Which accounts exist, who owns them, and why money moves between them."""

from __future__ import annotations

from enum import IntEnum


class Account(IntEnum):
    """An account; its number stands in ledger rows and is never reused.

    A credit raises what the house owes on the account, a debit lowers it. Player accounts are
    therefore never below zero, except `player:deficit`, which only ever holds what a player owes;
    external accounts mirror coins that we hold and are at or below zero.
    """

    PLAYER_CASH = 1
    PLAYER_BONUS = 2
    PLAYER_RESERVED = 3
    PLAYER_HELD = 4
    PLAYER_DEFICIT = 5
    HOUSE_GAMING = 20
    HOUSE_OPEN_ROUNDS = 21
    HOUSE_FEES = 22
    HOUSE_NETWORK_FEES = 23
    HOUSE_CAPITAL = 24
    HOUSE_AGGREGATORS = 25
    HOUSE_UNCLAIMED = 26
    HOT_WALLET_TON = 50
    HOT_WALLET_USDT_FAUCET = 51
    HOT_WALLET_USDT_ETH = 52
    HOT_WALLET_USDT_TON = 53
    HOT_WALLET_BTC = 54
    FUEL_ETH = 60
    COLD_WALLET_TON = 70
    COLD_WALLET_USDT_ETH = 71
    COLD_WALLET_USDT_TON = 72
    COLD_WALLET_BTC = 73

    @property
    def path(self) -> str:
        """The account's name as people read it."""
        return _PATHS[self]

    @property
    def is_players(self) -> bool:
        """Whether each player has a balance of his own on it."""
        return self <= Account.PLAYER_DEFICIT


_PATHS = {
    Account.PLAYER_CASH: "player:cash",
    Account.PLAYER_BONUS: "player:bonus",
    Account.PLAYER_RESERVED: "player:reserved",
    Account.PLAYER_HELD: "player:held",
    Account.PLAYER_DEFICIT: "player:deficit",
    Account.HOUSE_GAMING: "house:gaming",
    Account.HOUSE_OPEN_ROUNDS: "house:open_rounds",
    Account.HOUSE_FEES: "house:fees",
    Account.HOUSE_NETWORK_FEES: "house:network_fees",
    Account.HOUSE_CAPITAL: "house:capital",
    Account.HOUSE_AGGREGATORS: "house:aggregators",
    Account.HOUSE_UNCLAIMED: "house:unclaimed",
    Account.HOT_WALLET_TON: "external:hot_wallet:ton",
    Account.HOT_WALLET_USDT_FAUCET: "external:hot_wallet:usdt_faucet",
    Account.HOT_WALLET_USDT_ETH: "external:hot_wallet:usdt_eth",
    Account.HOT_WALLET_USDT_TON: "external:hot_wallet:usdt_ton",
    Account.HOT_WALLET_BTC: "external:hot_wallet:btc",
    Account.FUEL_ETH: "external:fuel:eth",
    Account.COLD_WALLET_TON: "external:cold_wallet:ton",
    Account.COLD_WALLET_USDT_ETH: "external:cold_wallet:usdt_eth",
    Account.COLD_WALLET_USDT_TON: "external:cold_wallet:usdt_ton",
    Account.COLD_WALLET_BTC: "external:cold_wallet:btc",
}

_HOT_WALLETS = {
    "ton": Account.HOT_WALLET_TON,
    "usdt_faucet": Account.HOT_WALLET_USDT_FAUCET,
    "usdt_eth": Account.HOT_WALLET_USDT_ETH,
    "usdt_ton": Account.HOT_WALLET_USDT_TON,
    "btc": Account.HOT_WALLET_BTC,
}

_COLD_WALLETS = {
    "ton": Account.COLD_WALLET_TON,
    "usdt_eth": Account.COLD_WALLET_USDT_ETH,
    "usdt_ton": Account.COLD_WALLET_USDT_TON,
    "btc": Account.COLD_WALLET_BTC,
}

BANKROLL = (Account.HOUSE_GAMING, Account.HOUSE_CAPITAL)


def hot_wallet(rail: str) -> Account:
    """The account that mirrors a rail's hot wallet; raises KeyError for an unknown rail."""
    return _HOT_WALLETS[rail]


def cold_wallet(rail: str) -> Account:
    """The account that mirrors a rail's cold storage; raises KeyError for a rail without any."""
    return _COLD_WALLETS[rail]


def has_cold_wallet(rail: str) -> bool:
    """Whether coins of a rail can be in cold storage."""
    return rail in _COLD_WALLETS


class Kind(IntEnum):
    """Why a transfer was made; its number stands in ledger rows and is never reused."""

    BET_STAKE = 1
    BET_PAYOUT = 2
    BET_REFUND = 3
    BET_SETTLE = 4
    SEAMLESS_DEBIT = 10
    SEAMLESS_CREDIT = 11
    SEAMLESS_ROLLBACK = 12
    SEAMLESS_REVERSAL = 13
    DEPOSIT = 20
    DEPOSIT_HELD = 21
    DEPOSIT_RELEASE = 22
    DEPOSIT_REVERSAL = 23
    DEPOSIT_UNCLAIMED = 24
    DEFICIT_PAYMENT = 25
    DEPOSIT_RETURN = 26
    WITHDRAWAL_RESERVE = 30
    WITHDRAWAL_RELEASE = 31
    WITHDRAWAL_PAYOUT = 32
    WITHDRAWAL_FEE = 33
    NETWORK_FEE = 34
    CAPITAL_PAID_IN = 40
    CAPITAL_PAID_OUT = 41
    MOVE_TO_COLD = 42
    MOVE_FROM_COLD = 43
    CORRECTION = 50

    @property
    def path(self) -> str:
        """The kind's name as people read it, such as `bet.stake`."""
        return self.name.lower().replace("_", ".", 1)

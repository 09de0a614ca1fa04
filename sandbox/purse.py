"""A person's own wallets, one for each rail: what they hold, and sending from them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from casino.errors import AddressInvalid, OutsideError
from casino.money import trim_units
from payments.addresses import parse_ton
from payments.btc_units import COIN_DECIMALS
from payments.chains.btc_addresses import NETWORKS, parse
from payments.chains.evm_addresses import parse_evm
from sandbox.btc.wallet import PersonWallet as BitcoinWallet
from sandbox.btc.wallet import WalletIsShort
from sandbox.evm.wallet import TOKEN_TRANSFER_GAS
from sandbox.evm.wallet import PersonWallet as EthereumWallet
from sandbox.processes import ServiceFailed
from sandbox.telegram.errors import ActError
from sandbox.ton.jetton import ATTACHED_UNITS
from sandbox.ton.wallet import PersonWallet as TonWallet

if TYPE_CHECKING:
    from collections.abc import Callable

    from payments.addresses import TonAddress
    from sandbox.chains import LocalChains
    from sandbox.evm.usdt import LocalUsdt
    from sandbox.ton.jetton import LocalJetton

TON_DECIMALS, USDT_DECIMALS, ETH_DECIMALS = 9, 6, 18
TON_FEE_ROOM = 50_000_000
JETTON_FEE_ROOM = ATTACHED_UNITS + TON_FEE_ROOM
TITLES = {
    "ton": "a TON address",
    "ethereum": "an Ethereum address",
    "bitcoin": "a Bitcoin address",
    "bitcoin_testnet": "a Bitcoin address of the test network",
    "bitcoin_regtest": "a Bitcoin address",
    "litecoin": "a Litecoin address",
    "tron": "a Tron address",
    "solana": "a Solana address",
    "lightning": "a Lightning invoice",
    "ton_dns": "a name, not an address",
}


@dataclass(frozen=True, slots=True)
class Coins:
    """What something is paid with, and how much of it there is; `units` of 10^-`decimals`."""

    name: str
    units: int
    decimals: int


class Wallet(Protocol):
    """One of a person's wallets, for one rail of the casino."""

    rail: str
    asset: str
    network: str
    """As people call it."""
    chain: str
    decimals: int
    comments: bool
    """Whether a payment can carry a comment."""

    @property
    def address(self) -> str:
        """Where people pay him."""

    async def balance(self) -> int:
        """What he could send, fees aside."""

    async def fuel(self) -> Coins | None:
        """What pays the network's fees, when that is another coin."""

    async def send(self, to: str, units: int, *, comment: str) -> None:
        """Pay an address; it is on the chain with one of the next blocks. Raises ActError with
        the words for why not."""


@dataclass(slots=True)
class TonCoins:
    """Coins of TON."""

    wallet: TonWallet
    turn: asyncio.Lock
    rail: str = "ton"
    asset: str = "TON"
    network: str = "TON network"
    chain: str = "ton"
    decimals: int = TON_DECIMALS
    comments: bool = True

    @property
    def address(self) -> str:
        return self.wallet.address.friendly(testnet=False, bounceable=False)

    async def balance(self) -> int:
        return await self.wallet.balance()

    async def fuel(self) -> None:
        return None

    async def send(self, to: str, units: int, *, comment: str) -> None:
        require_address(to, lambda: parse_ton(to, testnet=True))
        async with self.turn:
            spare = max(0, await self.wallet.balance() - TON_FEE_ROOM)
            require_room(units, Coins("TON", spare, TON_DECIMALS))
            await self.wallet.wait(await self.wallet.send(to, units, comment=comment))


@dataclass(slots=True)
class TonDollars:
    """USDT as a jetton, held by the wallet of his coins."""

    jetton: LocalJetton
    wallet: TonWallet
    turn: asyncio.Lock
    """The same as for his coins: one wallet signs one transfer at a time."""
    rail: str = "usdt_ton"
    asset: str = "USDT"
    network: str = "TON network"
    chain: str = "ton"
    decimals: int = USDT_DECIMALS
    comments: bool = True

    @property
    def address(self) -> str:
        return self.wallet.address.friendly(testnet=False, bounceable=False)

    async def balance(self) -> int:
        return await self.jetton.balance(self.wallet.address.raw)

    async def fuel(self) -> Coins:
        return Coins("TON", await self.wallet.balance(), TON_DECIMALS)

    async def send(self, to: str, units: int, *, comment: str) -> None:
        require_address(to, lambda: parse_ton(to, testnet=True))
        async with self.turn:
            require_room(units, Coins("USDT", await self.balance(), USDT_DECIMALS))
            require_fuel(await self.fuel(), JETTON_FEE_ROOM)
            number = await self.jetton.pay(self.wallet, to, units, comment=comment)
            await self.wallet.wait(number)


@dataclass(slots=True)
class EthereumDollars:
    """USDT as a token on Ethereum."""

    usdt: LocalUsdt
    wallet: EthereumWallet
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    rail: str = "usdt_eth"
    asset: str = "USDT"
    network: str = "Ethereum"
    chain: str = "ethereum"
    decimals: int = USDT_DECIMALS
    comments: bool = False

    @property
    def address(self) -> str:
        return self.wallet.address.checksummed

    async def balance(self) -> int:
        return await self.usdt.units(self.wallet.address.raw)

    async def fuel(self) -> Coins:
        return Coins("ETH", await self.usdt.chain.coins(self.wallet.address.raw), ETH_DECIMALS)

    async def send(self, to: str, units: int, *, comment: str) -> None:
        require_no_comment(comment, "Ethereum")
        require_address(to, lambda: parse_evm(to))
        async with self.turn:
            require_room(units, Coins("USDT", await self.balance(), USDT_DECIMALS))
            fees = (await self.wallet.market()).fees
            require_fuel(await self.fuel(), fees.max_fee * TOKEN_TRANSFER_GAS)
            await self.wallet.pay_tokens(to, units)


@dataclass(slots=True)
class Bitcoins:
    """Coins of Bitcoin."""

    wallet: BitcoinWallet
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    rail: str = "btc"
    asset: str = "BTC"
    network: str = "Bitcoin"
    chain: str = "bitcoin"
    decimals: int = COIN_DECIMALS
    comments: bool = False

    @property
    def address(self) -> str:
        return self.wallet.address

    async def balance(self) -> int:
        return await self.wallet.balance()

    async def fuel(self) -> None:
        return None

    async def send(self, to: str, units: int, *, comment: str) -> None:
        require_no_comment(comment, "Bitcoin")
        require_address(to, lambda: parse(to, NETWORKS[self.wallet.network]))
        async with self.turn:
            try:
                await self.wallet.send(to, units)
            except WalletIsShort as error:
                have = shown(Coins("BTC", await self.wallet.balance(), COIN_DECIMALS))
                words = f"your wallet can spend {have} now, the network's fee included"
                raise ActError(
                    f"{words}; coins that came back as change wait for a block"
                ) from error


@dataclass(slots=True)
class Purse:
    """All wallets of one person; the same person has the same ones in every run."""

    wallets: tuple[Wallet, ...]

    @classmethod
    def of(cls, person: int, chains: LocalChains, *, usdt: LocalUsdt, jetton: LocalJetton) -> Purse:
        """The wallets of a person on these chains."""
        seed = f"person:{person}"
        coins, turn = TonWallet(chains.ton_rpc, seed=seed), asyncio.Lock()
        ethereum = EthereumWallet(chains.ethereum, usdt.address, seed)
        bitcoin = BitcoinWallet(chains.bitcoin_rpc, chains.bitcoin.network, seed)
        return cls(
            (
                TonCoins(coins, turn),
                TonDollars(jetton, coins, turn),
                EthereumDollars(usdt, ethereum),
                Bitcoins(bitcoin),
            )
        )

    def on(self, rail: str) -> Wallet:
        """The wallet for a rail; raises ActError when there is none."""
        for wallet in self.wallets:
            if wallet.rail == rail:
                return wallet
        raise ActError(f"there is no wallet for {rail!r} here", status=404)

    async def send(self, *, rail: str, to: str, units: int, comment: str) -> Wallet:
        """Pay from the wallet for a rail; raises ActError with the words for why not."""
        wallet = self.on(rail)
        if units <= 0:
            raise ActError("enter an amount above zero")
        try:
            await wallet.send(to.strip(), units, comment=comment)
        except (OutsideError, ServiceFailed) as error:
            raise ActError(f"the network did not take it: {error}") from error
        return wallet


def require_address(text: str, parse: Callable[[], TonAddress | object]) -> None:
    """Let `parse` read the address; ActError says what was pasted instead of one."""
    try:
        parse()
    except AddressInvalid as refusal:
        reason = refusal.data.get("reason")
        if reason == "other_network":
            other = str(refusal.data.get("network"))
            looks = TITLES.get(other, f"an address of {other}")
            raise ActError(f"this is {looks}: choose the wallet for that network") from refusal
        if reason == "checksum":
            raise ActError("a letter of this address is wrong: copy it once more") from refusal
        words = "paste the address to send to" if not text else "this is not an address"
        raise ActError(words) from refusal


def require_no_comment(comment: str, network: str) -> None:
    """A payment here carries none; one that was written would be lost in silence."""
    if comment:
        raise ActError(f"a payment on {network} carries no comment: leave it empty")


def require_room(units: int, have: Coins) -> None:
    """ActError when the wallet holds less."""
    if units > have.units:
        raise ActError(f"your wallet can send {shown(have)} at most")


def require_fuel(have: Coins, wanted: int) -> None:
    """ActError when the fee of the network cannot be paid."""
    if have.units < wanted:
        needed = shown(Coins(have.name, wanted, have.decimals))
        raise ActError(f"the network's fee needs {needed}; you have {shown(have)}")


def shown(coins: Coins) -> str:
    """An amount as people read it."""
    return f"{trim_units(coins.units, coins.decimals)} {coins.name}"

"""The four rails as the outside world sees them: wallets that pay, blocks, and what chains hold.

Nothing here asks the house: what is counted, is counted on the chains."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from casino.errors import OutsideError
from payments.addresses import TonAddress, parse_ton
from payments.bitcoin_rpc import units_of
from payments.chains.btc_addresses import (
    BITCOIN_REGTEST,
    INTERNAL_BRANCH,
    AccountKey,
    address_of,
    parse,
)
from payments.chains.evm_addresses import EvmAddress
from sandbox.btc.wallet import MATURITY_BLOCKS, WalletIsShort
from sandbox.btc.wallet import PersonWallet as BtcPerson
from sandbox.evm.wallet import PersonWallet as EvmPerson
from sandbox.ton.wallet import PersonWallet as TonPerson

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from payments.bitcoin_rpc import BitcoinRpc
    from payments.rpc import Toncenter
    from sandbox.evm.chain import LocalEvm
    from sandbox.evm.usdt import LocalUsdt
    from sandbox.ton.chain import LocalChain
    from sandbox.ton.jetton import LocalJetton

BTC_STEP = 1000
"""Units of the house in a satoshi."""
COINS_OF_A_PERSON = 40
FUNDING_FEE = 100_000
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
TON_FINAL_BLOCKS = 3
EVM_FINAL_BLOCKS = 6
BTC_FINAL_BLOCKS = 7
KEYS_SEARCHED = 400
LANDING_SECONDS = 15
"""Many blocks of the local TON: what was not executed by then was lost on the way."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a player was told to pay to; `tag` is None where the address is his own."""

    address: str
    tag: str | None


class Street(Protocol):
    """One rail, seen from outside; amounts in the house's units of its asset."""

    rail: str
    dust: int
    """Less than the house credits at once."""

    async def pay_in(self, person: int, place: Place, units: int) -> bool:
        """Let a person's wallet pay; False if it could not."""
        ...

    def destination(self, chance: random.Random) -> str:
        """An account that nobody ever used, on this chain."""
        ...

    async def came_in(self, place: Place) -> int:
        """What the final chain shows that was paid to a place."""
        ...

    async def arrived(self, destination: str) -> int:
        """What the final chain shows at a destination."""
        ...

    async def advance(self) -> None:
        """One more block."""
        ...

    async def finish(self) -> None:
        """Enough blocks for everything so far to be final."""
        ...

    async def held(self, hot: str, addresses: list[str]) -> int:
        """What the house holds on this rail, wherever on the chain."""
        ...


@dataclass(slots=True)
class TonStreet:
    """Coins of TON: one address and a comment for each player."""

    chain: LocalChain
    rpc: Toncenter
    people: int
    rail: str = "ton"
    dust: int = 30_000_000
    _wallets: dict[int, TonPerson] = field(default_factory=dict)
    _paid: Counter[Place] = field(default_factory=Counter)

    def wallet(self, person: int) -> TonPerson:
        """A person's wallet."""
        if person not in self._wallets:
            self._wallets[person] = TonPerson(self.rpc, seed=f"conservation {person}")
        return self._wallets[person]

    async def fund(self) -> None:
        """Coins for everybody."""
        for person in range(self.people):
            await self.chain.faucet(self.wallet(person).address.raw, 10_000 * 10**9)

    async def pay_in(self, person: int, place: Place, units: int) -> bool:
        wallet = self.wallet(person)
        paid = await landed(
            wallet, lambda: wallet.send(place.address, units, comment=place.tag or "")
        )
        self._paid[place] += units if paid else 0
        return paid

    def destination(self, chance: random.Random) -> str:
        return TonAddress(0, chance.randbytes(32)).friendly(testnet=False, bounceable=False)

    async def came_in(self, place: Place) -> int:
        return self._paid[place]

    async def arrived(self, destination: str) -> int:
        return await self.chain.balance(parse_ton(destination, testnet=True).raw)

    async def advance(self) -> None:
        """The local TON makes its blocks by itself."""

    async def finish(self) -> None:
        await self.chain.mine(TON_FINAL_BLOCKS)

    async def held(self, hot: str, addresses: list[str]) -> int:
        accounts = [hot, *addresses]
        return sum([await self.chain.balance(parse_ton(one, testnet=True).raw) for one in accounts])


@dataclass(slots=True)
class JettonStreet:
    """A dollar on TON, from the wallets of the street of coins."""

    coins: TonStreet
    jetton: LocalJetton
    chance: random.Random
    rail: str = "usdt_ton"
    dust: int = 500_000
    _paid: Counter[Place] = field(default_factory=Counter)

    async def fund(self) -> None:
        """Dollars for everybody."""
        for person in range(self.coins.people):
            await self.jetton.mint(self.coins.wallet(person).address.raw, 1_000_000 * 10**6)
            # The issuer's next message wants to know that this one was executed.
            await self.coins.chain.mine()

    async def pay_in(self, person: int, place: Place, units: int) -> bool:
        wallet = self.coins.wallet(person)
        # Half of the wallets tell the receiver nothing; the jettons are there all the same.
        forward = self.chance.choice((0, 1))
        paid = await landed(
            wallet,
            lambda: self.jetton.pay(
                wallet, place.address, units, comment=place.tag or "", forward_units=forward
            ),
        )
        self._paid[place] += units if paid else 0
        return paid

    def destination(self, chance: random.Random) -> str:
        return self.coins.destination(chance)

    async def came_in(self, place: Place) -> int:
        return self._paid[place]

    async def arrived(self, destination: str) -> int:
        return await self.jetton.balance(parse_ton(destination, testnet=True).raw)

    async def advance(self) -> None:
        """The local TON makes its blocks by itself."""

    async def finish(self) -> None:
        await self.coins.finish()

    async def held(self, hot: str, addresses: list[str]) -> int:
        owners = [hot, *addresses]
        return sum([await self.jetton.balance(parse_ton(one, testnet=True).raw) for one in owners])


@dataclass(slots=True)
class EvmStreet:
    """A dollar on Ethereum: an address for each player."""

    chain: LocalEvm
    usdt: LocalUsdt
    people: int
    rail: str = "usdt_eth"
    dust: int = 1_000_000
    _wallets: dict[int, EvmPerson] = field(default_factory=dict)

    def wallet(self, person: int) -> EvmPerson:
        """A person's wallet."""
        if person not in self._wallets:
            self._wallets[person] = EvmPerson(
                self.chain, self.usdt.address, seed=f"conservation {person}"
            )
        return self._wallets[person]

    async def fund(self) -> None:
        """Dollars and gas for everybody."""
        wallets = [self.wallet(person) for person in range(self.people)]
        for wallet in wallets:
            await self.chain.give(wallet.address.raw, 10**21)
        await self.usdt.give_many([(one.address.raw, 10**12) for one in wallets])

    async def pay_in(self, person: int, place: Place, units: int) -> bool:
        await self.wallet(person).pay_tokens(place.address, units)
        return True

    def destination(self, chance: random.Random) -> str:
        return EvmAddress(chance.randbytes(20)).checksummed

    async def came_in(self, place: Place) -> int:
        return await self._logged(place.address)

    async def arrived(self, destination: str) -> int:
        return await self._logged(destination)

    async def advance(self) -> None:
        await self.chain.mine()

    async def finish(self) -> None:
        await self.chain.mine(EVM_FINAL_BLOCKS)

    async def held(self, hot: str, addresses: list[str]) -> int:
        return sum([await self.usdt.units(one) for one in (hot, *addresses)])

    async def _logged(self, to: str) -> int:
        """The sum of all transfers to an account since the beginning."""
        topic = "0x" + to.lower().removeprefix("0x").rjust(64, "0")
        logs = await self.chain.ask(
            "eth_getLogs",
            {
                "fromBlock": "0x0",
                "toBlock": "latest",
                "address": self.usdt.address.raw,
                "topics": [TRANSFER, None, topic],
            },
        )
        return sum(int(log["data"], 16) for log in logs)


@dataclass(slots=True)
class BtcStreet:
    """Bitcoin: an address for each player, and every coin of an account is the house's."""

    rpc: BitcoinRpc
    people: int
    xpub: str
    chance: random.Random
    rail: str = "btc"
    dust: int = 2_000 * BTC_STEP
    _wallets: dict[int, BtcPerson] = field(default_factory=dict)
    _outputs: dict[str, Counter[bytes]] = field(default_factory=dict)

    def wallet(self, person: int) -> BtcPerson:
        """A person's wallet."""
        if person not in self._wallets:
            self._wallets[person] = BtcPerson(
                self.rpc, BITCOIN_REGTEST.name, seed=f"conservation {person}"
            )
        return self._wallets[person]

    async def fund(self) -> None:
        """Several coins for everybody: each mines a block and cuts what it brings."""
        wallets = [self.wallet(person) for person in range(self.people)]
        for wallet in wallets:
            await self.rpc.call("generatetoaddress", 1, wallet.address)
        await wallets[0].mine(MATURITY_BLOCKS)
        for wallet in wallets:
            (whole,) = await wallet.coins()
            part = (whole.units - FUNDING_FEE) // COINS_OF_A_PERSON
            await wallet.pay([(wallet.script, part)] * COINS_OF_A_PERSON, coins=[whole])
        await wallets[0].mine()

    async def pay_in(self, person: int, place: Place, units: int) -> bool:
        script, satoshis = parse(place.address, BITCOIN_REGTEST), units // BTC_STEP
        # One time in four the same transaction pays twice to the same address.
        parts = [satoshis]
        if self.chance.random() < 0.25:
            half = satoshis // 2
            parts = [half, satoshis - half]
        try:
            await self.wallet(person).pay([(script, part) for part in parts])
        except (WalletIsShort, OutsideError):
            return False
        return True

    def destination(self, chance: random.Random) -> str:
        found = address_of(b"\x00\x14" + chance.randbytes(20), BITCOIN_REGTEST)
        if found is None:
            raise ValueError("a script of a kind that has addresses")
        return found

    async def came_in(self, place: Place) -> int:
        return await self._paid_to(place.address)

    async def arrived(self, destination: str) -> int:
        return await self._paid_to(destination)

    async def advance(self) -> None:
        await self.wallet(0).mine()

    async def finish(self) -> None:
        await self.wallet(0).mine(BTC_FINAL_BLOCKS)

    async def held(self, hot: str, addresses: list[str]) -> int:
        account = AccountKey(self.xpub, BITCOIN_REGTEST)
        scripts = {parse(one, BITCOIN_REGTEST) for one in (hot, *addresses)}
        scripts |= {account.script(INTERNAL_BRANCH, index) for index in range(KEYS_SEARCHED)}
        raws = [f"raw({script.hex()})" for script in scripts]
        found = await self.rpc.call("scantxoutset", "start", raws)
        return sum(units_of(one["amount"]) for one in found["unspents"]) * BTC_STEP

    async def _paid_to(self, address: str) -> int:
        """The sum of all outputs to an address in the chain as it stands."""
        script = parse(address, BITCOIN_REGTEST)
        height = await self.rpc.call("getblockcount")
        total = 0
        for number in range(1, height + 1):
            block_hash = await self.rpc.call("getblockhash", number)
            if block_hash not in self._outputs:
                block = await self.rpc.call("getblock", block_hash, 2)
                self._outputs[block_hash] = _outputs_of(block)
            total += self._outputs[block_hash][script]
        return total * BTC_STEP


def _outputs_of(block: dict[str, Any]) -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    for transaction in block["tx"]:
        for output in transaction["vout"]:
            found[bytes.fromhex(output["scriptPubKey"]["hex"])] += units_of(output["value"])
    return found


async def landed(wallet: TonPerson, send: Callable[[], Awaitable[object]]) -> bool:
    """Whether what a wallet on TON was told to send was executed: whatever its node answered, the
    wallet's own counter tells."""
    before = await _counter(wallet)
    with suppress(OutsideError):
        await send()
    deadline = time.monotonic() + LANDING_SECONDS
    while time.monotonic() < deadline:
        if await _counter(wallet) > before:
            return True
        await asyncio.sleep(0.1)
    return False


async def _counter(wallet: TonPerson) -> int:
    while True:
        try:
            return await wallet.seqno()
        except OutsideError:
            await asyncio.sleep(0.1)


def seed_of(text: str) -> int:
    """A number for a random generator, the same for the same text everywhere."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

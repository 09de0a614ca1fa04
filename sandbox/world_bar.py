"""The bar of the world on the local Telegram's page: the chain, people's wallets, the log."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from casino.cashier import deposits, history
from casino.clock import utc_now
from casino.errors import CasinoError, OutsideError, Refusal
from casino.ids import new_reference
from casino.money import Asset, trim_units
from casino.players import identity
from payments.addresses import parse_ton
from sandbox.genesis import USDT
from sandbox.telegram.errors import ActError
from sandbox.ton.wallet import PersonWallet

if TYPE_CHECKING:
    from casino.db import Database
    from payments.rpc import Toncenter
    from sandbox.casino_processes import CasinoProcesses
    from sandbox.ton.chain import LocalChain

Json = dict[str, Any]

DOLLARS_FOR_EACH = 1_000 * USDT
FEE_ROOM = 50_000_000
MOVEMENTS_MAX = 100


class WorldBar:
    """What the page shows of the world, and what a person can do in it."""

    def __init__(
        self,
        *,
        database: Database,
        chain: LocalChain,
        rpc: Toncenter,
        processes: CasinoProcesses,
        people: tuple[int, ...],
    ) -> None:
        self._database = database
        self._chain = chain
        self._processes = processes
        self._wallets = {one: PersonWallet(rpc, seed=f"person:{one}") for one in people}
        self._sending = {one: asyncio.Lock() for one in people}

    def address_of(self, person_id: int) -> str:
        """Where a person's coins live."""
        return self._wallets[person_id].address.friendly(testnet=False, bounceable=False)

    async def snapshot(self, *, person_id: int) -> Json:
        """Chain, wallets and the newest lines for one person."""
        status = await self._chain.status()
        return {
            "chains": [{"name": "ton", "title": "TON", "height": int(status["seqno"])}],
            "wallets": await self._wallets_of(person_id),
            "log": await self.log_lines(limit=30),
        }

    async def send(self, *, person_id: int, asset: str, to: str, comment: str, units: int) -> Json:
        """Send coins from the person's wallet, or ask the faucet for play dollars."""
        if person_id not in self._wallets:
            raise ActError("this person has no wallet", status=404)
        if units <= 0:
            raise ActError("enter an amount above zero")
        if asset == Asset.USDT:
            return await self._draw_dollars(person_id, units)
        return await self._send_coins(person_id, to.strip(), comment, units)

    async def mine(self, *, chain: str) -> Json:
        """Make the next block now."""
        if chain != "ton":
            raise ActError(f"there is no chain {chain!r} here", status=404)
        return {"chain": "ton", "height": await self._chain.mine()}

    async def log_lines(self, *, limit: int) -> list[Json]:
        """The last lines that the casino's processes said, oldest first."""
        said = list(self._processes.lines)[-limit:]
        return [{"at": one.at, "service": one.service, "text": one.text} for one in said]

    async def _wallets_of(self, person_id: int) -> list[Json]:
        if person_id not in self._wallets:
            return []
        coins = {
            "asset": "TON",
            "chain": "ton",
            "decimals": Asset.TON.decimals,
            "units": str(await self._wallets[person_id].balance()),
            "address": self.address_of(person_id),
        }
        dollars = {
            "asset": "USDT",
            "chain": "faucet",
            "decimals": Asset.USDT.decimals,
            "units": str(await self._dollars_left(person_id)),
            "address": "",
        }
        return [coins, dollars]

    async def _send_coins(self, person_id: int, to: str, comment: str, units: int) -> Json:
        wallet = self._wallets[person_id]
        try:
            parse_ton(to, testnet=True)
        except Refusal as refusal:
            raise ActError("this is not a TON address") from refusal
        async with self._sending[person_id]:
            have = await wallet.balance()
            if units + FEE_ROOM > have:
                spare = trim_units(max(0, have - FEE_ROOM), Asset.TON.decimals)
                raise ActError(f"your wallet can send {spare} TON at most")
            try:
                number = await wallet.send(to, units, comment=comment)
                await wallet.wait(number)
            except OutsideError as error:
                raise ActError(f"the network did not take it: {error}") from error
        return {"sent": True, "asset": "TON", "units": str(units)}

    async def _draw_dollars(self, person_id: int, units: int) -> Json:
        left = await self._dollars_left(person_id)
        if units > left:
            raise ActError(f"the faucet has {trim_units(left, Asset.USDT.decimals)} USDT for you")
        async with self._database.transaction() as session:
            player = await identity.find_by_telegram(session, telegram_id=person_id)
        if player is None:
            raise ActError("start the player's bot first: the faucet pays into your account there")
        try:
            async with self._database.transaction() as session:
                await deposits.credit_faucet(
                    session,
                    player_id=player.id,
                    units=units,
                    asset=Asset.USDT,
                    reference=new_reference(),
                    now=utc_now(),
                )
        except CasinoError as error:
            raise ActError(f"the casino did not take it: {error}") from error
        return {"sent": True, "asset": "USDT", "units": str(units)}

    async def _dollars_left(self, person_id: int) -> int:
        async with self._database.transaction() as session:
            player = await identity.find_by_telegram(session, telegram_id=person_id)
            if player is None:
                return DOLLARS_FOR_EACH
            moves = await history.list_movements(
                session, player_id=player.id, before_id=None, limit=MOVEMENTS_MAX
            )
        drawn = sum(
            move.amount.units
            for move in moves
            if move.kind == "deposit" and move.amount.asset is Asset.USDT
        )
        return max(0, DOLLARS_FOR_EACH - drawn)

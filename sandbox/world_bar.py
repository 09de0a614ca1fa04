"""The bar of the world on the local Telegram's page: chains, people's wallets, the log."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import aiohttp

from casino.errors import OutsideError
from sandbox.chains import NAMES, TITLES
from sandbox.processes import ServiceFailed
from sandbox.telegram.errors import ActError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.casino_processes import CasinoProcesses
    from sandbox.chains import LocalChains
    from sandbox.purse import Purse, Wallet

Json = dict[str, Any]


class WorldBar:
    """What the page shows of the world, and what a person can do in it."""

    def __init__(
        self, *, chains: LocalChains, purses: Mapping[int, Purse], processes: CasinoProcesses
    ) -> None:
        self._chains = chains
        self._purses = purses
        self._processes = processes
        # What a wallet showed at a height; it is asked again when a block or its owner moved it.
        self._shown: dict[tuple[int, str], tuple[int, Json]] = {}

    def purse_of(self, person_id: int) -> Purse:
        """A person's wallets; raises ActError for somebody who has none."""
        if person_id not in self._purses:
            raise ActError("this person has no wallet", status=404)
        return self._purses[person_id]

    async def snapshot(self, *, person_id: int) -> Json:
        """Chains, wallets and the newest lines for one person."""
        heights = dict(zip(NAMES, await asyncio.gather(*map(self._height, NAMES)), strict=True))
        wallets = self._purses[person_id].wallets if person_id in self._purses else ()
        shown = await asyncio.gather(
            *(self._show(person_id, one, heights[one.chain]) for one in wallets)
        )
        return {
            "chains": [
                {"name": name, "title": TITLES[name], "height": height}
                for name, height in heights.items()
                if height
            ],
            "wallets": [one for one in shown if one],
            "log": await self.log_lines(limit=30),
        }

    async def send(self, *, person_id: int, rail: str, to: str, comment: str, units: int) -> Json:
        """Send coins from one of the person's wallets."""
        wallet = await self.purse_of(person_id).send(rail=rail, to=to, units=units, comment=comment)
        self._shown = {key: one for key, one in self._shown.items() if key[0] != person_id}
        return {"sent": True, "rail": rail, "asset": wallet.asset, "units": str(units)}

    async def mine(self, *, chain: str) -> Json:
        """Make the next block now."""
        if chain not in NAMES:
            raise ActError(f"there is no chain {chain!r} here", status=404)
        try:
            return {"chain": chain, "height": await self._chains.mine(chain)}
        except (OutsideError, ServiceFailed, aiohttp.ClientError) as error:
            raise ActError(f"the node did not answer: {error}") from error

    async def log_lines(self, *, limit: int) -> list[Json]:
        """The last lines that the casino's processes said, oldest first."""
        said = list(self._processes.lines)[-limit:]
        return [{"at": one.at, "service": one.service, "text": one.text} for one in said]

    async def _height(self, name: str) -> int:
        # A node that is away must not take the page with it: its chain is missing for that long.
        try:
            return await self._chains.height(name)
        except (OutsideError, ServiceFailed, aiohttp.ClientError, TimeoutError):
            return 0

    async def _show(self, person_id: int, wallet: Wallet, height: int) -> Json:
        key = (person_id, wallet.rail)
        known = self._shown.get(key)
        if known is not None and known[0] == height:
            return known[1]
        try:
            units, fuel = await wallet.balance(), await wallet.fuel()
        except (OutsideError, ServiceFailed, aiohttp.ClientError, TimeoutError):
            return known[1] if known else {}
        shown = {
            "rail": wallet.rail,
            "asset": wallet.asset,
            "network": wallet.network,
            "chain": wallet.chain,
            "decimals": wallet.decimals,
            "units": str(units),
            "address": wallet.address,
            "comments": wallet.comments,
            "fuel": {**asdict(fuel), "units": str(fuel.units)} if fuel else None,
        }
        if height:
            self._shown[key] = (height, shown)
        return shown

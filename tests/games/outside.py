"""A house that lends other people's games, and what its players have afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from casino.betting.floor import GamingFloor
from casino.db import Database
from casino.ids import PlayerId, public
from casino.ledger import journal
from casino.ledger.reconcile import reconcile
from casino.money import Asset
from games.aggregators.base import Incoming
from games.aggregators.wallet import OutsideWallet
from tests.factories import ready_player
from tests.games.aggregator_voices import TON, Said, Voice


@dataclass
class Desk:
    """One process of the house on the line with an aggregator."""

    voice: Voice
    wallet: OutsideWallet
    database: Database
    names: dict[PlayerId, str] = field(default_factory=dict)

    @classmethod
    def open(cls, voice: Voice, floor: GamingFloor, database: Database) -> "Desk":
        return cls(voice, OutsideWallet(floor=floor, database=database), database)

    async def hear(self, incoming: Incoming) -> Said:
        """Hand in a call and understand the answer."""
        reply = (await self.wallet.handle(self.voice.aggregator, incoming)).reply
        return self.voice.hear(reply.status, reply.body)

    async def say(self, kind: str, *words: Any, **more: Any) -> Said:
        """Make a call of the voice and hand it in."""
        return await self.hear(getattr(self.voice, kind)(*words, **more))

    async def join(self, *, units: int = 10 * TON) -> tuple[PlayerId, str]:
        """A player with cash, and the name that the aggregator knows him by."""
        player_id = await ready_player(self.database, units=units)
        return player_id, public(player_id)

    async def wallets(self, player_id: PlayerId) -> Mapping[Asset, Any]:
        """What the book says, which must be sound."""
        async with self.database.transaction() as session:
            assert (await reconcile(session)).sound
        async with self.database.transaction() as session:
            return await journal.balances(session, player_id)

    async def cash(self, player_id: PlayerId, asset: Asset = Asset.TON) -> int:
        return int((await self.wallets(player_id))[asset].cash)

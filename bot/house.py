"""What every handler of the player's bot may need, made once at start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from casino.betting.seeds import SeedStore
    from casino.db import Database
    from casino.vault import Vault


@dataclass(frozen=True, slots=True)
class House:
    """The database, the vault for documents, the store of seeds, where our pages and our bot are,
    and whether coins are those of a test network."""

    database: Database
    vault: Vault
    seeds: SeedStore
    mini_app_url: str
    bot_name: str
    testnet: bool

    @property
    def chat_url(self) -> str:
        """A link that opens the private chat with the bot."""
        return f"https://t.me/{self.bot_name}"

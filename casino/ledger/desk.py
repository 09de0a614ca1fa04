"""What the layer above hands to the journal: commands, and the desk that decides them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import msgspec

from casino.ids import EntryId
from casino.ledger.keys import Key, StoredKey
from casino.ledger.wallet import Posting, Wallet
from casino.money import Asset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from casino.errors import IdempotencyConflict, Refusal
    from casino.ids import PlayerId
    from casino.ledger.sql import Beside

CommandT = TypeVar("CommandT", bound="Command")
StateT = TypeVar("StateT")
AnswerT = TypeVar("AnswerT")


class Command(Protocol):
    """What a desk's commands have in common."""

    @property
    def player_id(self) -> PlayerId: ...
    @property
    def key(self) -> Key: ...
    @property
    def fingerprint(self) -> bytes: ...
    @property
    def related(self) -> tuple[Key, ...]: ...


Wallets = dict[Asset, Wallet]
Seen = dict[Key, StoredKey]


class Entry(msgspec.Struct, Generic[StateT, AnswerT], frozen=True, gc=False):
    """A decision: the player's new state, the transfers, and what to answer and to remember.

    `answer_stored` is kept with the key for repeats; None leaves the desk to find the answer by
    the entry id. `tombstones` are keys refused from now on although nothing happened under them.
    """

    state: StateT
    answer: AnswerT
    subject_id: int
    postings: tuple[Posting, ...] = ()
    answer_stored: bytes | None = None
    tombstones: tuple[Key, ...] = ()


class Decided(msgspec.Struct, Generic[CommandT, StateT, AnswerT], frozen=True, gc=False):
    """A command that went through, for the desk to store its own rows."""

    command: CommandT
    entry_id: EntryId
    entry: Entry[StateT, AnswerT]


class Desk(Protocol[CommandT, StateT, AnswerT]):
    """The layer above: what it loads, how it decides, what it stores."""

    keys_for_ever: bool

    async def load(
        self,
        connection: asyncpg.Connection,
        commands: Sequence[CommandT],
        seen: Seen,
        now: datetime,
    ) -> dict[PlayerId, StateT]:
        """Bring each player's state, after the lock, in statements of its own."""
        ...

    def decide(
        self,
        state: StateT,
        wallets: Wallets,
        command: CommandT,
        seen: Seen,
        *,
        entry_id: EntryId,
        now: datetime,
    ) -> Entry[StateT, AnswerT] | Refusal | IdempotencyConflict:
        """Apply every rule, purely; a refusal is a value."""
        ...

    def replay(self, state: StateT, command: CommandT, stored: StoredKey) -> AnswerT:
        """The answer given when this command went through the first time."""
        ...

    async def store(
        self,
        connection: asyncpg.Connection,
        decided: Sequence[Decided[CommandT, StateT, AnswerT]],
        states: Mapping[PlayerId, StateT],
        now: datetime,
    ) -> Beside:
        """Write the desk's own rows, or hand them over to be written beside the book's; `states`
        are the final states of players that changed."""
        ...

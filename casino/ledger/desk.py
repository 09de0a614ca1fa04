"""What the layer above hands to the journal: commands, and the desk that decides them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from casino.errors import IdempotencyConflict, Refusal
    from casino.ids import EntryId, PlayerId
    from casino.ledger.journal import Decided, Entry, Seen, Wallets
    from casino.ledger.keys import Key, StoredKey
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

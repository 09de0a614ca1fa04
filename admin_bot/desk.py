"""What every handler of the operators' bot may need, made once at start."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.staff import orders, people

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.db import Database
    from casino.staff.orders import PayoutOrder
    from casino.staff.people import Member
    from casino.staff.roles import Permission
    from casino.vault import Vault


@dataclass(frozen=True, slots=True)
class ApprovalKey:
    """The key that approvals are signed with; it signs orders and shows itself to nobody."""

    _seed: bytes

    @classmethod
    def from_hex(cls, text: str) -> ApprovalKey:
        """Read 64 hex digits; raises ValueError for anything else."""
        seed = bytes.fromhex(text)
        if len(seed) != 32:
            raise ValueError("an approval key is 64 hex digits")
        return cls(seed)

    def sign(self, order: PayoutOrder) -> bytes:
        """The signature that the signer of payouts will demand."""
        return orders.sign(order, key_seed=self._seed)

    def __repr__(self) -> str:
        return "ApprovalKey(withheld)"


@dataclass(frozen=True, slots=True)
class Desk:
    """The database, the vault for documents, the approvers' key, and the games of the house;
    `testnet` where TON is a test network."""

    database: Database
    vault: Vault
    key: ApprovalKey
    games: tuple[str, ...]
    testnet: bool = False

    async def require(self, session: AsyncSession, member: Member, permission: Permission) -> None:
        """Raise NotPermitted unless the member holds the permission until the transaction ends:
        roles taken away a moment ago count, roles taken away a moment later wait."""
        await people.require_permission(session, member_id=member.id, permission=permission)

    @asynccontextmanager
    async def acting(self, member: Member, permission: Permission) -> AsyncIterator[AsyncSession]:
        """A transaction that begins with `require`."""
        async with self.database.transaction() as session:
            await self.require(session, member, permission)
            yield session

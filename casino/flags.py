"""Kill switches: bets, deposits, withdrawals, one game, one asset."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Text, select, text
from sqlalchemy.orm import Mapped, mapped_column

from casino import audit
from casino.db import Base
from casino.errors import NotFound, Paused
from casino.money import PLAYABLE
from casino.switches import BETS, DEPOSITS, WITHDRAWALS, asset_flag

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncSession


class FlagRow(Base):
    """A switch that is or was on; a switch without a row is off."""

    __tablename__ = "flags"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    stopped: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]


async def stopped(session: AsyncSession) -> frozenset[str]:
    """Names of all switches that are on."""
    return frozenset((await session.scalars(select(FlagRow.name).where(FlagRow.stopped))).all())


def require_running(switches: Collection[str], *names: str) -> None:
    """Raise Paused for the first of `names` that is switched off."""
    for name in names:
        if name in switches:
            raise Paused(switch=name)


async def set_flag(
    session: AsyncSession, *, name: str, stop: bool, reason: str, actor: str, now: datetime
) -> None:
    """Stop or release a switch, with the reason in the audit log; raises NotFound for a name
    that no gate reads."""
    known = name in {BETS, DEPOSITS, WITHDRAWALS, *(asset_flag(asset) for asset in PLAYABLE)}
    if not known and not name.startswith("game:"):
        raise NotFound(thing="flag", key=name)
    before = await session.get(FlagRow, name, with_for_update=True)
    was = before.stopped if before else False
    await session.execute(
        text(
            "INSERT INTO flags (name, stopped, reason, actor, changed_at)"
            " VALUES (:name, :stopped, :reason, :actor, :now)"
            " ON CONFLICT (name) DO UPDATE SET stopped = :stopped, reason = :reason,"
            " actor = :actor, changed_at = :now"
        ).bindparams(name=name, stopped=stop, reason=reason, actor=actor, now=now)
    )
    await audit.append(
        session,
        actor=actor,
        action="flag.stopped" if stop else "flag.released",
        subject=f"flag:{name}",
        before={"stopped": was},
        after={"stopped": stop, "reason": reason},
        now=now,
    )

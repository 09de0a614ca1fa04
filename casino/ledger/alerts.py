"""When staff hear of a proof: once for each state, again while it stands, and when it is over."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from casino import outbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

UNSOUND = "alert.ledger"
SOUND_AGAIN = "alert.ledger_sound"
AGAIN_AFTER = timedelta(hours=1)


async def tell(
    session: AsyncSession, *, proof: str, content: Mapping[str, object] | None, now: datetime
) -> str | None:
    """Write the alert that is due, in the caller's transaction; returns its kind, if any.

    `content` says what is wrong and is compared with what was told before; None says that the
    proof holds.
    """
    last = (
        await session.execute(
            text(
                "SELECT content, told_at FROM ledger_alerts WHERE proof = :proof FOR UPDATE"
            ).bindparams(proof=proof)
        )
    ).one_or_none()
    told: object = last[0] if last is not None else None
    if content is None:
        if told is None:
            return None
    elif last is not None and told == dict(content) and now - last[1] < AGAIN_AFTER:
        return None
    kind = UNSOUND if content is not None else SOUND_AGAIN
    await session.execute(
        text(
            "INSERT INTO ledger_alerts (proof, content, told_at)"
            " VALUES (:proof, CAST(:content AS jsonb), :now) ON CONFLICT (proof)"
            " DO UPDATE SET content = excluded.content, told_at = excluded.told_at"
        ).bindparams(
            proof=proof,
            content=json.dumps(content) if content is not None else None,
            now=now,
        )
    )
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=0,
        kind=kind,
        payload={"proof": proof, "at": now.isoformat(), **(content or {})},
    )
    return kind

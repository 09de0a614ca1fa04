"""Verification: documents sealed under the player's own key, cases that staff decide.

The bytes are stored, not a reference to Telegram's copy: a file id works only for the bot that
received it, and staff read the document in another one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import defer

from casino import audit, outbox
from casino.errors import BadChoice, DocumentInvalid, IllegalMove, NotFound, NotPermitted
from casino.ids import PlayerId
from casino.players import changes, rows
from casino.players.changes import Change
from casino.players.tables import KycCaseRow, KycDocumentRow, PlayerRow
from casino.staff.people import is_person
from casino.staff.roles import Permission
from casino.vault import Vault, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

LEVEL_MAX = 2
DOCUMENT_BYTES_MAX = 8 * 1024 * 1024
DOCUMENTS_MAX = 10
REASON_MAX = 300
PURPOSE = "kyc-document"
_MAGIC = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "application/pdf": b"%PDF-",
}


class CaseStatus(StrEnum):
    """Where a case stands; a decided one is never decided again."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


ALLOWED = {
    CaseStatus.PENDING: frozenset({CaseStatus.APPROVED, CaseStatus.REJECTED}),
    CaseStatus.APPROVED: frozenset[CaseStatus](),
    CaseStatus.REJECTED: frozenset[CaseStatus](),
}


class DocumentKind(StrEnum):
    """What a player may show."""

    PASSPORT = "passport"
    ID_CARD = "id_card"
    DRIVING_LICENCE = "driving_licence"
    SELFIE = "selfie"
    PROOF_OF_ADDRESS = "proof_of_address"


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document without its bytes."""

    document_id: int
    kind: DocumentKind
    mime: str
    size_bytes: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Document:
    """A document's bytes, opened for a member of staff."""

    content: bytes
    mime: str
    kind: DocumentKind


@dataclass(frozen=True, slots=True)
class Case:
    """A request for a higher level, with its documents in the order they came."""

    id: int
    player_id: PlayerId
    status: CaseStatus
    requested_level: int
    documents: tuple[DocumentView, ...]
    opened_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None


async def submit_document(
    session: AsyncSession,
    *,
    vault: Vault,
    player_id: int,
    kind: str,
    content: bytes,
    mime: str,
    now: datetime,
) -> Case:
    """Add a document to the player's pending case, or open one for the next level.

    The same bytes of the same kind again change nothing. Raises DocumentInvalid: `kind`, `empty`,
    `too_large`, `format` (neither JPEG, PNG nor PDF by its first bytes), `mime` (they contradict
    what was said), `too_many`, or `verified` when there is no higher level.
    """
    if kind not in set(DocumentKind):
        raise DocumentInvalid(reason="kind")
    found_mime = _require_format(content, mime)
    player = await rows.lock(session, player_id=player_id)
    case = await _pending_of(session, player_id)
    if case is None:
        if player.kyc_level >= LEVEL_MAX:
            raise DocumentInvalid(reason="verified")
        case = KycCaseRow(
            player_id=player_id,
            status=CaseStatus.PENDING.value,
            requested_level=player.kyc_level + 1,
            opened_at=now,
        )
        session.add(case)
        await session.flush()
    known = await _documents_of(session, case.id)
    digest = hashlib.sha256(content).digest()
    if any((row.kind, row.digest) == (kind, digest) for row in known):
        return _read(case, known)
    if len(known) >= DOCUMENTS_MAX:
        raise DocumentInvalid(reason="too_many")
    key = await vault.key_of(session, PlayerId(player_id))
    document = KycDocumentRow(
        case_id=case.id,
        kind=kind,
        mime=found_mime,
        size_bytes=len(content),
        digest=digest,
        sealed=seal(key, content, purpose=PURPOSE, player_id=PlayerId(player_id)),
        received_at=now,
    )
    session.add(document)
    await session.flush()
    await audit.append(
        session,
        actor=f"player:{player_id}",
        action="kyc.submitted",
        subject=f"kyc_case:{case.id}",
        after={"document_id": document.id, "kind": kind, "mime": found_mime},
        now=now,
    )
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=case.id,
        kind="kyc.submitted",
        payload={
            "case_id": case.id,
            "player_id": player_id,
            "document_id": document.id,
            "kind": kind,
            "documents": len(known) + 1,
        },
    )
    return _read(case, [*known, document])


async def pending(session: AsyncSession, *, limit: int = 20) -> Sequence[Case]:
    """Cases that wait for a decision, oldest first."""
    found = await session.scalars(
        select(KycCaseRow)
        .where(KycCaseRow.status == CaseStatus.PENDING)
        .order_by(KycCaseRow.id)
        .limit(limit)
    )
    return [_read(row, await _documents_of(session, row.id)) for row in found.all()]


async def get_case(session: AsyncSession, *, case_id: int) -> Case:
    """One case, or NotFound."""
    row = await session.get(KycCaseRow, case_id, populate_existing=True)
    if row is None:
        raise NotFound(thing="kyc case", key=case_id)
    return _read(row, await _documents_of(session, case_id))


async def latest_case(session: AsyncSession, *, player_id: int) -> Case | None:
    """The player's newest case: what his verification screen shows."""
    row = await session.scalar(
        select(KycCaseRow)
        .where(KycCaseRow.player_id == player_id)
        .order_by(KycCaseRow.id.desc())
        .limit(1)
    )
    return _read(row, await _documents_of(session, row.id)) if row is not None else None


async def read_document(
    session: AsyncSession, *, vault: Vault, document_id: int, actor: str, now: datetime
) -> Document:
    """Open a document for a member of staff, with a line in the audit log; raises NotFound."""
    row = await session.get(KycDocumentRow, document_id)
    if row is None:
        raise NotFound(thing="kyc document", key=document_id)
    case = await session.get_one(KycCaseRow, row.case_id)
    player_id = PlayerId(case.player_id)
    key = await vault.key_of(session, player_id)
    content = unseal(key, row.sealed, purpose=PURPOSE, player_id=player_id)
    await audit.append(
        session,
        actor=actor,
        action="kyc.document_read",
        subject=f"kyc_case:{row.case_id}",
        after={"document_id": document_id},
        now=now,
    )
    return Document(content, row.mime, DocumentKind(row.kind))


async def approve(
    session: AsyncSession, *, case_id: int, actor: str, level: int, now: datetime
) -> Case:
    """Grant a level; a player never loses one by it. Raises IllegalMove for a decided case,
    BadChoice for a level that does not exist, NotPermitted for a case of the actor's own."""
    if not 1 <= level <= LEVEL_MAX:
        raise BadChoice(field="level")
    player, case = await _move(
        session, case_id=case_id, wanted=CaseStatus.APPROVED, actor=actor, reason=None, now=now
    )
    if await is_person(session, actor=actor, telegram_id=player.telegram_id):
        raise NotPermitted(permission=Permission.KYC_DECIDE.value)
    before, player.kyc_level = player.kyc_level, max(player.kyc_level, level)
    if 0 < before < player.kyc_level:
        await changes.note(session, player_id=player.id, change=Change.VERIFIED_AGAIN, now=now)
    await _record(
        session,
        case=case,
        actor=actor,
        before={"kyc_level": before},
        after={"kyc_level": player.kyc_level},
        payload={"level": player.kyc_level},
        now=now,
    )
    return _read(case, await _documents_of(session, case_id))


async def reject(
    session: AsyncSession, *, case_id: int, actor: str, reason: str, now: datetime
) -> Case:
    """Send a case back with a reason that the player reads. Raises IllegalMove for a decided
    case, BadChoice without a reason."""
    reason = reason.strip()[:REASON_MAX]
    if not reason:
        raise BadChoice(field="reason")
    _, case = await _move(
        session, case_id=case_id, wanted=CaseStatus.REJECTED, actor=actor, reason=reason, now=now
    )
    await _record(
        session,
        case=case,
        actor=actor,
        before={"status": CaseStatus.PENDING.value},
        after={"status": CaseStatus.REJECTED.value, "reason": reason},
        payload={"reason": reason},
        now=now,
    )
    return _read(case, await _documents_of(session, case_id))


async def _move(
    session: AsyncSession,
    *,
    case_id: int,
    wanted: CaseStatus,
    actor: str,
    reason: str | None,
    now: datetime,
) -> tuple[PlayerRow, KycCaseRow]:
    found = await session.get(KycCaseRow, case_id)
    if found is None:
        raise NotFound(thing="kyc case", key=case_id)
    player = await rows.lock(session, player_id=found.player_id)
    case = await session.get_one(KycCaseRow, case_id, populate_existing=True, with_for_update=True)
    if wanted not in ALLOWED[CaseStatus(case.status)]:
        raise IllegalMove(thing="kyc case", current=case.status, wanted=wanted.value)
    case.status, case.decided_at, case.decided_by = wanted.value, now, actor
    case.reason = reason
    await session.flush()
    return player, case


async def _record(
    session: AsyncSession,
    *,
    case: KycCaseRow,
    actor: str,
    before: dict[str, object],
    after: dict[str, object],
    payload: dict[str, object],
    now: datetime,
) -> None:
    kind = f"kyc.{case.status}"
    await audit.append(
        session,
        actor=actor,
        action=kind,
        subject=f"kyc_case:{case.id}",
        before=before,
        after={**after, "player_id": case.player_id},
        now=now,
    )
    for consumer in (outbox.PLAYER, outbox.LIVE):
        await outbox.write(
            session,
            consumer=consumer,
            key=case.player_id,
            kind=kind,
            payload={"player_id": case.player_id, "case_id": case.id, **payload},
        )


def _require_format(content: bytes, mime: str) -> str:
    if not content:
        raise DocumentInvalid(reason="empty")
    if len(content) > DOCUMENT_BYTES_MAX:
        raise DocumentInvalid(reason="too_large", maximum=DOCUMENT_BYTES_MAX)
    found = next((name for name, magic in _MAGIC.items() if content.startswith(magic)), None)
    if found is None:
        raise DocumentInvalid(reason="format")
    if mime.lower().replace("image/jpg", "image/jpeg") != found:
        raise DocumentInvalid(reason="mime")
    return found


async def _pending_of(session: AsyncSession, player_id: int) -> KycCaseRow | None:
    found = await session.scalars(
        select(KycCaseRow)
        .where(KycCaseRow.player_id == player_id, KycCaseRow.status == CaseStatus.PENDING)
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def _documents_of(session: AsyncSession, case_id: int) -> Sequence[KycDocumentRow]:
    found = await session.scalars(
        select(KycDocumentRow)
        .where(KycDocumentRow.case_id == case_id)
        .order_by(KycDocumentRow.id)
        # Bytes are megabytes and are opened one at a time.
        .options(defer(KycDocumentRow.sealed, raiseload=True))
    )
    return found.all()


def _read(case: KycCaseRow, documents: Sequence[KycDocumentRow]) -> Case:
    return Case(
        id=case.id,
        player_id=PlayerId(case.player_id),
        status=CaseStatus(case.status),
        requested_level=case.requested_level,
        documents=tuple(
            DocumentView(row.id, DocumentKind(row.kind), row.mime, row.size_bytes, row.received_at)
            for row in documents
        ),
        opened_at=case.opened_at,
        decided_at=case.decided_at,
        decided_by=case.decided_by,
        reason=case.reason,
    )

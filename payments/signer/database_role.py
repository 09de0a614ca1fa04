"""The signer's own role in PostgreSQL: what it may read and write there, and nothing more.

Whoever takes over the process with the keys can then still not move a player's money in the book,
read documents, or hide what was signed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from payments.signer.errors import KeystoreError

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Grant:
    """What the role may do with one table. `update` names columns: locking a row needs one too."""

    table: str
    select: bool = True
    insert: bool = False
    update: tuple[str, ...] = ()


GRANTS = (
    Grant("alembic_version"),
    Grant("rails"),
    Grant("payouts", update=("claimed_at",)),
    Grant("payout_attempts", update=("signed", "tx_hash", "signed_at")),
    Grant("payout_members"),
    Grant("withdrawals", update=("status", "reason")),
    Grant("withdrawal_history", insert=True),
    Grant("treasury_moves", update=("status",)),
    Grant("treasury_move_history", insert=True),
    Grant("signed_orders", insert=True),
    Grant("signer_spends", insert=True),
    # Alerts go out by the operators' bot; what others were told is not the signer's to read.
    Grant("outbox", select=False, insert=True),
)
SEQUENCES = ("id_sequence", "outbox_id_seq")


def statements(role: str) -> list[str]:
    """SQL that makes the role, if it is missing, and gives it exactly these rights; to be run by
    the owner of the tables after each migration. The password is for the owner to set.

    Raises KeystoreError for a name that is not plain lower case."""
    if not NAME.fullmatch(role):
        raise KeystoreError("a role's name is lower case letters, digits and underscores")
    missing = f"NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
    lines = [
        f"DO $$ BEGIN IF {missing} THEN CREATE ROLE {role} LOGIN NOINHERIT; END IF; END $$",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT USAGE ON SEQUENCE {', '.join(SEQUENCES)} TO {role}",
    ]
    return lines + [_of(grant, role) for grant in GRANTS]


def _of(grant: Grant, role: str) -> str:
    rights = []
    if grant.select:
        rights.append("SELECT")
    if grant.insert:
        rights.append("INSERT")
    if grant.update:
        rights.append(f"UPDATE ({', '.join(grant.update)})")
    return f"GRANT {', '.join(rights)} ON {grant.table} TO {role}"

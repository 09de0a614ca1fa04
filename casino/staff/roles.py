"""What each role of staff may do: one table, one check."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from casino.errors import NotPermitted

if TYPE_CHECKING:
    from collections.abc import Mapping


class Role(StrEnum):
    """Roles of staff; a person may have several."""

    OWNER = "owner"
    PAYMENTS = "payments"
    KYC = "kyc"
    SUPPORT = "support"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """Everything that a member of staff can be allowed."""

    WITHDRAWALS_VIEW = "withdrawals.view"
    WITHDRAWALS_DECIDE = "withdrawals.decide"
    DEPOSITS_RESOLVE = "deposits.resolve"
    KYC_VIEW = "kyc.view"
    KYC_DECIDE = "kyc.decide"
    PLAYERS_VIEW = "players.view"
    PLAYERS_BLOCK = "players.block"
    SUPPORT_ANSWER = "support.answer"
    FLAGS_SET = "flags.set"
    FIGURES_VIEW = "figures.view"
    AUDIT_VIEW = "audit.view"
    ALERTS_RECEIVE = "alerts.receive"
    STAFF_MANAGE = "staff.manage"
    TREASURY_SET = "treasury.set"


PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.PAYMENTS: frozenset(
        {
            Permission.WITHDRAWALS_VIEW,
            Permission.WITHDRAWALS_DECIDE,
            Permission.DEPOSITS_RESOLVE,
            Permission.PLAYERS_VIEW,
            Permission.PLAYERS_BLOCK,
            Permission.FLAGS_SET,
            Permission.FIGURES_VIEW,
            Permission.ALERTS_RECEIVE,
        }
    ),
    Role.KYC: frozenset(
        {Permission.KYC_VIEW, Permission.KYC_DECIDE, Permission.PLAYERS_VIEW},
    ),
    Role.SUPPORT: frozenset({Permission.PLAYERS_VIEW, Permission.SUPPORT_ANSWER}),
    # Reads everything but documents of identity; decides nothing.
    Role.AUDITOR: frozenset(
        {
            Permission.WITHDRAWALS_VIEW,
            Permission.PLAYERS_VIEW,
            Permission.FIGURES_VIEW,
            Permission.AUDIT_VIEW,
        }
    ),
}


class HasRoles(Protocol):
    """Whoever may be asked for a permission."""

    @property
    def roles(self) -> frozenset[Role]: ...


def permissions(roles: frozenset[Role]) -> frozenset[Permission]:
    """All that these roles allow together."""
    return frozenset().union(*(PERMISSIONS[role] for role in roles))


def allows(member: HasRoles, permission: Permission) -> bool:
    """Whether one of the member's roles allows this: for menus that hide what is not allowed."""
    return permission in permissions(member.roles)


def require(member: HasRoles, permission: Permission) -> None:
    """Raise NotPermitted unless one of the member's roles allows this."""
    if not allows(member, permission):
        raise NotPermitted(permission=permission.value)

"""The addresses of the house: nobody withdraws to its wallets, cold storage, deposit addresses or
tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import exists, or_, select

from casino.cashier import cold_storage
from casino.cashier.chain_tables import ChainCursorRow, DepositAddressRow
from casino.cashier.payout_tables import AccountNumberRow
from casino.cashier.rails import list_rails
from casino.errors import AddressInvalid

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class HouseAddresses:
    """What an edge compares an address with, each in any form that its chain knows: `accounts` are
    hot wallets, cold storage and all that we watch (jetton wallets among them), `tokens` the
    contracts of the tokens that rails carry."""

    accounts: frozenset[str]
    tokens: frozenset[str]


async def read(session: AsyncSession, *, with_cold: bool = True) -> HouseAddresses:
    """All of them but deposit addresses and earlier hot wallets, of which there are too many to be
    listed; `require_foreign` looks those up. Without cold storage for whoever says where it is."""
    cold = await cold_storage.addresses(session) if with_cold else ()
    rails = await list_rails(session)
    watched = await session.scalars(select(ChainCursorRow.account))
    return HouseAddresses(
        accounts=frozenset({*watched, *cold, *(rail.address for rail in rails if rail.address)}),
        tokens=frozenset(rail.token for rail in rails if rail.token),
    )


async def require_foreign(
    session: AsyncSession, *, destination: str, with_cold: bool = True
) -> None:
    """Raise AddressInvalid (`own`, `token`) for an address of the house on whichever rail, given
    as canonical text. Letters are compared in either case: where case says nothing, programs keep
    the small ones."""
    forms = {destination, destination.lower()}
    house = await read(session, with_cold=with_cold)
    if _meets(house.accounts, forms):
        raise AddressInvalid(reason="own")
    if _meets(house.tokens, forms):
        raise AddressInvalid(reason="token")
    rails = [rail.name for rail in await list_rails(session)]
    ours = await session.scalar(
        select(
            or_(
                exists().where(
                    DepositAddressRow.rail.in_(rails), DepositAddressRow.address.in_(forms)
                ),
                # On TON programs compare another form than the one that withdrawals have.
                exists().where(
                    DepositAddressRow.rail.in_(rails), DepositAddressRow.shown == destination
                ),
                exists().where(AccountNumberRow.account == destination),
            )
        )
    )
    if ours:
        raise AddressInvalid(reason="own")


def _meets(ours: frozenset[str], forms: set[str]) -> bool:
    return any(forms & {one, one.lower()} for one in ours)

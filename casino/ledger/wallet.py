"""What a player's wallet in one asset is: pure state and its moves."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from casino.errors import CurrencyMismatch, NegativeBalance
from casino.ledger.chart import Account, Kind
from casino.money import UNITS_MAX, Asset


class Posting(msgspec.Struct, frozen=True, gc=False):
    """A transfer to be made: `units` leave the debit account and reach the credit account."""

    debit: Account
    credit: Account
    units: int
    asset: Asset
    kind: Kind


class Wallet(msgspec.Struct, frozen=True, gc=False):
    """Units of one asset by what may be done with them.

    cash: to play and withdraw; bonus: to play under terms; reserved: for withdrawals under way;
    held: visible, not playable; deficit: owed to the house, paid first by what comes in;
    not_final: the deposits that were credited and are not final on their chain yet, playable but
    not to be withdrawn. It is a sum over deposits and no balance: play does not change it, so it
    may stand above cash. Then nothing can be withdrawn, whatever the cash was won with, until the
    deposits are final or taken back; no transfer feeds it (`ledger/finality.py`).
    """

    asset: Asset
    cash: int = 0
    bonus: int = 0
    reserved: int = 0
    held: int = 0
    deficit: int = 0
    not_final: int = 0

    @property
    def withdrawable(self) -> int:
        """What may leave the house now."""
        return max(0, self.cash - self.not_final)

    def with_posting(self, posting: Posting) -> Wallet:
        """The wallet after a transfer; raises NegativeBalance where a rule should have refused."""
        if posting.asset is not self.asset:
            raise CurrencyMismatch(wallet=self.asset, posting=posting.asset)
        if not 0 < posting.units <= UNITS_MAX:
            raise NegativeBalance(account=posting.debit.path, units=posting.units)
        wallet = self
        if posting.debit in _PARTS:
            wallet = _moved(wallet, posting.debit, -posting.units)
        if posting.credit in _PARTS:
            wallet = _moved(wallet, posting.credit, posting.units)
        return wallet


def deficit_first(postings: tuple[Posting, ...], wallet: Wallet) -> tuple[Posting, ...]:
    """The same postings followed by the payment of an open deficit out of what they bring in."""
    owed = wallet.deficit
    if not owed:
        return postings
    incoming = sum(
        posting.units
        for posting in postings
        if posting.credit is Account.PLAYER_CASH and posting.asset is wallet.asset
    )
    payment = min(owed, incoming)
    if not payment:
        return postings
    return (
        *postings,
        Posting(
            Account.PLAYER_CASH,
            Account.PLAYER_DEFICIT,
            payment,
            wallet.asset,
            Kind.DEFICIT_PAYMENT,
        ),
    )


# Which part of a wallet an account is, and with which sign: a deficit is owed, not owned.
_PARTS = {
    Account.PLAYER_CASH: ("cash", 1),
    Account.PLAYER_BONUS: ("bonus", 1),
    Account.PLAYER_RESERVED: ("reserved", 1),
    Account.PLAYER_HELD: ("held", 1),
    Account.PLAYER_DEFICIT: ("deficit", -1),
}


def _moved(wallet: Wallet, account: Account, change: int) -> Wallet:
    name, sign = _PARTS[account]
    units: int = getattr(wallet, name) + sign * change
    if not 0 <= units <= UNITS_MAX:
        raise NegativeBalance(account=account.path, units=units)
    return replace(wallet, **{name: units})

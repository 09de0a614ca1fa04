"""Signs payouts of coins on TON, each with the key of the wallet that it names as its account."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from casino.cashier.moves import MoveKind
from casino.errors import AddressInvalid
from payments.addresses import parse_ton, require_payable
from payments.chains.ton_cells import CellError
from payments.chains.ton_wallet import (
    MEMBERS_MAX,
    HotWallet,
    Payment,
    build_payout,
    require_query_id,
)
from payments.signer.checks import Limits, SignedBefore, SigningRefused, require_orders
from payments.signer.day_budget import DayBudget
from payments.signer.pen import SignedVersion, asked_members
from payments.signer.ton_moves import TonMoves

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from casino.cashier.batches import Move, Payout
    from payments.chains.ton_wallet import SignedMessage
    from payments.signer.signing_keys import TonKey

BUDGET, FUEL_DAY_UNITS, FUEL_LIMIT = "ton", 20_000_000_000, "fuel_limit"
DEPLOY = True
"""Carrying the wallet's code costs 0.0024 coins a batch and saves the one process that has no
network from having to know whether the wallet lives already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TonPen:
    """The hot wallet on TON. `older` are wallets of earlier generations, for payouts that were
    put together before a rotation; addresses flagged for test networks pass on `testnet` only."""

    rail: str
    key: TonKey
    wallet: HotWallet
    limits: Limits
    approval_key: bytes
    testnet: bool
    older: tuple[tuple[HotWallet, TonKey], ...] = ()
    budget: DayBudget = field(default_factory=lambda: fuel_budget(FUEL_DAY_UNITS))
    """Of coins for moves; all pens of the wallets share one."""
    cold_address: str = ""
    """Cold storage, by this process's own settings; empty: nothing goes there."""

    def sign(
        self, payout: Payout, *, asset: str, before: SignedBefore, now: datetime
    ) -> SignedVersion:
        """Sign a batch, or a move of our own. Raises SigningRefused, CellError,
        OverflowError (how the cell library refuses a number that does not fit)."""
        if payout.move is not None:
            return self.sign_move(payout, journalled=before.spent_units, now=now)
        wallet, key = self._of(payout.account)
        payments = self.require_payments(payout, wallet=wallet, asset=asset, before=before, now=now)
        message = self.build(payout, payments, wallet=wallet, key=key)
        return SignedVersion(message.boc, message.message_hash)

    def build(
        self, payout: Payout, payments: Sequence[Payment], *, wallet: HotWallet, key: TonKey
    ) -> SignedMessage:
        """The message that makes `wallet` pay these; raises as `sign` does."""
        return build_payout(
            wallet,
            payments,
            query_id=payout.replay_number,
            created_at=int(payout.created_at.timestamp()),
            deploy=DEPLOY,
            sign=key.sign,
        )

    def sign_move(self, payout: Payout, *, journalled: int, now: datetime) -> SignedVersion:
        """Sign a move of coins, of whose budget so much is journalled; raises as `sign` does."""
        if payout.move is not None and payout.move.kind == MoveKind.COLD:
            return self.sign_cold(payout, payout.move, now=now)
        return self.moves(journalled).sign_coins(payout, now=now)

    def moves(self, journalled: int) -> TonMoves:
        """What signs moves between our own accounts."""
        return TonMoves((*self.older, (self.wallet, self.key)), self.budget, journalled)

    def sign_cold(self, payout: Payout, move: Move, *, now: datetime) -> SignedVersion:
        """However much it is: it can only come to the people who have set the address here.
        Raises as `sign` does."""
        _require_frame(payout, wallet=self.wallet, testnet=self.testnet, now=now)
        if not self.cold_address:
            raise SigningRefused("no_cold_address")
        try:
            asked = parse_ton(move.destination, testnet=self.testnet)
            cold = parse_ton(self.cold_address, testnet=self.testnet)
        except AddressInvalid as error:
            raise SigningRefused("destination") from error
        if asked != cold:
            raise SigningRefused("another_cold_address")
        if move.units <= 0:
            raise SigningRefused("size")
        # In the text of the row, which says the same and by which the payment is looked for.
        payments = [Payment(move.destination, move.units, "")]
        message = self.build(payout, payments, wallet=self.wallet, key=self.key)
        return SignedVersion(message.boc, message.message_hash)

    def own_accounts(self) -> frozenset[str]:
        """Accounts of ours that nobody is paid at, as far as this process knows them."""
        return frozenset({self.wallet.address.raw, *(old.address.raw for old, _key in self.older)})

    def require_payments(
        self,
        payout: Payout,
        *,
        wallet: HotWallet,
        asset: str,
        before: SignedBefore,
        now: datetime,
    ) -> Sequence[Payment]:
        """What to sign, or SigningRefused."""
        _require_frame(payout, wallet=wallet, testnet=self.testnet, now=now)
        members = asked_members(payout)
        found = require_orders(
            members,
            rail=self.rail,
            asset=asset,
            limits=self.limits,
            before=before,
            approval_key=self.approval_key,
            now=now,
        )
        own = self.own_accounts()
        for order in found:
            try:
                require_payable(order.destination, own=own, testnet=self.testnet)
            except AddressInvalid as error:
                raise SigningRefused("destination", withdrawal_id=order.withdrawal_id) from error
        return [Payment(order.destination, order.units, order.memo) for order in found]

    def _of(self, account: str) -> tuple[HotWallet, TonKey]:
        with contextlib.suppress(AddressInvalid):
            named = parse_ton(account, testnet=True)
            for wallet, key in self.older:
                if wallet.address == named:
                    return wallet, key
        return self.wallet, self.key


def fuel_budget(units_max: int) -> DayBudget:
    """The budget of coins for moves, in nanotons."""
    return DayBudget(BUDGET, units_max, FUEL_LIMIT)


def _require_frame(payout: Payout, *, wallet: HotWallet, testnet: bool, now: datetime) -> None:
    size = len(payout.members)
    if size if payout.move is not None else not 1 <= size <= MEMBERS_MAX:
        raise SigningRefused("size")
    try:
        require_query_id(payout.replay_number)
        ours = parse_ton(payout.account, testnet=testnet) == wallet.address
    except (AddressInvalid, CellError) as error:
        raise SigningRefused("frame") from error
    if not ours:
        raise SigningRefused("another_wallet")
    if payout.timeout_seconds != wallet.timeout_seconds or payout.created_at.microsecond:
        raise SigningRefused("lifetime")
    if payout.expires_at is None or payout.expires_at <= now:
        raise SigningRefused("expired")

"""Signs USDT's way out on an EVM chain: payments, cancellations, sweeps and fuel, in bounds.

Of what the database says, only orders that the approvers signed and bytes that this process signed
itself are believed; where coins may go is worked out from its own keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from casino.cashier.moves import MoveKind
from casino.errors import AddressInvalid
from payments.chains.evm_addresses import EvmAddress, parse_evm, require_payable_evm
from payments.chains.evm_delegate import delegate_of
from payments.chains.evm_plan import EvmPlan, PlanInvalid
from payments.chains.evm_wallet import (
    BUMP_DENOMINATOR,
    BUMP_NUMERATOR,
    COIN_TRANSFER_GAS,
    Transaction,
    TransactionInvalid,
    authorize,
    coin_transfer,
    read_signed,
    sign_transaction,
    sweep,
    token_transfer,
)
from payments.signer.checks import Limits, SignedBefore, SigningRefused, require_orders
from payments.signer.evm_bounds import Bounds, OwnAddresses
from payments.signer.pen import SignedVersion, asked_members

if TYPE_CHECKING:
    from datetime import datetime

    from casino.cashier.batches import Move, Payout
    from payments.signer.day_budget import DayBudget
    from payments.signer.signing_keys import EvmKey


@dataclass(frozen=True, slots=True)
class EvmPen:
    """The keys of the hot wallet, with those of earlier generations, and of deposit addresses.

    `own` makes the deposit addresses; `budget` is for gas and fuel, in wei, each version at its
    dearest."""

    rail: str
    chain_id: int
    token: EvmAddress
    hot: EvmKey
    own: OwnAddresses
    limits: Limits
    bounds: Bounds
    budget: DayBudget
    approval_key: bytes
    older: tuple[EvmKey, ...] = ()
    cold: EvmAddress | None = None
    """Where cold storage is, by this process's own settings; None: nothing goes there."""

    def sign(
        self, payout: Payout, *, asset: str, before: SignedBefore, now: datetime
    ) -> SignedVersion:
        """Sign the version that waits. Raises SigningRefused, PlanInvalid, TransactionInvalid."""
        if payout.unsigned is None:
            raise SigningRefused("nothing_waits")
        try:
            plan = EvmPlan.read(payout.unsigned.plan)
        except PlanInvalid as error:
            raise SigningRefused("plan") from error
        self.bounds.require(plan)
        if payout.expires_at is not None or not payout.replay_number >= 0:
            raise SigningRefused("frame")
        key = self._key(payout, plan)
        first = self._first(payout, key)
        if plan.cancels:
            transaction, pays = self._cancellation(payout, plan, key), False
        elif first is not None:
            transaction, pays = self._raised(first, payout, plan), not _cancels(first, key.address)
        elif payout.move is not None:
            transaction, pays = self._moving(payout, plan), True
        else:
            transaction, pays = self._payment(payout, plan, asset, before, now), True
        wei = transaction.gas * transaction.fees.max_fee + transaction.value
        self.budget.take(wei, journalled=before.spent_units, now=now)
        signed = sign_transaction(transaction, account=key.address, sign=key.sign)
        return SignedVersion(signed.signed, signed.tx_hash, pays=pays, spends=wei)

    def _key(self, payout: Payout, plan: EvmPlan) -> EvmKey:
        """The key of the account that the payout names; it must be one of ours."""
        account = _read(payout.account, "account")
        for key in (self.hot, *self.older):
            if key.address == account:
                return key
        if payout.move is None or payout.move.kind != MoveKind.SWEEP or plan.number is None:
            raise SigningRefused("another_wallet")
        return self.own.key(plan.number, account)

    def _first(self, payout: Payout, key: EvmKey) -> Transaction | None:
        """What the first version does, if we have signed one; it is believed for our signature."""
        first = payout.attempts[0]
        if first.signed is None:
            return None
        try:
            read = read_signed(first.signed)
        except TransactionInvalid as error:
            raise SigningRefused("first_version") from error
        transaction = read.transaction
        frame = (read.sender, transaction.nonce, transaction.chain_id)
        if frame != (key.address, payout.replay_number, self.chain_id):
            raise SigningRefused("first_version")
        return transaction

    def _raised(self, first: Transaction, payout: Payout, plan: EvmPlan) -> Transaction:
        """The first version again for more gas: of both, at most one is ever mined."""
        for earlier in payout.attempts:
            if earlier.signed is not None:
                self._require_higher(earlier.signed, plan)
        return replace(first, fees=plan.fees, gas=max(plan.gas, first.gas))

    def _require_higher(self, signed: bytes, plan: EvmPlan) -> None:
        try:
            fees = read_signed(signed).transaction.fees
        except TransactionInvalid as error:
            raise SigningRefused("earlier_version") from error
        for before, wanted in ((fees.max_fee, plan.fees.max_fee), (fees.tip, plan.fees.tip)):
            if wanted * BUMP_DENOMINATOR < before * BUMP_NUMERATOR:
                raise SigningRefused("not_a_replacement")

    def _cancellation(self, payout: Payout, plan: EvmPlan, key: EvmKey) -> Transaction:
        for earlier in payout.attempts:
            if earlier.signed is not None:
                self._require_higher(earlier.signed, plan)
        return Transaction(
            chain_id=self.chain_id,
            nonce=payout.replay_number,
            fees=plan.fees,
            gas=max(COIN_TRANSFER_GAS, plan.gas),
            to=key.address,
            value=0,
            payload=b"",
        )

    def _payment(
        self,
        payout: Payout,
        plan: EvmPlan,
        asset: str,
        before: SignedBefore,
        now: datetime,
    ) -> Transaction:
        if len(payout.members) != 1:
            raise SigningRefused("size")
        if _read(payout.account, "account") != self.hot.address:
            # An earlier wallet ends what it began, and begins nothing.
            raise SigningRefused("earlier_wallet")
        (order,) = require_orders(
            asked_members(payout),
            rail=self.rail,
            asset=asset,
            limits=self.limits,
            before=before,
            approval_key=self.approval_key,
            now=now,
        )
        mine = frozenset(key.address.raw for key in (self.hot, *self.older))
        try:
            text = require_payable_evm(order.destination, token=self.token.raw, own=mine)
        except AddressInvalid as error:
            raise SigningRefused("destination", withdrawal_id=order.withdrawal_id) from error
        to = parse_evm(text)
        if to in self.own or to == delegate_of(self.hot.address):
            raise SigningRefused("destination", withdrawal_id=order.withdrawal_id)
        return token_transfer(
            chain_id=self.chain_id,
            nonce=payout.replay_number,
            fees=plan.fees,
            gas=plan.gas,
            token=self.token,
            to=to,
            units=order.units,
        )

    def _moving(self, payout: Payout, plan: EvmPlan) -> Transaction:
        move = payout.move
        if move is None or payout.members:
            raise SigningRefused("move")
        if move.kind == MoveKind.COLD:
            return self._to_cold(payout, plan, move)
        if plan.number is None:
            raise SigningRefused("move")
        if move.kind == MoveKind.FUEL:
            return self._fuel(payout, plan, plan.number)
        if move.kind != MoveKind.SWEEP:
            raise SigningRefused("move")
        source, treasury = _read(move.source, "source"), self.hot.address
        if _read(move.destination, "destination") != treasury:
            raise SigningRefused("treasury")
        deposit = self.own.key(plan.number, source)
        if _read(payout.account, "account") == source:
            return token_transfer(
                chain_id=self.chain_id,
                nonce=payout.replay_number,
                fees=plan.fees,
                gas=plan.gas,
                token=self.token,
                to=treasury,
                units=move.units,
            )
        permission = None
        if plan.authorization is not None:
            permission = authorize(
                chain_id=self.chain_id,
                delegate=delegate_of(treasury),
                nonce=plan.authorization,
                account=source,
                sign=deposit.sign,
            )
        return sweep(
            chain_id=self.chain_id,
            nonce=payout.replay_number,
            fees=plan.fees,
            gas=plan.gas,
            deposit=source,
            token=self.token,
            authorization=permission,
        )

    def _to_cold(self, payout: Payout, plan: EvmPlan, move: Move) -> Transaction:
        """However much it is: it can only come to the people who have set the address here."""
        account = _read(payout.account, "account")
        if account != self.hot.address or _read(move.source, "source") != account:
            raise SigningRefused("another_wallet")
        if self.cold is None:
            raise SigningRefused("no_cold_address")
        if _read(move.destination, "destination") != self.cold:
            raise SigningRefused("another_cold_address")
        if move.units <= 0 or plan != EvmPlan(plan.gas, plan.fees):
            raise SigningRefused("plan")
        return token_transfer(
            chain_id=self.chain_id,
            nonce=payout.replay_number,
            fees=plan.fees,
            gas=plan.gas,
            token=self.token,
            to=self.cold,
            units=move.units,
        )

    def _fuel(self, payout: Payout, plan: EvmPlan, number: int) -> Transaction:
        move = payout.move
        if move is None or _read(payout.account, "account") != self.hot.address:
            raise SigningRefused("another_wallet")
        to = _read(move.destination, "destination")
        self.own.key(number, to)
        if not 0 < plan.wei <= self.bounds.fuel_max:
            raise SigningRefused("fuel_limit")
        return coin_transfer(
            chain_id=self.chain_id,
            nonce=payout.replay_number,
            fees=plan.fees,
            gas=plan.gas,
            to=to,
            wei=plan.wei,
        )


def _cancels(transaction: Transaction, account: EvmAddress) -> bool:
    return (transaction.to, transaction.value, transaction.payload) == (account, 0, b"")


def _read(text: str, what: str) -> EvmAddress:
    try:
        return parse_evm(text)
    except AddressInvalid as error:
        raise SigningRefused(what) from error

"""Signs payouts on Bitcoin: orders decide who is paid, this process's keys where change goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from casino.cashier.moves import MoveKind
from casino.errors import AddressInvalid
from payments.btc_units import BTC_SCALE
from payments.chains.btc_addresses import INTERNAL_BRANCH, AccountKey, Network, parse
from payments.chains.btc_coins import OUTPUTS_MAX, Target, dust_limit
from payments.chains.btc_plan import draft_from, read_plan
from payments.chains.btc_wallet import sign
from payments.signer.checks import Limits, SignedBefore, SigningRefused, require_orders
from payments.signer.pen import SignedVersion, asked_members

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from casino.cashier.batches import Move, Payout
    from payments.chains.btc_plan import Plan
    from payments.chains.btc_wallet import Draft, SignedTx
    from payments.signer.day_budget import DayBudget
    from payments.signer.signing_keys import BtcAccount


@dataclass(frozen=True, slots=True)
class FeeLimits:
    """The signer's own ceilings on fees, in satoshis: for each virtual byte, for a transaction, and
    for each virtual byte where there is no hurry."""

    rate_max: int
    units_max: int
    joining_rate_max: int


@dataclass(slots=True)
class BtcPen:
    """The whole account of one Bitcoin network: deposit addresses and change."""

    rail: str
    key: BtcAccount
    network: Network
    limits: Limits
    fees: FeeLimits
    budget: DayBudget
    """Of fees, in satoshis."""
    approval_key: bytes
    cold_address: str = ""
    """Cold storage, by this process's own settings; empty: nothing goes there."""
    _account: AccountKey = field(init=False)

    def __post_init__(self) -> None:
        self._account = AccountKey(self.key.xpub, self.network)

    def sign(
        self, payout: Payout, *, asset: str, before: SignedBefore, now: datetime
    ) -> SignedVersion:
        """Sign a version. Raises SigningRefused, PlanError, WalletError."""
        waiting = payout.unsigned
        if waiting is None:
            raise SigningRefused("frame")
        if payout.account != self._account.change_address(0):
            raise SigningRefused("another_wallet")
        if payout.expires_at is not None:
            raise SigningRefused("lifetime")
        plan = read_plan(waiting.plan)
        earlier = [one for one in payout.attempts if one.signed is not None]
        targets = self._targets(payout, asset=asset, before=before, now=now)
        for one in earlier:
            self._require_own(payout, one.plan, targets, signed=one.signed)
            if not plan.outpoints & read_plan(one.plan).outpoints:
                # Both could be mined, and everybody be paid twice.
                raise SigningRefused("shares_no_coin")
        signed = self._signed(payout, plan, targets)
        self.budget.take(signed.fee_units, journalled=before.spent_units, now=now)
        return SignedVersion(signed.raw, signed.txid, spends=signed.fee_units)

    def _targets(
        self, payout: Payout, *, asset: str, before: SignedBefore, now: datetime
    ) -> Sequence[Target]:
        """What is to be paid to others, by the orders alone."""
        if payout.move is not None:
            if payout.members:
                raise SigningRefused("frame")
            if payout.move.kind == MoveKind.COLD:
                return [self._cold(payout.move)]
            return ()
        if not 1 <= len(payout.members) <= OUTPUTS_MAX:
            raise SigningRefused("size")
        found = require_orders(
            asked_members(payout),
            rail=self.rail,
            asset=asset,
            limits=self.limits,
            before=before,
            approval_key=self.approval_key,
            now=now,
            # That it was this process which signed them is seen before anything is signed.
            replaces=any(one.signed is not None for one in payout.attempts),
        )
        return [
            self._target(order.withdrawal_id, order.units, order.destination, order.memo)
            for order in found
        ]

    def _cold(self, move: Move) -> Target:
        """However much it is: it can only come to the people who have set the address here."""
        if not self.cold_address:
            raise SigningRefused("no_cold_address")
        try:
            asked, cold = (
                parse(text, self.network) for text in (move.destination, self.cold_address)
            )
        except AddressInvalid as error:
            raise SigningRefused("destination") from error
        if asked != cold:
            raise SigningRefused("another_cold_address")
        satoshis, rest = divmod(move.units, BTC_SCALE)
        if rest or satoshis < dust_limit(cold):
            raise SigningRefused("dust")
        return Target(satoshis, cold)

    def _target(self, withdrawal_id: int, units: int, destination: str, memo: str) -> Target:
        satoshis, rest = divmod(units, BTC_SCALE)
        if rest:
            raise SigningRefused("no_whole_satoshis", withdrawal_id=withdrawal_id)
        if memo:
            raise SigningRefused("memo", withdrawal_id=withdrawal_id)
        try:
            script = parse(destination, self.network)
        except AddressInvalid as error:
            raise SigningRefused("destination", withdrawal_id=withdrawal_id) from error
        if satoshis < dust_limit(script):
            raise SigningRefused("dust", withdrawal_id=withdrawal_id)
        return Target(satoshis, script)

    def _require_own(
        self,
        payout: Payout,
        stored: Mapping[str, object],
        targets: Sequence[Target],
        *,
        signed: bytes | None,
    ) -> None:
        """Signatures are the same each time: bytes that this process would make of that plan, and
        that hold good signatures, were made by it."""
        if self._signed(payout, read_plan(stored), targets).raw != signed:
            raise SigningRefused("earlier_version")

    def _signed(self, payout: Payout, plan: Plan, targets: Sequence[Target]) -> SignedTx:
        draft = draft_from(plan, targets, script_of=self._account.script)
        rate_max = self._rate_max(payout, draft)
        if draft.fee_units > self.fees.units_max:
            raise SigningRefused("fee_limit")
        return sign(draft, self.key.sign, script_of=self._account.script, rate_max=rate_max)

    def _rate_max(self, payout: Payout, draft: Draft) -> int:
        if payout.move is None or payout.move.kind == MoveKind.COLD:
            return self.fees.rate_max
        if payout.move.kind == MoveKind.CONSOLIDATION:
            return self.fees.joining_rate_max
        one_change = len(draft.coins) == 1 and draft.coins[0].branch == INTERNAL_BRANCH
        if payout.move.kind != MoveKind.CHILD or not one_change:
            raise SigningRefused("move")
        # It pays for its parent as well, which only the limit of a transaction bounds.
        return max(self.fees.rate_max, self.fees.units_max // draft.vsize)

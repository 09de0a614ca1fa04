"""Moves of our own coins on TON: signed only where every coin stays with us, and within a budget.

All that a move's row says may be made up. So addresses are worked out from the keys, and what
cannot be worked out (which account holds an address's jettons) may cost no more than a day's
budget of coins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from casino.cashier.moves import MoveKind
from casino.errors import AddressInvalid
from payments.addresses import parse_ton
from payments.chains.ton_cells import CellError
from payments.chains.ton_deposit_wallets import DepositWallet
from payments.chains.ton_jetton_payout import ATTACHED_UNITS
from payments.chains.ton_sweep import build_jetton_sweep, build_sweep
from payments.chains.ton_wallet import fuel_parcel, require_query_id, sign_parcels
from payments.signer.checks import SigningRefused
from payments.signer.pen import SignedVersion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from casino.cashier.batches import Move, Payout
    from payments.chains.ton_wallet import HotWallet
    from payments.signer.day_budget import DayBudget
    from payments.signer.signing_keys import TonKey

FUEL_UNITS_MAX = 200_000_000
SWEEP_LIFETIME_MAX = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class TonMoves:
    """Signs moves between accounts of the keys' own; the last of `wallets` is the one in use.
    `journalled` is what the journal has of the budget in the last 24 hours."""

    wallets: Sequence[tuple[HotWallet, TonKey]]
    budget: DayBudget
    journalled: int = 0

    def sign_coins(self, payout: Payout, *, now: datetime) -> SignedVersion:
        """Fuel for a deposit address, or the emptying of one. Raises SigningRefused, CellError."""
        move = _require_current(payout, now=now)
        if move.kind == MoveKind.FUEL:
            return self._fuel(payout, move, now=now)
        if move.kind != MoveKind.SWEEP:
            raise SigningRefused("kind_of_move")
        wallet, key = self._deposit(payout, move.source)
        self._require_home(payout, move)
        message = build_sweep(
            wallet,
            self.wallets[-1][0].address,
            seqno=payout.replay_number,
            valid_until=_until(payout),
            sign=key.sign,
        )
        return SignedVersion(message.boc, message.message_hash)

    def sign_jettons(self, payout: Payout, *, now: datetime) -> SignedVersion:
        """All jettons of a deposit address to the hot wallet. Raises as `sign_coins` does."""
        move = _require_current(payout, now=now)
        if move.kind != MoveKind.SWEEP:
            raise SigningRefused("kind_of_move")
        wallet, key = self._deposit(payout, move.source)
        self._require_home(payout, move)
        holder = _plan(payout).get("jetton_wallet")
        try:
            jetton_wallet = parse_ton(str(holder), testnet=True)
        except AddressInvalid as error:
            raise SigningRefused("frame") from error
        self.budget.take(ATTACHED_UNITS, journalled=self.journalled, now=now)
        message = build_jetton_sweep(
            wallet,
            jetton_wallet,
            self.wallets[-1][0].address,
            units=move.units,
            created_at=int(payout.created_at.timestamp()),
            seqno=payout.replay_number,
            valid_until=_until(payout),
            sign=key.sign,
        )
        return SignedVersion(message.boc, message.message_hash, spends=ATTACHED_UNITS)

    def _fuel(self, payout: Payout, move: Move, *, now: datetime) -> SignedVersion:
        wallet, key = self.wallets[-1]
        if not _same(payout.account, wallet.address.raw):
            raise SigningRefused("another_wallet")
        if payout.timeout_seconds != wallet.timeout_seconds or payout.created_at.microsecond:
            raise SigningRefused("lifetime")
        if not 0 < move.units <= FUEL_UNITS_MAX:
            raise SigningRefused("fuel_limit")
        deposit, _key = self._deposit(payout, move.destination)
        try:
            query_id = require_query_id(payout.replay_number)
        except CellError as error:
            raise SigningRefused("frame") from error
        self.budget.take(move.units, journalled=self.journalled, now=now)
        message = sign_parcels(
            wallet,
            [fuel_parcel(deposit.address, move.units)],
            query_id=query_id,
            created_at=int(payout.created_at.timestamp()),
            deploy=True,
            sign=key.sign,
        )
        return SignedVersion(message.boc, message.message_hash, spends=move.units)

    def _deposit(self, payout: Payout, address: str) -> tuple[DepositWallet, TonKey]:
        """The deposit wallet at an address and its key, which any generation may hold."""
        number = _plan(payout).get("number")
        if not isinstance(number, int) or isinstance(number, bool):
            raise SigningRefused("frame")
        for _hot, key in reversed(self.wallets):
            wallet = DepositWallet(key.public_key, number)
            if _same(address, wallet.address.raw):
                return wallet, key
        raise SigningRefused("not_our_address")

    def _require_home(self, payout: Payout, move: Move) -> None:
        if not _same(move.destination, self.wallets[-1][0].address.raw):
            raise SigningRefused("not_our_address")
        if not _same(payout.account, parse_ton(move.source, testnet=True).raw):
            raise SigningRefused("another_wallet")
        if payout.expires_at is None or payout.expires_at - payout.created_at > SWEEP_LIFETIME_MAX:
            raise SigningRefused("lifetime")


def _require_current(payout: Payout, *, now: datetime) -> Move:
    if payout.move is None or payout.members:
        raise SigningRefused("size")
    if payout.expires_at is None or payout.expires_at <= now:
        raise SigningRefused("expired")
    return payout.move


def _plan(payout: Payout) -> dict[str, object]:
    return dict(payout.unsigned.plan) if payout.unsigned is not None else {}


def _until(payout: Payout) -> int:
    if payout.expires_at is None:
        raise SigningRefused("lifetime")
    return int(payout.expires_at.timestamp())


def _same(text: str, raw: str) -> bool:
    try:
        return parse_ton(text, testnet=True).raw == raw
    except AddressInvalid:
        return False

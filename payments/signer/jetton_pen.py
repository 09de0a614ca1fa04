"""Signs payouts of a jetton from the same hot wallets, by jetton wallets that the settings name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.cashier.moves import MoveKind
from casino.errors import AddressInvalid
from payments.addresses import parse_ton
from payments.chains.ton_jetton_payout import build_jetton_payout
from payments.signer.checks import SigningRefused
from payments.signer.errors import KeystoreError
from payments.signer.ton_pen import DEPLOY, TonPen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from casino.cashier.batches import Payout
    from payments.addresses import TonAddress
    from payments.chains.ton_wallet import HotWallet, Payment, SignedMessage
    from payments.signer.pen import SignedVersion
    from payments.signer.signing_keys import TonKey


@dataclass(frozen=True, slots=True, kw_only=True)
class JettonPen(TonPen):
    """One jetton in the hot wallets. Which account holds it for a wallet follows from nothing that
    this process has, so it stands in its settings: the plan of a payout has no say in it, nor in
    how many coins travel along."""

    master: TonAddress
    jetton_wallets: Mapping[str, TonAddress]
    """Our jetton wallets, by the raw addresses of the wallets that own them."""

    def build(
        self, payout: Payout, payments: Sequence[Payment], *, wallet: HotWallet, key: TonKey
    ) -> SignedMessage:
        """The message that makes `wallet` pay these in jettons; raises SigningRefused too."""
        holder = self.jetton_wallets.get(wallet.address.raw)
        if holder is None:
            raise SigningRefused("no_jetton_wallet")
        return build_jetton_payout(
            wallet,
            holder,
            payments,
            query_id=payout.replay_number,
            created_at=int(payout.created_at.timestamp()),
            deploy=DEPLOY,
            sign=key.sign,
        )

    def sign_move(self, payout: Payout, *, journalled: int, now: datetime) -> SignedVersion:
        """Sign a move of jettons; raises as `sign` does."""
        if payout.move is not None and payout.move.kind == MoveKind.COLD:
            return self.sign_cold(payout, payout.move, now=now)
        return self.moves(journalled).sign_jettons(payout, now=now)

    def own_accounts(self) -> frozenset[str]:
        """The hot wallets, what holds their jettons, and the jetton's own contract."""
        held = (holder.raw for holder in self.jetton_wallets.values())
        return frozenset({*TonPen.own_accounts(self), *held, self.master.raw})


def read_jetton_wallets(
    text: str, wallets: Sequence[HotWallet], *, testnet: bool
) -> dict[str, TonAddress]:
    """Jetton wallets out of a setting: addresses by commas, the last one for the newest of
    `wallets`, the one before for the one before. Raises KeystoreError."""
    named = [part.strip() for part in text.split(",") if part.strip()]
    if len(named) > len(wallets):
        raise KeystoreError("SIGNER_USDT_TON_WALLETS names more wallets than the key on TON has")
    try:
        holders = [parse_ton(one, testnet=testnet) for one in named]
    except AddressInvalid as error:
        reason = error.data.get("reason")
        raise KeystoreError(f"SIGNER_USDT_TON_WALLETS is not addresses ({reason})") from error
    pairs = zip(reversed(wallets), reversed(holders), strict=False)
    return {wallet.address.raw: holder for wallet, holder in pairs}


def read_master(text: str, *, testnet: bool) -> TonAddress:
    """The jetton's own contract out of a setting. Raises KeystoreError."""
    try:
        return parse_ton(text, testnet=testnet)
    except AddressInvalid as error:
        reason = error.data.get("reason")
        raise KeystoreError(
            f"SIGNER_USDT_TON_WALLETS needs TON_JETTON_MASTER, which is no address ({reason})"
        ) from error

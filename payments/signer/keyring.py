"""The opened keys: all generations of all roots, and the signing objects that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from payments.signer.errors import KeyAbsent, KeystoreError
from payments.signer.public_parts import PublicPart, public_part
from payments.signer.roots import Entropy, Root, RootKind, Withheld
from payments.signer.signing_keys import BtcAccount, EvmDeposits, EvmKey, Master, TonKey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from payments.chains.btc_addresses import Network


class Keyring(Withheld):
    """Every root that there is. Immutable: a rotation makes another keyring.

    Where a generation may be named, leaving it out means the one in use: the highest."""

    __slots__ = ("roots",)

    def __init__(self, roots: Iterable[Root]) -> None:
        """Raises KeystoreError unless the generations of each kind count 1, 2, 3 ..."""
        self.roots = tuple(sorted(roots, key=lambda root: (root.kind, root.generation)))
        if not self.roots:
            raise KeystoreError("there is no key at all; make some with `keys create`")
        for kind in RootKind:
            counted = [root.generation for root in self.roots if root.kind is kind]
            if counted != list(range(1, len(counted) + 1)):
                raise KeystoreError(f"a generation of {kind} is missing or there twice")

    @classmethod
    def fresh(cls, *, now: datetime) -> Keyring:
        """New random roots, one of each kind."""
        return cls(Root(kind, 1, Entropy.fresh(), now) for kind in RootKind)

    def newest(self, kind: RootKind) -> int:
        """The number of the generation in use; 0 when there is none of this kind."""
        return sum(root.kind is kind for root in self.roots)

    def with_new(self, kinds: Iterable[RootKind], *, now: datetime) -> Keyring:
        """The same and a fresh generation of each of `kinds`; what was there stays."""
        added = [Root(kind, self.newest(kind) + 1, Entropy.fresh(), now) for kind in set(kinds)]
        return Keyring([*self.roots, *added])

    def public(self) -> tuple[PublicPart, ...]:
        """What may be known of each root, in order of kind and generation."""
        return tuple(public_part(root) for root in self.roots)

    def ton(self, generation: int | None = None) -> TonKey:
        """The hot wallet's key on TON. Raises KeyAbsent."""
        return TonKey(self._entropy(RootKind.TON, generation))

    def btc(self, network: Network, generation: int | None = None) -> BtcAccount:
        """The Bitcoin hot wallet of a network. Raises KeyAbsent."""
        return self._master(generation).btc(network)

    def evm_hot(self, generation: int | None = None) -> EvmKey:
        """The hot wallet's key on EVM chains. Raises KeyAbsent."""
        return self._master(generation).evm_hot()

    def evm_deposits(self, generation: int | None = None) -> EvmDeposits:
        """The keys of the deposit addresses on EVM chains. Raises KeyAbsent."""
        return self._master(generation).evm_deposits()

    def _master(self, generation: int | None) -> Master:
        return Master.of(self._entropy(RootKind.BTC_ETH, generation))

    def _entropy(self, kind: RootKind, generation: int | None) -> Entropy:
        wanted = self.newest(kind) if generation is None else generation
        for root in self.roots:
            if (root.kind, root.generation) == (kind, wanted):
                return root.entropy
        if not self.newest(kind):
            raise KeyAbsent(
                f"there is no key of the kind {kind}: `keys upgrade` adds it to a keystore, "
                f"SIGNER_{kind.upper()}_KEY_{'SEED' if kind is RootKind.TON else 'ENTROPY'} "
                "gives it by the environment"
            )
        raise KeyAbsent(f"{kind} has no generation {wanted}; `keys show` lists those there are")

"""The signer's own ceilings on an EVM transaction: gas, fees, fuel; and whose addresses are ours,
worked out from keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from payments.chains.evm_addresses import INDEXES, DepositAddresses, EvmAddress
from payments.signer.checks import SigningRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from payments.chains.evm_plan import EvmPlan
    from payments.signer.signing_keys import EvmDeposits, EvmKey


@dataclass(frozen=True, slots=True)
class Bounds:
    """Ceilings of one transaction: gas, and in wei a unit of gas, its tip, and fuel."""

    gas_max: int
    max_fee_max: int
    tip_max: int
    fuel_max: int

    def require(self, plan: EvmPlan) -> None:
        """Raises SigningRefused for a plan beyond them."""
        if plan.gas > self.gas_max:
            raise SigningRefused("gas_limit")
        if plan.fees.max_fee > self.max_fee_max or plan.fees.tip > self.tip_max:
            raise SigningRefused("fee_limit")


@dataclass(slots=True)
class OwnAddresses:
    """The deposit addresses of every generation of the keys; the first `count` of each are known
    by heart, so that nothing is paid to them by mistake."""

    deposits: Sequence[EvmDeposits]
    count: int
    _known: set[EvmAddress] = field(default_factory=set)

    def __contains__(self, address: EvmAddress) -> bool:
        """Whether it is one of the first `count` deposit addresses."""
        self.learn()
        return address in self._known

    def learn(self) -> None:
        """Work the addresses out, which takes a second for a thousand."""
        if not self._known:
            for one in self.deposits:
                self._known.update(DepositAddresses(one.xpub).between(0, self.count - 1))

    def key(self, number: int, address: EvmAddress) -> EvmKey:
        """The key of deposit address `number`, which must be `address`; SigningRefused else."""
        if number < INDEXES:
            for one in self.deposits:
                key = one.at(number)
                if key.address == address:
                    return key
        raise SigningRefused("not_our_address")

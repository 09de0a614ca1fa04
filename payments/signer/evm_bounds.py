"""The signer's own ceilings on an EVM chain: gas, fees, fuel, a day's burning; and whose addresses
are ours, worked out from keys."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from payments.chains.evm_addresses import INDEXES, DepositAddresses, EvmAddress
from payments.signer.checks import SigningRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from payments.chains.evm_plan import EvmPlan
    from payments.signer.signing_keys import EvmDeposits, EvmKey

DAY = timedelta(days=1)


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
class DayGas:
    """What this process has promised for gas and fuel in the last 24 hours, each at its dearest:
    replacements are counted again, for which of them lands nobody knows here."""

    wei_max: int
    _taken: deque[tuple[datetime, int]] = field(default_factory=deque)

    def take(self, wei: int, *, now: datetime) -> None:
        """Raises SigningRefused when the day has no room for it."""
        while self._taken and self._taken[0][0] <= now - DAY:
            self._taken.popleft()
        if sum(one for _, one in self._taken) + wei > self.wei_max:
            raise SigningRefused("day_gas_limit")
        self._taken.append((now, wei))


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

"""What a sender asks of one version of a transaction, as it stands in the database between the
sender who writes it and the signer who doubts it; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from payments.chains.evm_wallet import Fees

if TYPE_CHECKING:
    from collections.abc import Mapping


class PlanInvalid(ValueError):
    """Not a plan of ours."""


@dataclass(frozen=True, slots=True)
class EvmPlan:
    """Gas and fees (in wei), and what the kind of transaction needs besides."""

    gas: int
    fees: Fees
    cancels: bool = False
    """A transfer of nothing to ourselves that takes the nonce away."""
    number: int | None = None
    """Of a move: the derivation index of the deposit address."""
    authorization: int | None = None
    """Of a sweep by delegation: the deposit address's own nonce, when it has to permit first."""
    wei: int = 0
    """Of fuel: how much."""

    def as_json(self) -> dict[str, object]:
        """How it is stored; whole numbers only."""
        found: dict[str, object] = {
            "gas": self.gas,
            "max_fee": self.fees.max_fee,
            "tip": self.fees.tip,
        }
        if self.cancels:
            found["cancels"] = True
        if self.number is not None:
            found["number"] = self.number
        if self.authorization is not None:
            found["authorization"] = self.authorization
        if self.wei:
            found["wei"] = self.wei
        return found

    @classmethod
    def read(cls, stored: Mapping[str, object]) -> Self:
        """Read a stored plan. Raises PlanInvalid for anything that `as_json` cannot have made."""
        known = {"gas", "max_fee", "tip", "cancels", "number", "authorization", "wei"}
        if stored.keys() - known:
            raise PlanInvalid("a plan with words of another chain")
        plan = cls(
            gas=_whole(stored, "gas"),
            fees=Fees(_whole(stored, "max_fee"), _whole(stored, "tip")),
            cancels=stored.get("cancels") is True,
            number=_whole(stored, "number") if "number" in stored else None,
            authorization=_whole(stored, "authorization") if "authorization" in stored else None,
            wei=_whole(stored, "wei") if "wei" in stored else 0,
        )
        if plan.as_json() != stored:
            raise PlanInvalid("a plan that says something else than it means")
        return plan


def _whole(stored: Mapping[str, object], name: str) -> int:
    found = stored.get(name)
    if type(found) is not int or found < 0:
        raise PlanInvalid(f"{name} is not a whole number")
    return found

"""A chain in memory that forks, lags, forgets and fails on command; no node does all of that.

Real nodes prove that adapters work. This one proves that the follower survives, and stands beside
them in the contract tests."""

import hashlib
import itertools
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from casino.db import forbid_open_transaction
from casino.errors import OutsideUnavailable
from payments.chains.base import Outcome
from payments.chains.blocks import Header, Incoming, Landed, Tip, Unmined, Waiting

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Payment:
    """A payment as its sender signed it: the same wherever it is mined."""

    key: str
    address: str
    units: int

    @property
    def signed(self) -> bytes:
        """What its sender hands in."""
        return f"{self.key} {self.address} {self.units}".encode()

    @classmethod
    def read(cls, signed: bytes) -> "Payment":
        """Raises ValueError for bytes that are no payment."""
        key, address, units = signed.decode().split()
        return cls(key, address, int(units))


def pay(address: str, units: int) -> Payment:
    return Payment(f"tx{next(_numbers)}", address, units)


@dataclass
class Mined:
    header: Header
    payments: tuple[Payment, ...]


@dataclass
class SimulatedChain:
    """A BlockChain in memory. What `final_after` blocks stand on is final."""

    final_after: int = 20
    lag: int = 0
    """So many blocks that the node is behind."""
    failing: int = 0
    """So many of the next calls are not answered."""
    blocks: list[Mined] = field(default_factory=list)
    final_height: int = 0
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mine()

    name = "simulated"

    @property
    def height(self) -> int:
        return len(self.blocks) - 1

    def mine(self, *payments: Payment, empty: int = 0) -> int:
        """One block with these payments, then so many empty ones; returns the height."""
        for held in (payments, *((),) * empty):
            height = len(self.blocks)
            parent = self.blocks[-1].header.hash if self.blocks else "none"
            name = hashlib.sha256(f"{parent} {height} {next(_numbers)}".encode()).hexdigest()
            at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=12 * height)
            self.blocks.append(Mined(Header(height, name, parent, at), tuple(held)))
        self.final_height = max(self.final_height, self.height - self.final_after)
        return self.height

    def fork(self, depth: int) -> list[Payment]:
        """Take the newest blocks away, down to the final one; returns what they had brought."""
        keep = max(self.height - depth, self.final_height) + 1
        gone = [payment for block in self.blocks[keep:] for payment in block.payments]
        del self.blocks[keep:]
        return gone

    def payments(self, *, upto: int | None = None) -> list[Payment]:
        """What this history holds, up to a height."""
        end = self.height if upto is None else upto
        return [payment for block in self.blocks[: end + 1] for payment in block.payments]

    async def tip(self) -> Tip:
        self._answer("tip")
        shown = self._shown()
        final = max(0, min(self.final_height, self.height - self.lag))
        return Tip(shown[-1].header, final, self.blocks[final].header.hash)

    async def headers(self, first: int, last: int) -> Sequence[Header]:
        self._answer("headers")
        return [one.header for one in self._shown()[first : last + 1]]

    async def incoming(
        self, headers: Sequence[Header], watched: Container[str]
    ) -> Sequence[Incoming]:
        self._answer("incoming")
        shown = {one.header.hash: one for one in self._shown()}
        found: list[Incoming] = []
        for header in headers:
            if header.hash not in shown:
                raise OutsideUnavailable(source=self.name, reason="it does not know the block")
            found += [
                Incoming(
                    business_key=payment.key,
                    tx_hash=f"hash of {payment.key}",
                    address=payment.address,
                    sender="somebody",
                    units=payment.units,
                    height=header.height,
                    block_hash=header.hash,
                    at=header.at,
                )
                for payment in shown[header.hash].payments
                if payment.address in watched
            ]
        return found

    async def landed(self, tx_hash: str) -> Landed | None:
        raise AssertionError(f"a follower asked for {tx_hash}")

    async def broadcast(self, signed: bytes) -> Outcome:
        raise AssertionError(f"a follower sent {signed!r}")

    async def close(self) -> None:
        pass

    def _shown(self) -> list[Mined]:
        return self.blocks[: max(1, len(self.blocks) - self.lag)]

    def _answer(self, method: str) -> None:
        forbid_open_transaction()
        self.asked.append(method)
        if self.failing:
            self.failing -= 1
            raise OutsideUnavailable(source=self.name, reason="it was told to fail")


@dataclass
class SimulatedMempoolChain(SimulatedChain):
    """The same with a mempool that everybody can see."""

    mempool: list[Payment] = field(default_factory=list)

    def mine(self, *payments: Payment, empty: int = 0) -> int:
        """As ever; what is mined waits no more."""
        mined = {payment.key for payment in payments}
        self.mempool = [payment for payment in self.mempool if payment.key not in mined]
        return super().mine(*payments, empty=empty)

    async def broadcast(self, signed: bytes) -> Outcome:
        try:
            self._answer("broadcast")
            payment = Payment.read(signed)
        except OutsideUnavailable:
            return Outcome.UNKNOWN
        except ValueError:
            return Outcome.FAILED
        if payment not in [*self.mempool, *self.payments()]:
            self.mempool.append(payment)
        return Outcome.SUCCEEDED

    async def waiting(self, watched: Container[str]) -> Waiting:
        self._answer("waiting")
        shown = self._shown()
        # To a node that lags, what newer blocks brought waits still.
        unheard = [payment for one in self.blocks[len(shown) :] for payment in one.payments]
        waiting = self.mempool + unheard
        return Waiting(
            top_hash=shown[-1].header.hash,
            payments=tuple(
                Unmined(one.key, f"hash of {one.key}", one.address, one.units)
                for one in waiting
                if one.address in watched
            ),
            tx_hashes=frozenset(f"hash of {one.key}" for one in waiting),
        )

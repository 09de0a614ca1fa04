"""What final blocks prove of a Bitcoin payout: who was paid, who never can be, and who knows.

A payout is a family: every version of it that was ever signed. Each version shares an input with
each other, so that at most one can be mined (BIP125 bumps keep their inputs). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from payments.chains.base import MemberVerdict, Outcome, PayoutVerdict
from payments.chains.btc_blocks import TxOutput, read_transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


class FamilyError(ValueError):
    """These versions could both be mined: they share no input, and one payout could be paid
    twice."""


@dataclass(frozen=True, slots=True)
class Member:
    """One payment of a payout: satoshis and the script that shall get them."""

    withdrawal_id: int
    units: int
    script: bytes


@dataclass(frozen=True, slots=True)
class Version:
    """Signed bytes as the chain can show them: their id, what they spend and what they pay."""

    txid: str
    inputs: frozenset[str]
    outputs: tuple[TxOutput, ...]


def read_version(signed: bytes) -> Version:
    """A version from its stored bytes. Raises RawBytesError."""
    read = read_transaction(signed)
    return Version(read.txid, frozenset(spent.outpoint for spent in read.inputs), read.outputs)


@dataclass(frozen=True, slots=True)
class Spend:
    """A transaction in a block that spends an input of the family."""

    outpoint: str
    txid: str
    outputs: tuple[TxOutput, ...]
    height: int
    block_hash: str


@dataclass(frozen=True, slots=True)
class Family:
    """A payout with every version of it. Raises FamilyError when two of them share no input."""

    members: tuple[Member, ...]
    versions: tuple[Version, ...]

    def __post_init__(self) -> None:
        for number, version in enumerate(self.versions):
            if any(not version.inputs & other.inputs for other in self.versions[:number]):
                raise FamilyError(version.txid)

    @property
    def inputs(self) -> frozenset[str]:
        """Every outpoint that a version spends: what blocks are to be searched for."""
        return frozenset(one for version in self.versions for one in version.inputs)


def judge(
    family: Family,
    spends: Iterable[Spend],
    *,
    final_height: int,
    others: Collection[str] = (),
) -> PayoutVerdict:
    """Judge every member by spends of the family's inputs; those above `final_height` prove
    nothing. A spend that was not found yet leaves members UNKNOWN, so that any part of the blocks
    since the first version was signed may be read again, or later. `others` are the ids of
    transactions of other payouts of ours, which are known to pay nobody of this one.

    SUCCEEDED: a version that pays the member is final. FAILED: each version that pays it has an
    input that another final transaction spent. UNKNOWN: everything else. A failure is retriable
    only when all who took inputs, final or not, are ours: a transaction that we do not know may be
    a version that a restored database has forgotten, or that a person has altered and signed, and
    only people can say whom it was meant to pay."""
    mined = list(spends)
    final = [spend for spend in mined if spend.height <= final_height]
    by_txid = {version.txid: version for version in family.versions}
    landed = next((spend for spend in final if spend.txid in by_txid), None)
    paid: set[int] = set()
    if landed is not None:
        paid = _paid(family.members, by_txid[landed.txid].outputs)
    retriable = all(spend.txid in by_txid or spend.txid in others for spend in mined)
    verdicts = []
    for number, member in enumerate(family.members):
        if landed is not None and number in paid:
            proof = f"paid by {landed.txid} in block {landed.block_hash} at {landed.height}"
            verdicts.append(
                MemberVerdict(member.withdrawal_id, Outcome.SUCCEEDED, landed.txid, proof)
            )
        else:
            verdicts.append(_judge_unpaid(number, family, landed, final, retriable))
    seen = landed is not None
    return PayoutVerdict(seen, landed.txid if landed else "", tuple(verdicts))


def judge_move(
    versions: Sequence[Version], spends: Iterable[Spend], *, final_height: int, move_id: int
) -> PayoutVerdict:
    """Judge a move of our own, which pays nobody: SUCCEEDED when any version of it is final,
    FAILED when each of them lost an input to another final transaction."""
    final = [spend for spend in spends if spend.height <= final_height]
    by_txid = {version.txid for version in versions}
    landed = next((spend for spend in final if spend.txid in by_txid), None)
    if landed is not None:
        proof = f"{landed.txid} in block {landed.block_hash} at {landed.height}"
        ended = MemberVerdict(move_id, Outcome.SUCCEEDED, landed.txid, proof)
        return PayoutVerdict(True, landed.txid, (ended,))
    killers = [_killer(version, final) for version in versions]
    lost = sorted({killer for killer in killers if killer is not None}, key=_order)
    if not versions or len([one for one in killers if one is not None]) < len(versions):
        return PayoutVerdict(False, "", (MemberVerdict(move_id, Outcome.UNKNOWN),))
    ended = MemberVerdict(move_id, Outcome.FAILED, proof=_proof(lost))
    return PayoutVerdict(False, "", (ended,))


def _judge_unpaid(
    number: int, family: Family, landed: Spend | None, final: Sequence[Spend], retriable: bool
) -> MemberVerdict:
    member = family.members[number]
    unknown = MemberVerdict(member.withdrawal_id, Outcome.UNKNOWN)
    killers = set() if landed is None else {landed}
    for version in family.versions:
        if landed is not None and version.txid == landed.txid:
            continue
        killer = _killer(version, final)
        if killer is not None:
            killers.add(killer)
        elif landed is None or number in _paid(family.members, version.outputs):
            return unknown
    if not killers:
        return unknown
    proof = _proof(sorted(killers, key=_order))
    return MemberVerdict(member.withdrawal_id, Outcome.FAILED, proof=proof, retriable=retriable)


def _order(spend: Spend) -> tuple[int, str, str]:
    return spend.height, spend.txid, spend.outpoint


def _proof(killers: Sequence[Spend]) -> str:
    return "; ".join(
        f"{killer.outpoint} spent by {killer.txid} in block {killer.block_hash} at {killer.height}"
        for killer in killers
    )


def _killer(version: Version, final: Sequence[Spend]) -> Spend | None:
    """The final transaction that took an input away from a version."""
    for spend in final:
        if spend.outpoint in version.inputs and spend.txid != version.txid:
            return spend
    return None


def _paid(members: Sequence[Member], outputs: Sequence[TxOutput]) -> set[int]:
    """Which members these outputs pay, by their places; each output pays one member at most."""
    left = [(output.units, output.script) for output in outputs]
    paid = set()
    for number, member in enumerate(members):
        if (member.units, member.script) in left:
            left.remove((member.units, member.script))
            paid.add(number)
    return paid

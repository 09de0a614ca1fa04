"""A version of a Bitcoin payout as the sender plans it and the signer reads it, in JSON. Pure.

A plan names coins, fee and change; what is paid to others follows from the orders. It carries the
transactions that made the coins, so that the signer, who asks no node, knows from their ids what
each coin holds and whose it is: signatures over segwit inputs alone would let somebody lie about
amounts and burn the difference as a fee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from payments.chains.btc_addresses import INTERNAL_BRANCH
from payments.chains.btc_blocks import RawBytesError, RawTx, read_transaction
from payments.chains.btc_coins import CHANGE_DUST_UNITS, INPUTS_MAX, Coin, Selection, Target
from payments.chains.btc_wallet import ChangeSpot, Draft, ScriptOf, draft_of

if TYPE_CHECKING:
    pass


class PlanError(ValueError):
    """This plan cannot be followed; `reason` is a word: shape, parent, not_ours, sum, dust."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PlannedCoin:
    """A coin to spend, and the way to its key."""

    outpoint: str
    branch: int
    index: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One version: its coins, its fee in satoshis, the index of its change on our internal branch,
    the height at which it was planned, and the coins' parents by their ids."""

    coins: tuple[PlannedCoin, ...]
    fee_units: int
    change_index: int
    height: int
    parents: Mapping[str, bytes]

    @property
    def outpoints(self) -> frozenset[str]:
        """What it spends."""
        return frozenset(coin.outpoint for coin in self.coins)

    def to_json(self) -> dict[str, object]:
        """As it is stored."""
        return {
            "coins": [[coin.outpoint, coin.branch, coin.index] for coin in self.coins],
            "fee": self.fee_units,
            "change": self.change_index,
            "height": self.height,
            "parents": {txid: raw.hex() for txid, raw in self.parents.items()},
        }


def plan_of(draft: Draft, *, height: int, parents: Mapping[str, bytes]) -> Plan:
    """The plan that leads to this draft; `parents` may hold more than it needs."""
    return Plan(
        coins=tuple(PlannedCoin(coin.outpoint, coin.branch, coin.index) for coin in draft.coins),
        fee_units=draft.fee_units,
        change_index=draft.change.index,
        height=height,
        parents={coin.txid: parents[coin.txid] for coin in draft.coins},
    )


def read_plan(stored: Mapping[str, object]) -> Plan:
    """A stored plan. Raises PlanError for what has another shape."""
    coins, parents = stored.get("coins"), stored.get("parents")
    if not isinstance(coins, list) or not 0 < len(coins) <= INPUTS_MAX:
        raise PlanError("shape")
    if not isinstance(parents, dict):
        raise PlanError("shape")
    try:
        raws = {str(txid): bytes.fromhex(raw) for txid, raw in parents.items()}
        planned = tuple(_coin(one) for one in coins)
    except (TypeError, ValueError) as error:
        raise PlanError("shape") from error
    plan = Plan(
        coins=planned,
        fee_units=_whole(stored.get("fee")),
        change_index=_whole(stored.get("change")),
        height=_whole(stored.get("height")),
        parents=raws,
    )
    if len(plan.outpoints) != len(planned):
        raise PlanError("shape")
    return plan


def draft_from(plan: Plan, targets: Sequence[Target], *, script_of: ScriptOf) -> Draft:
    """The transaction of a plan that pays these targets: what the coins hold beyond them and the
    fee is our change. Raises PlanError, also for a coin that is not ours by `script_of`."""
    coins = coins_of(plan, script_of=script_of)
    change = sum(coin.units for coin in coins) - plan.fee_units
    change -= sum(target.units for target in targets)
    if change < 0:
        raise PlanError("sum")
    if 0 < change < CHANGE_DUST_UNITS:
        raise PlanError("dust")
    spot = change_spot(plan.change_index, script_of=script_of)
    return draft_of(Selection(coins, change, plan.fee_units, 0), targets, spot)


def change_spot(index: int, *, script_of: ScriptOf) -> ChangeSpot:
    """The place number `index` of our internal branch. Raises PlanError where there is none."""
    try:
        return ChangeSpot(script_of(INTERNAL_BRANCH, index), INTERNAL_BRANCH, index)
    except ValueError as error:
        raise PlanError("shape") from error


def coins_of(plan: Plan, *, script_of: ScriptOf) -> tuple[Coin, ...]:
    """The plan's coins with what their parents say of them. Raises PlanError."""
    parents = {txid: _parent(txid, raw) for txid, raw in plan.parents.items()}
    return tuple(_known(coin, parents, script_of) for coin in plan.coins)


def _known(coin: PlannedCoin, parents: Mapping[str, RawTx], script_of: ScriptOf) -> Coin:
    txid, _, place = coin.outpoint.partition(":")
    parent, vout = parents.get(txid), int(place)
    if parent is None or not 0 <= vout < len(parent.outputs):
        raise PlanError("parent")
    output = parent.outputs[vout]
    try:
        ours = output.script == script_of(coin.branch, coin.index)
    except ValueError as error:
        raise PlanError("not_ours") from error
    if not ours:
        raise PlanError("not_ours")
    return Coin(txid, vout, output.units, output.script, coin.branch, coin.index, height=0)


def _parent(txid: str, raw: bytes) -> RawTx:
    try:
        read = read_transaction(raw)
    except RawBytesError as error:
        raise PlanError("parent") from error
    if read.txid != txid:
        raise PlanError("parent")
    return read


def _coin(stored: object) -> PlannedCoin:
    if not isinstance(stored, list) or len(stored) != 3 or not isinstance(stored[0], str):
        raise PlanError("shape")
    txid, _, vout = stored[0].partition(":")
    outpoint = f"{bytes.fromhex(txid).hex()}:{int(vout)}"
    if outpoint != stored[0]:
        raise PlanError("shape")
    return PlannedCoin(outpoint, _whole(stored[1]), _whole(stored[2]))


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise PlanError("shape")
    return value

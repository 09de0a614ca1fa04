"""An account's transactions in order, each proven by the link to the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from casino.errors import AddressInvalid, OutsideUnavailable
from payments.addresses import parse_ton
from payments.chains.base import AccountState, Position
from payments.chains.ton_facts import TonTransaction, read_transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from payments.chains.base import ChainHead
    from payments.rpc import Toncenter

WALK_PAGE = 100
ANSWER_TRANSACTIONS = 1000
"""The most that the index tells at once."""
ADDRESSES_ASKED = 100
"""Accounts in one question. The index takes 1,000 (docs.ton.org, accountStates), but they stand in
the request's first line, for which many servers in between have 8 KiB."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Transactions that follow one another without a gap."""

    transactions: tuple[TonTransaction, ...]
    position: Position
    """The last of them, or where reading began."""
    more: bool
    """True when further transactions up to the same head may wait."""


async def account_state(rpc: Toncenter, account: str) -> AccountState:
    """Coins and last transaction as the node knows them, which may be ahead of the index."""
    state = await rpc.node("getAddressInformation", address=account)
    return AccountState(
        units=int(state["balance"]),
        lt=int(state["last_transaction_id"]["lt"]),
        active=state["state"] == "active",
        block=int(state["block_id"]["seqno"]),
        at=moment(state["sync_utime"]),
        frozen=state["state"] == "frozen",
    )


@dataclass(frozen=True, slots=True)
class IndexedState:
    """What the index knows of an account."""

    units: int
    lt: int
    active: bool
    frozen: bool


async def account_states(rpc: Toncenter, accounts: Sequence[str]) -> dict[str, IndexedState]:
    """Coins and last transactions of many accounts as the index knows them; accounts that never
    had anything are left out."""
    found: dict[str, IndexedState] = {}
    for asked in questions(accounts):
        answer = await rpc.index("accountStates", address=asked, include_boc="false")
        try:
            for record in answer["accounts"]:
                found[parse_ton(record["address"]).raw] = IndexedState(
                    units=int(record["balance"]),
                    lt=int(record["last_transaction_lt"]),
                    active=record["status"] == "active",
                    frozen=record["status"] == "frozen",
                )
        except (KeyError, TypeError, ValueError, AddressInvalid) as error:
            raise OutsideUnavailable(source="toncenter", reason=f"unreadable: {error!r}") from error
    return found


def questions(accounts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Accounts in groups that one question holds, in their short form."""
    for at in range(0, len(accounts), ADDRESSES_ASKED):
        yield [parse_ton(one).friendly() for one in accounts[at : at + ADDRESSES_ASKED]]


async def read_on(
    rpc: Toncenter, account: str, *, after: Position, head: ChainHead, limit: int
) -> Stretch:
    """Transactions after a position in ascending order, up to `head`. Each must name the one
    before it as its predecessor; a hole raises OutsideUnavailable."""
    answer = await rpc.index(
        "transactions", account=account, start_lt=after.lt + 1, sort="asc", limit=limit
    )
    position = after
    transactions: list[TonTransaction] = []
    for record in answer["transactions"]:
        transaction = read_transaction(record)
        if transaction.block > head.block:
            break
        if transaction.previous != position:
            before = transactions[-1] if transactions else None
            await _require_new_life(rpc, account, transaction, before, position)
        position = transaction.position
        transactions.append(transaction)
    return Stretch(tuple(transactions), position, len(transactions) == limit)


async def _require_new_life(
    rpc: Toncenter,
    account: str,
    transaction: TonTransaction,
    before: TonTransaction | None,
    position: Position,
) -> None:
    """A transaction that does not name its predecessor must be the first after the account was
    destroyed; anything else is a hole and raises OutsideUnavailable."""
    if transaction.previous == Position() and before is None and position.lt:
        answer = await rpc.index(
            "transactions", account=account, start_lt=position.lt, sort="asc", limit=1
        )
        found = [read_transaction(record) for record in answer["transactions"]]
        before = found[0] if found else None
    ended = before is not None and before.ended and before.position == position
    if transaction.previous != Position() or not ended:
        raise OutsideUnavailable(source="toncenter", reason="gap", after=position.lt)


async def some_after(
    rpc: Toncenter, account: str, *, lt: int, head: ChainHead
) -> tuple[TonTransaction, ...]:
    """Final transactions after `lt`, as many as one answer holds. What is there is there; what is
    not proves nothing."""
    answer = await rpc.index(
        "transactions", account=account, start_lt=lt + 1, sort="asc", limit=ANSWER_TRANSACTIONS
    )
    found = (read_transaction(record) for record in answer["transactions"])
    return tuple(one for one in found if one.block <= head.block)


async def by_message(
    rpc: Toncenter, message_hash: str, *, account: str, head: ChainHead
) -> TonTransaction | None:
    """The transaction of `account` that a message caused, if it is final."""
    answer = await rpc.index(
        "transactionsByMessage", msg_hash=message_hash, direction="in", limit=10
    )
    found = [read_transaction(record) for record in answer["transactions"]]
    final = [one for one in found if one.account == account and one.block <= head.block]
    # Before it is accepted an external may fail many times; what counts is that one succeeded.
    return min(final, key=lambda one: (one.aborted, one.position.lt), default=None)


async def walk_back(rpc: Toncenter, account: str, last_lt: int) -> AsyncIterator[TonTransaction]:
    """Transactions from `last_lt` back to the first, each proven by its successor's link."""
    expected = last_lt
    while expected:
        answer = await rpc.index(
            "transactions", account=account, end_lt=expected, sort="desc", limit=WALK_PAGE
        )
        records: list[Mapping[str, Any]] = answer["transactions"]
        if not records:
            raise OutsideUnavailable(source="toncenter", reason="gap", before=expected)
        for record in records:
            transaction = read_transaction(record)
            if transaction.position.lt != expected:
                raise OutsideUnavailable(source="toncenter", reason="gap", before=expected)
            expected = transaction.previous.lt
            yield transaction


def moment(seconds: str | int) -> datetime:
    """A chain's time in seconds, as ours."""
    return datetime.fromtimestamp(int(seconds), UTC)

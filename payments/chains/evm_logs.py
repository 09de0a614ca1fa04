"""Logs in given blocks: by hash near the tip, by range where nothing changes any more."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.chains import evm_facts as facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from payments.chains.blocks import Header
    from payments.chains.evm_facts import BlockAnswer, LogAnswer, LooseLog
    from payments.json_rpc import Call, JsonRpcNode

BATCH = 100
"""Calls in a request, and blocks in a range: fewer is more round trips, more is slower answers."""

Item = TypeVar("Item")

log = structlog.get_logger(__name__)


async def read_logs(
    node: JsonRpcNode, token: str, part: Sequence[Header], *, final_height: int
) -> list[LooseLog]:
    """The token's transfers in at most BATCH blocks, in the order of the chain.

    Raises OutsideUnavailable when the node does not know these very blocks."""
    if len(part) > 1 and linked(part) and part[-1].height <= final_height:
        try:
            return await _by_range(node, token, part)
        except OutsideRefused as refusal:  # too wide or too full for this node
            log.info("node.range_refused", node=node.name, reason=refusal.data.get("reason"))
    return await _by_hash(node, token, part)


async def final_logs(
    node: JsonRpcNode, wanted: Callable[[int, int], Call[list[LogAnswer]]], first: int, last: int
) -> list[LogAnswer]:
    """What `wanted` asks for in the blocks `first` .. `last`, in the order of the chain. A range
    that the node finds too wide is halved.

    Raises OutsideUnavailable when they are not final for the node, OutsideRefused for a single
    block that it does not show."""
    asked: list[Call[Any]] = [facts.block_by_number("finalized"), wanted(first, last)]
    try:
        final, logs = await node.ask_all(asked)
    except OutsideRefused:
        if first == last:
            raise
        middle = (first + last) // 2
        return [
            *await final_logs(node, wanted, first, middle),
            *await final_logs(node, wanted, middle + 1, last),
        ]
    if facts.number(facts.require_block(node, final).number) < last:
        raise OutsideUnavailable(source=node.name, reason="it went back behind a final block")
    found: list[LogAnswer] = logs
    return found


def linked(part: Sequence[Header]) -> bool:
    """Whether each header is the parent of the next."""
    return all((b.parent, b.height) == (a.hash, a.height + 1) for a, b in pairwise(part))


def in_parts(whole: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The same in pieces of at most BATCH."""
    return (whole[at : at + BATCH] for at in range(0, len(whole), BATCH))


async def _by_hash(node: JsonRpcNode, token: str, part: Sequence[Header]) -> list[LooseLog]:
    # A node that has the last block has those that it stands on; one that has not might call
    # them empty. All in one request, so that behind a balancer too one node answers.
    needed = part[-1:] if linked(part) else part
    asked: list[Call[Any]] = [facts.block_by_hash(one.hash) for one in needed]
    asked += [facts.transfers_in_block(token, one.hash) for one in part]
    answers = await node.ask_all(asked)
    for block in answers[: len(needed)]:
        facts.require_block(node, block)
    logs: list[LooseLog] = []
    for one, answer in zip(part, answers[len(needed) :], strict=True):
        if any(entry.block_hash != one.hash for entry in answer):
            raise OutsideUnavailable(source=node.name, reason="a log of another block")
        logs += _in_order(node, answer)
    return logs


async def _by_range(node: JsonRpcNode, token: str, part: Sequence[Header]) -> list[LooseLog]:
    first, last = part[0], part[-1]
    asked: list[Call[Any]] = [
        facts.block_by_number("finalized"),
        facts.block_by_number(last.height),
        facts.transfers_between(token, first.height, last.height),
    ]
    final: BlockAnswer | None
    block: BlockAnswer | None
    logs: list[LooseLog]
    final, block, logs = await node.ask_all(asked)
    if facts.number(facts.require_block(node, final).number) < last.height:
        raise OutsideUnavailable(source=node.name, reason="it went back behind a final block")
    if facts.require_block(node, block).hash != last.hash:
        raise OutsideUnavailable(source=node.name, reason="it has another final block")
    of_blocks: dict[str, list[LooseLog]] = {one.hash: [] for one in part}
    try:
        for entry in logs:
            of_blocks[entry.block_hash].append(entry)
    except KeyError:
        raise OutsideUnavailable(source=node.name, reason="a log of another block") from None
    return [entry for block in of_blocks.values() for entry in _in_order(node, block)]


def _in_order(node: JsonRpcNode, logs: list[LooseLog]) -> list[LooseLog]:
    """The logs of one block in its order."""
    try:
        return sorted(logs, key=facts.place)
    except ValueError as error:
        raise OutsideUnavailable(source=node.name, reason="malformed log") from error

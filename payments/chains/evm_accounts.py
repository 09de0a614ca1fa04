"""What accounts on an EVM chain hold and can do next, as one node has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from payments.chains import evm_facts as facts
from payments.chains.evm_logs import in_parts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from payments.json_rpc import JsonRpcNode


@dataclass(frozen=True, slots=True)
class EvmAccount:
    """An account as of a final block, and its nonces as they may become."""

    units: int
    wei: int
    nonce_final: int
    nonce_latest: int
    nonce_pending: int
    """With what the node has in its pool, where it knows of it."""
    height: int
    block_hash: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EvmHolding:
    """What an account holds as of a certain block."""

    account: str
    units: int
    wei: int
    nonce: int


@dataclass(frozen=True, slots=True)
class EvmState:
    """What an account could do next, as the newest block has it; `code` is `0x` for none."""

    account: str
    code: str
    wei: int
    nonce_latest: int
    nonce_pending: int


async def read_account(node: JsonRpcNode, token: str, account: str) -> EvmAccount:
    """Token, coins and nonces of an account as of the newest final block.

    Raises OutsideUnavailable."""
    final = facts.require_block(node, await node.ask(facts.block_by_number("finalized")))
    answers = await node.ask_all(
        [
            facts.tokens(account, token, final),
            facts.coins(account, final),
            facts.nonce(account, final),
            facts.nonce(account, "latest"),
            facts.nonce(account, "pending"),
        ]
    )
    units, wei, nonce_final, nonce_latest, nonce_pending = map(facts.number, answers)
    block = facts.header(final)
    return EvmAccount(
        units,
        wei,
        nonce_final,
        nonce_latest,
        nonce_pending,
        block.height,
        block.hash,
        block.at,
    )


async def read_holdings(
    node: JsonRpcNode, token: str, accounts: Sequence[str], *, block_hash: str
) -> list[EvmHolding]:
    """Token, coins and nonces of many accounts as of exactly this block, in their order.

    Raises OutsideUnavailable."""
    at = facts.BlockHash(block_hash)
    found: list[EvmHolding] = []
    for part in in_parts(accounts):
        asked = [
            call
            for one in part
            for call in (
                facts.tokens(one, token, at),
                facts.coins(one, at),
                facts.nonce(one, at),
            )
        ]
        numbers = iter([facts.number(one) for one in await node.ask_all(asked)])
        found += map(EvmHolding, part, numbers, numbers, numbers)
    return found


async def read_states(node: JsonRpcNode, accounts: Sequence[str]) -> list[EvmState]:
    """What accounts can do now, by the node's newest block, in their order.

    Raises OutsideUnavailable."""
    found: list[EvmState] = []
    for part in in_parts(accounts):
        asked = [
            call
            for one in part
            for call in (
                facts.code(one, "latest"),
                facts.coins(one, "latest"),
                facts.nonce(one, "latest"),
                facts.nonce(one, "pending"),
            )
        ]
        told = iter(await node.ask_all(asked))
        for one, code in zip(part, told, strict=False):
            wei, latest, pending = (facts.number(next(told)) for _ in range(3))
            found.append(EvmState(one, code.lower(), wei, latest, pending))
    return found

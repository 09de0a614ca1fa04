"""EVM chains: a token's transfers block by block, our accounts, and payouts judged by final facts.

Everything is asked of raw JSON-RPC; each call of the adapter is answered by one node alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.chains import evm_facts as facts
from payments.chains.base import Outcome
from payments.chains.blocks import Header, Incoming, Landed, Tip
from payments.chains.evm_accounts import read_account, read_holdings, read_states
from payments.chains.evm_addresses import parse_evm
from payments.chains.evm_final import final_facts
from payments.chains.evm_judge import FinalFacts, judge
from payments.chains.evm_logs import in_parts, linked, read_logs
from payments.chains.evm_refusals import Refusal, meaning
from payments.chains.evm_strangers import strange_tokens
from payments.chains.evm_takers import find_taker, token_sends, with_receipt
from payments.chains.evm_wallet import FeeMarket, carried_hash
from payments.json_rpc import Call, NodePool

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from casino.cashier.strangers import StrangeTransfer
    from payments.chains.base import GasBurnt, PayoutVerdict
    from payments.chains.evm_accounts import EvmAccount, EvmHolding, EvmState
    from payments.chains.evm_addresses import EvmAddress
    from payments.chains.evm_facts import LooseLog
    from payments.chains.evm_judge import EvmPayout, NonceTaker
    from payments.chains.evm_wallet import Transaction
    from payments.json_rpc import JsonRpcNode

RANGE_BLOCKS_MIN = 10
"""Fewer blocks than this are not worth asking how far the chain is final."""
REVERTED = 3
"""The error code of a call that a contract turned down."""

log = structlog.get_logger(__name__)


class EvmChain:
    """One EVM network and one token on it.

    `watched`, `address` and `account` are lower-case 0x addresses, as EvmAddress.raw is."""

    def __init__(
        self, nodes: Sequence[JsonRpcNode], *, chain_id: int, token: str, name: str = "ethereum"
    ) -> None:
        self._name = name
        self._chain_id = chain_id
        self._token = parse_evm(token).raw
        self._nodes = NodePool(nodes, greet=self._require_network)

    @property
    def name(self) -> str:
        """The chain's name in tables, logs and metrics."""
        return self._name

    async def tip(self) -> Tip:
        """The newest block, and the height that the network's validators have made final."""

        async def work(node: JsonRpcNode) -> Tip:
            asked = [facts.block_by_number("latest"), facts.block_by_number("finalized")]
            latest, final = await node.ask_all(asked)
            head = facts.header(facts.require_block(node, latest))
            last = facts.header(facts.require_block(node, final))
            if last.height > head.height:  # asked in one request, answered at two moments
                return Tip(head, head.height)
            return Tip(head, last.height, last.hash)

        return await self._nodes.decide(work)

    async def headers(self, first: int, last: int) -> Sequence[Header]:
        """The headers of heights `first` .. `last`; fewer when the node's chain ends before."""

        async def work(node: JsonRpcNode) -> list[Header]:
            found: list[Header] = []
            for heights in in_parts(range(first, last + 1)):
                blocks = await node.ask_all([facts.block_by_number(one) for one in heights])
                known = [facts.header(block) for block in blocks if block is not None]
                found += known
                if len(known) < len(heights):
                    break
            if found and (found[0].height != first or not linked(found)):
                raise OutsideUnavailable(source=node.name, reason="headers do not link")
            return found

        return await self._nodes.decide(work)

    async def incoming(
        self, headers: Sequence[Header], watched: Container[str]
    ) -> Sequence[Incoming]:
        """Transfers of the token to watched addresses, by what the log says arrived.

        Transfers of nothing are left out: anybody can make them in anybody's name. Blocks are
        asked for by hash, long runs of final ones by range."""

        async def work(node: JsonRpcNode) -> list[Incoming]:
            final_height = -1
            if len(headers) >= RANGE_BLOCKS_MIN:
                final = facts.require_block(
                    node, await node.ask(facts.block_by_number("finalized"))
                )
                final_height = facts.number(final.number)
            found: list[Incoming] = []
            for part in in_parts(headers):
                logs = await read_logs(node, self._token, part, final_height=final_height)
                found += self._credits(node, part, logs, watched)
            return found

        return await self._nodes.decide(work)

    async def strangers(
        self, first: int, last: int, recipients: Sequence[str]
    ) -> Sequence[StrangeTransfer]:
        """Other contracts' tokens that came to these accounts in the final blocks `first` ..
        `last`."""

        async def work(node: JsonRpcNode) -> list[StrangeTransfer]:
            return await strange_tokens(
                node,
                chain_id=self._chain_id,
                token=self._token,
                first=first,
                last=last,
                recipients=recipients,
            )

        return await self._nodes.decide(work)

    async def landed(self, tx_hash: str) -> Landed | None:
        """Where a transaction was mined, by its receipt; the fee is in wei."""

        async def work(node: JsonRpcNode) -> Landed | None:
            receipt = await node.ask(facts.receipt(tx_hash))
            if receipt is None:
                return None
            return Landed(
                tx_hash=receipt.transaction_hash,
                height=facts.number(receipt.block_number),
                block_hash=receipt.block_hash,
                succeeded=facts.number(receipt.status) == 1,
                fee_units=facts.burnt(receipt),
            )

        return await self._nodes.decide(work)

    async def broadcast(self, signed: bytes) -> Outcome:
        """Hand stored bytes to a node, and to the next when that gives no clear answer."""
        tx_hash = carried_hash(signed)
        doubt = False  # an earlier node may have taken them all the same

        async def work(node: JsonRpcNode) -> Outcome:
            nonlocal doubt
            sending = Call("eth_sendRawTransaction", ("0x" + signed.hex(),), facts.WORD)
            before, doubt = doubt, True
            try:
                answered = await node.ask(sending)
            except OutsideRefused as refusal:
                outcome = await self._after_refusal(node, tx_hash, refusal)
                doubt = before
                return outcome
            if answered != tx_hash:
                raise OutsideUnavailable(source=node.name, reason="it names another hash")
            return Outcome.SUCCEEDED

        try:
            outcome = await self._nodes.decide(work)
        except OutsideUnavailable as error:
            log.warning("payout.unknown", tx_hash=tx_hash, reason=error.data.get("reason"))
            return Outcome.UNKNOWN
        return Outcome.UNKNOWN if outcome is Outcome.FAILED and doubt else outcome

    async def account(self, account: str) -> EvmAccount:
        """Token, coins and nonces of an account."""

        async def work(node: JsonRpcNode) -> EvmAccount:
            return await read_account(node, self._token, account)

        return await self._nodes.decide(work)

    async def holdings(self, accounts: Sequence[str], *, block_hash: str) -> Sequence[EvmHolding]:
        """Token, coins and nonces of many accounts as of exactly this block, in their order."""

        async def work(node: JsonRpcNode) -> list[EvmHolding]:
            return await read_holdings(node, self._token, accounts, block_hash=block_hash)

        return await self._nodes.decide(work)

    async def states(self, accounts: Sequence[str]) -> Sequence[EvmState]:
        """What accounts can do now, by the node's newest block, in their order."""

        async def work(node: JsonRpcNode) -> list[EvmState]:
            return await read_states(node, accounts)

        return await self._nodes.decide(work)

    async def taker(
        self, account: str, nonce: int, *, free_height: int = -1
    ) -> tuple[NonceTaker, GasBurnt] | None:
        """Who used up a nonce in the final chain, and what that burnt; None when the node cannot
        show it: old blocks are not searched without old states. Raises OutsideUnavailable while
        the nonce is not used for ever."""

        async def work(node: JsonRpcNode) -> tuple[NonceTaker, GasBurnt] | None:
            final = facts.require_block(node, await node.ask(facts.block_by_number("finalized")))
            height = facts.number(final.number)
            if facts.number(await node.ask(facts.nonce(account, final))) <= nonce:
                raise OutsideUnavailable(source=node.name, reason="the nonce is free")
            taker = await find_taker(
                node, account, nonce, token=self._token, free_height=free_height, height=height
            )
            if taker is None:
                return None
            receipt = await node.ask(facts.receipt(taker.tx_hash))
            return with_receipt(node, taker, receipt, token=self._token, account=account)

        return await self._nodes.decide(work)

    async def token_sends(
        self, account: str, first: int, last: int
    ) -> Sequence[tuple[int, NonceTaker, GasBurnt]]:
        """What moved the token out of an account by transactions of its own, in the final blocks
        `first` .. `last`: nonce, transaction, and what that burnt. Needs no old states. Raises
        OutsideUnavailable, also where no node shows these logs."""

        async def work(node: JsonRpcNode) -> list[tuple[int, NonceTaker, GasBurnt]]:
            return await token_sends(
                node, token=self._token, account=account, first=first, last=last
            )

        return await self._nodes.decide(work)

    async def has_delegation(self) -> bool:
        """Whether the network knows EIP-7702, as far as its blocks tell."""

        async def work(node: JsonRpcNode) -> bool:
            block = facts.require_block(node, await node.ask(facts.block_by_number("latest")))
            return block.requests_hash is not None

        return await self._nodes.decide(work)

    async def fee_market(self) -> FeeMarket:
        """The next block's base fee and the tip that the node would give."""

        async def work(node: JsonRpcNode) -> FeeMarket:
            history = await node.ask(Call("eth_feeHistory", ("0x1", "latest", []), facts.FEES))
            tip = await node.ask(Call("eth_maxPriorityFeePerGas", (), facts.QUANTITY))
            if not history.base_fee_per_gas:
                raise OutsideUnavailable(source=node.name, reason="no base fee")
            return FeeMarket(facts.number(history.base_fee_per_gas[-1]), facts.number(tip))

        return await self._nodes.decide(work)

    async def estimate_gas(self, transaction: Transaction, *, sender: EvmAddress) -> int:
        """The gas that a transaction would use now.

        Raises OutsideRefused with `reason` when it would be reverted."""

        async def work(node: JsonRpcNode) -> int | OutsideRefused:
            call = facts.as_call(transaction, sender=sender.raw)
            try:
                return facts.number(
                    await node.ask(Call("eth_estimateGas", (call,), facts.QUANTITY))
                )
            except OutsideRefused as refusal:
                if refusal.data.get("code") == REVERTED:
                    return refusal
                raise

        answer = await self._nodes.decide(work)
        if isinstance(answer, OutsideRefused):
            raise answer
        return answer

    async def judge(self, payout: EvmPayout) -> PayoutVerdict:
        """What final chain data says of a payout."""

        async def work(node: JsonRpcNode) -> FinalFacts:
            return await final_facts(node, payout)

        return judge(payout, await self._nodes.decide(work))

    async def close(self) -> None:
        """Close the connections to all nodes."""
        await self._nodes.close()

    async def _require_network(self, node: JsonRpcNode) -> None:
        answered = facts.number(await node.ask(Call("eth_chainId", (), facts.QUANTITY)))
        if answered != self._chain_id:
            log.error("node.wrong_network", node=node.name, chain_id=answered)
            raise OutsideUnavailable(source=node.name, reason="wrong chain id", chain_id=answered)

    def _credits(
        self,
        node: JsonRpcNode,
        part: Sequence[Header],
        logs: Sequence[LooseLog],
        watched: Container[str],
    ) -> Iterator[Incoming]:
        blocks = {one.hash: one for one in part}
        transfers = facts.read_transfers(logs, token=self._token, recipients=watched)
        try:
            for one in transfers:
                if one.units == 0:
                    continue
                block = blocks[one.block_hash]
                yield Incoming(
                    business_key=self._business_key(one),
                    tx_hash=one.tx_hash,
                    address=one.recipient,
                    sender=one.sender,
                    units=one.units,
                    height=block.height,
                    block_hash=block.hash,
                    at=block.at,
                )
        except ValueError as error:
            raise OutsideUnavailable(source=node.name, reason=str(error)) from error

    def _business_key(self, one: facts.TokenTransfer) -> str:
        return f"{self._chain_id}:{one.tx_hash}:{self._token}:{one.recipient}:{one.ordinal}"

    async def _after_refusal(
        self, node: JsonRpcNode, tx_hash: str, refusal: OutsideRefused
    ) -> Outcome:
        said = str(refusal.data.get("reason"))
        match meaning(said):
            case Refusal.KNOWN:
                return Outcome.SUCCEEDED
            case Refusal.NONCE_USED:
                known = await node.ask(facts.transaction(tx_hash)) is not None
                return Outcome.SUCCEEDED if known else Outcome.FAILED
            case Refusal.REFUSED:
                log.info("payout.refused", tx_hash=tx_hash, node=node.name, reason=said)
                return Outcome.FAILED
            case None:
                log.warning("payout.unknown_words", tx_hash=tx_hash, node=node.name, reason=said)
                raise OutsideUnavailable(source=node.name, reason=said)

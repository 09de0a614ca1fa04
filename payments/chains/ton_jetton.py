"""A jetton on TON: reading our jetton wallet without gaps, and judging payouts by what landed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from casino.errors import AddressInvalid, InvariantViolation, OutsideUnavailable
from payments.addresses import parse_ton
from payments.chains.base import AccountFrozen, Glimpse, Page
from payments.chains.ton_carrier import judge_by_carrier
from payments.chains.ton_history import account_state, account_states, questions, read_on
from payments.chains.ton_jetton_facts import jettons_received
from payments.chains.ton_jetton_judge import judge_jetton_members, member_queries
from payments.chains.ton_jetton_wallets import get_method, read_stack_address, read_stack_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from payments.chains.base import (
        AccountState,
        ChainHead,
        Outcome,
        PayoutVerdict,
        Position,
        SentPayout,
    )
    from payments.chains.ton import TonChain
    from payments.chains.ton_jetton_wallets import JettonWallets
    from payments.rpc import Json, Toncenter


class TonJettonChain:
    """One jetton, as a chain of its own: an account is a jetton wallet of ours, its units are the
    jetton's. What moving it costs in coins is told by TonChain for the account that owns it."""

    def __init__(
        self, name: str, rpc: Toncenter, *, coins: TonChain, wallets: JettonWallets, master: str
    ) -> None:
        """`master` is the jetton's, in any form; raises AddressInvalid for other text."""
        self.name = name
        self._rpc = rpc
        self._coins = coins
        self._wallets = wallets
        self._master = parse_ton(master, testnet=True).raw
        self._owners: dict[str, str] = {}
        self._units: dict[str, tuple[int, int]] = {}

    async def locate(self, owner: str) -> str:
        """The jetton wallet of `owner` (raw addresses both): the account that is followed for
        jettons sent to him. The other methods take no wallet that was not located here, since
        only genuine code is known to refuse forged jettons."""
        wallet = await self._wallets.wallet_of(owner, master=self._master)
        self._owners[wallet] = owner
        return wallet

    def learn(self, owner: str, account: str) -> None:
        """Take over what the master told before of `owner`'s jetton wallet."""
        self._wallets.learn(owner, account, master=self._master)
        self._owners[account] = owner

    async def head(self) -> ChainHead:
        """The newest final block that the index has read."""
        return await self._coins.head()

    async def account(self, account: str) -> AccountState:
        """Jettons in a jetton wallet and its last transaction, both of one state.

        Raises OutsideUnavailable when the wallet moved between the two questions and
        AccountFrozen when its jettons cannot be counted."""
        owner = self._owner(account)
        state = await account_state(self._rpc, account)
        if state.frozen:
            raise AccountFrozen(source="toncenter", reason="frozen", account=account)
        if not state.active:
            return replace(state, units=0)
        told = await get_method(self._rpc, account, "get_wallet_data")
        if await self._told_at(told, account) != state.lt:
            raise OutsideUnavailable(source="toncenter", reason="moved meanwhile", account=account)
        known = read_stack_address(told, 1).raw, read_stack_address(told, 2).raw
        if known != (owner, self._master):
            raise InvariantViolation(reason="not the wallet that the master named", account=account)
        return replace(state, units=read_stack_number(told, 0))

    async def glimpse(self, accounts: Sequence[str]) -> Mapping[str, Glimpse]:
        """Last transactions of many jetton wallets, and their jettons where the index tells both
        of one moment: it reads jettons by a way of its own, and reading must not wait for that."""
        found = await account_states(self._rpc, accounts)
        moved = [
            account
            for account, state in found.items()
            if state.active and self._units.get(account, (0, 0))[0] != state.lt
        ]
        self._units |= await self._ask_units(moved)
        told: dict[str, Glimpse] = {}
        for account, state in found.items():
            lt, units = self._units.get(account, (0, 0)) if state.active else (state.lt, 0)
            told[account] = Glimpse(state.lt, units if lt == state.lt else None, state.frozen)
        return told

    async def page(self, account: str, *, after: Position, head: ChainHead, limit: int) -> Page:
        """Jettons that came to a jetton wallet, with or without a notification of its owner, in
        the order of its transactions; a hole raises OutsideUnavailable and moves nothing."""
        self._owner(account)
        stretch = await read_on(self._rpc, account, after=after, head=head, limit=limit)
        transfers = (jettons_received(transaction) for transaction in stretch.transactions)
        return Page(
            transfers=tuple(transfer for transfer in transfers if transfer is not None),
            # The jetton wallet pays with coins that its owner's account has booked as spent.
            fees=(),
            position=stretch.position,
            more=stretch.more,
        )

    async def broadcast(self, signed: bytes) -> Outcome:
        """Send stored bytes once more."""
        return await self._coins.broadcast(signed)

    async def judge(self, payout: SentPayout, *, head: ChainHead) -> PayoutVerdict:
        """Find the carrier, then the paying transaction, then follow each member's message
        through our jetton wallet to the receiver's."""
        owner = self._owner(payout.account)
        queries = member_queries(payout, owner)
        return await judge_by_carrier(
            self._rpc,
            payout,
            wallet=owner,
            head=head,
            judge_members=partial(judge_jetton_members, self._rpc, payout, queries, head),
        )

    async def close(self) -> None:
        """Close the connection to the endpoint."""
        await self._coins.close()

    async def _told_at(self, told: Json, account: str) -> int:
        """After which transaction an answer was true; not every node says so by itself."""
        last = told.get("last_transaction_id")
        if isinstance(last, dict) and str(last.get("lt")).isdecimal():
            return int(last["lt"])
        return (await account_state(self._rpc, account)).lt

    async def _ask_units(self, accounts: Sequence[str]) -> dict[str, tuple[int, int]]:
        """The last transaction of each jetton wallet, and what it held then."""
        found: dict[str, tuple[int, int]] = {}
        for asked in questions(accounts):
            answer = await self._rpc.index("jetton/wallets", address=asked, limit=len(asked))
            try:
                for record in answer["jetton_wallets"]:
                    account = parse_ton(record["address"]).raw
                    known = parse_ton(record["owner"]).raw, parse_ton(record["jetton"]).raw
                    if known != (self._owner(account), self._master):
                        raise InvariantViolation(
                            reason="not the wallet that the master named", account=account
                        )
                    found[account] = int(record["last_transaction_lt"]), int(record["balance"])
            except (KeyError, TypeError, ValueError, AddressInvalid) as error:
                raise OutsideUnavailable(
                    source="toncenter", reason=f"unreadable: {error!r}"
                ) from error
        return found

    def _owner(self, account: str) -> str:
        if account not in self._owners:
            raise InvariantViolation(reason="a jetton wallet that was not located", account=account)
        return self._owners[account]

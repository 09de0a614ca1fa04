"""The first day's coins: tokens are made, and every person gets some of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from payments.chains.btc_addresses import NETWORKS, parse
from payments.chains.evm_addresses import parse_evm
from sandbox.btc.wallet import PersonWallet as BitcoinWallet
from sandbox.evm.usdt import LocalUsdt, deploy_delegate, the_usdt
from sandbox.ton.jetton import FORWARD_UNITS, LocalJetton
from sandbox.ton.wallet import PersonWallet as TonWallet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from payments.chains.evm_addresses import EvmAddress
    from sandbox.chains import LocalChains
    from sandbox.purse import Purse

TON = 10**9
USDT = 10**6
ETH = 10**18
BTC = 10**8
PERSON_TON = 1_000 * TON
PERSON_USDT = 2_000 * USDT
PERSON_ETH = 1 * ETH
# Several coins: what comes back as change of one waits for a block, the others need not.
PERSON_BTC = (BTC // 10,) * 5
ISSUER_TON = 1_000 * TON


@dataclass(frozen=True, slots=True)
class Tokens:
    """The contracts of this world."""

    usdt: LocalUsdt
    delegate: EvmAddress
    jetton: LocalJetton


async def deploy_tokens(chains: LocalChains, *, evm_hot: str) -> Tokens:
    """USDT on both chains and the contract that sweeps deposit addresses to the hot wallet; found
    again in a world that has them."""
    usdt = await the_usdt(chains.ethereum)
    delegate = await deploy_delegate(chains.ethereum, treasury=parse_evm(evm_hot))
    issuer = TonWallet(chains.ton_rpc, seed="issuer of dollars")
    jetton = LocalJetton(chains.ton_rpc, issuer)
    if not await chains.ton.balance(issuer.address.raw):
        await chains.ton.faucet(issuer.address.raw, ISSUER_TON)
    state = await chains.ton_rpc.node("getAddressInformation", address=jetton.master.raw)
    if state["state"] != "active":
        await jetton.deploy()
        await chains.ton.mine()
    return Tokens(usdt, delegate, jetton)


async def fund_people(chains: LocalChains, tokens: Tokens, purses: Iterable[Purse]) -> None:
    """Give each person coins of every kind, once: a wallet that has any is left alone."""
    people = list(purses)
    dollars = []
    for purse in people:
        address = purse.on("ton").address
        if not await purse.on("usdt_ton").balance():
            await tokens.jetton.mint(address, PERSON_USDT)
            await chains.ton.mine()
        if await chains.ton.balance(address) <= FORWARD_UNITS:  # nothing, or what dollars brought
            await chains.ton.faucet(address, PERSON_TON)
        address = purse.on("usdt_eth").address
        if not await chains.ethereum.coins(address):
            await chains.ethereum.give(address, PERSON_ETH)
        if not await tokens.usdt.units(address):
            dollars.append((address, PERSON_USDT))
    if dollars:
        await tokens.usdt.give_many(dollars)
    poor = [one.on("btc").address for one in people if not await one.on("btc").balance()]
    await give_bitcoins(chains, [(address, units) for address in poor for units in PERSON_BTC])


async def give_bitcoins(chains: LocalChains, payments: list[tuple[str, int]]) -> None:
    """Pay out of the coins of the chain's first blocks, and mine that."""
    if not payments:
        return
    rich = BitcoinWallet(chains.bitcoin_rpc, chains.bitcoin.network, seed="the first blocks")
    if await rich.balance() < 2 * sum(units for _, units in payments):
        await rich.mine_for_himself(1)
    network = NETWORKS[chains.bitcoin.network]
    await rich.pay([(parse(address, network), units) for address, units in payments])
    await rich.mine()

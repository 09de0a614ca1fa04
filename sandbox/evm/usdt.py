"""A token like USDT on the local chain: there once, given away, charged for, paused, denied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from payments.chains.evm_addresses import EvmAddress, parse_evm
from payments.chains.evm_delegate import FACTORY, delegate_of, deployment
from sandbox.evm.chain import contract_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.evm.chain import LocalEvm

SUPPLY_UNITS = 10**15


@dataclass(frozen=True, slots=True)
class LocalUsdt:
    """The token; its owner is the node's rich account. Each method returns when it is mined."""

    chain: LocalEvm
    address: EvmAddress

    async def give(self, to: str, units: int) -> None:
        """Pay out of the owner's endless pocket."""
        await self.call("transfer(address,uint256)", to, units)

    async def give_many(self, payments: Sequence[tuple[str, int]]) -> Any:
        """Pay many in one transaction; returns its receipt."""
        to, units = [one for one, _ in payments], [units for _, units in payments]
        return await self.call("transferMany(address[],uint256[])", to, units)

    async def charge(self, basis_points: int, maximum_units: int) -> None:
        """Keep a fee of every transfer; 0, 0 ends it."""
        await self.call("setFee(uint256,uint256)", basis_points, maximum_units)

    async def pause(self, *, on: bool) -> None:
        """Refuse every transfer."""
        await self.call("setPaused(bool)", on)

    async def blacklist(self, account: str, *, on: bool) -> None:
        """Refuse transfers from an account."""
        await self.call("setBlacklisted(address,bool)", account, on)

    async def units(self, account: str) -> int:
        """What an account holds."""
        wanted = {"to": self.address.raw, "data": "0x" + call("balanceOf(address)", account).hex()}
        return int(await self.chain.ask("eth_call", wanted, "latest"), 16)

    async def call(self, signature: str, *arguments: object) -> Any:
        """Call a function as the owner; returns the receipt."""
        return await self.chain.transact(call(signature, *arguments), to=self.address.raw)


def call(signature: str, *arguments: object) -> bytes:
    """What calls a function: its selector and its arguments."""
    kinds = signature.partition("(")[2][:-1]
    packed = encode(kinds.split(","), arguments) if kinds else b""
    return keccak(signature.encode())[:4] + packed


async def deploy_usdt(chain: LocalEvm) -> LocalUsdt:
    """A new token of its own."""
    code = bytes.fromhex(contract_code("UsdtLike")) + encode(["uint256"], [SUPPLY_UNITS])
    receipt = await chain.transact(code, to=None)
    return LocalUsdt(chain, parse_evm(receipt["contractAddress"]))


async def the_usdt(chain: LocalEvm) -> LocalUsdt:
    """The token of this chain: deployed by the chain's first transaction, found again later."""
    rich = await chain.rich_account()
    # Where the first transaction of an account puts a contract.
    place = keccak(b"\xd6\x94" + bytes.fromhex(rich[2:]) + b"\x80")[-20:]
    usdt = LocalUsdt(chain, EvmAddress(place))
    if await chain.ask("eth_getCode", usdt.address.raw, "latest") == "0x":
        deployed = await deploy_usdt(chain)
        if deployed != usdt:
            raise RuntimeError("the token must be the first thing on its chain")
    return usdt


async def deploy_delegate(chain: LocalEvm, *, treasury: EvmAddress) -> EvmAddress:
    """The contract that sweeps to `treasury`, at the same address whenever it is deployed."""
    delegate = delegate_of(treasury)
    if await chain.ask("eth_getCode", delegate.raw, "latest") == "0x":
        await chain.transact(deployment(treasury), to=FACTORY.raw)
    return delegate

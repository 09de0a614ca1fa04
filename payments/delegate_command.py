"""`python -m payments delegate`: shows, checks and deploys the contract that sweeps by delegation.

No key of the house is needed: the contract can pay nobody but the hot wallet, whoever deploys it,
so a throwaway account with a little of the network's coin pays for that."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from coincurve import PrivateKey

from casino.cashier.rails import USDT_ETH, get_rail
from casino.config import DatabaseSettings
from casino.db import Database
from casino.errors import OutsideRefused, OutsideUnavailable
from payments.builds_evm import build_evm
from payments.chains.base import Outcome
from payments.chains.evm_addresses import address_of, parse_evm
from payments.chains.evm_delegate import FACTORY, delegate_of, deployment
from payments.chains.evm_wallet import Transaction, sign_transaction
from payments.config import EvmDeployerSettings, EvmSettings

if TYPE_CHECKING:
    from payments.chains.evm import EvmChain
    from payments.chains.evm_addresses import EvmAddress

GAS_MARGIN = (12, 10)
GAS_TRIED = 1_000_000
LOOKS = 150
LOOK_SECONDS = 2.0


class NotDeployed(Exception):
    """Why the contract is not there, in a sentence."""


async def show(*, deploy: bool) -> int:
    """Print what there is to know, deploy if asked to; the exit code."""
    settings = EvmSettings()
    if not settings.given:
        sys.stderr.write("delegate: EVM_CHAIN_ID and what belongs to it are not set\n")
        return 1
    database = Database(DatabaseSettings().url)
    try:
        async with database.transaction() as session:
            wallet = (await get_rail(session, USDT_ETH)).address
    finally:
        await database.close()
    if wallet is None:
        sys.stderr.write("delegate: no hot wallet; run `python -m payments.signer address`\n")
        return 1
    treasury = parse_evm(wallet)
    evm = build_evm(settings)
    try:
        _print(treasury, there=await deployed(evm, treasury))
        if deploy:
            await put(evm, treasury, chain_id=settings.chain_id, key=deployer())
            sys.stdout.write("deployed\n")
    except (NotDeployed, OutsideUnavailable, OutsideRefused) as error:
        sys.stderr.write(f"delegate: {error}\n")
        return 1
    finally:
        await evm.close()
    return 0


def deployer() -> PrivateKey:
    """The throwaway account's key. Raises NotDeployed."""
    try:
        return PrivateKey(bytes.fromhex(EvmDeployerSettings().deployer_key.get_secret_value()))
    except ValueError:
        raise NotDeployed(
            "EVM_DEPLOYER_KEY is not 64 hex digits: the key of a throwaway account with some coins"
        ) from None


async def deployed(evm: EvmChain, treasury: EvmAddress) -> bool:
    """Whether the delegate of a treasury is on the chain."""
    (state,) = await evm.states([delegate_of(treasury).raw])
    return state.code != "0x"


async def put(evm: EvmChain, treasury: EvmAddress, *, chain_id: int, key: PrivateKey) -> None:
    """Deploy the delegate of a treasury and wait until a block has it; once it is there this does
    nothing. Raises NotDeployed, OutsideRefused, OutsideUnavailable."""
    if await deployed(evm, treasury):
        return
    payer = address_of(key.public_key.format(compressed=False))
    (state,) = await evm.states([payer.raw])
    fees = (await evm.fee_market()).fees
    call = Transaction(
        chain_id, state.nonce_pending, fees, GAS_TRIED, FACTORY, 0, deployment(treasury)
    )
    used = await evm.estimate_gas(call, sender=payer)
    call = replace(call, gas=-(-used * GAS_MARGIN[0] // GAS_MARGIN[1]))
    if state.wei < call.gas * fees.max_fee:
        raise NotDeployed(f"{payer.checksummed} needs {call.gas * fees.max_fee} wei")
    signed = sign_transaction(
        call, account=payer, sign=lambda digest: key.sign_recoverable(digest, hasher=None)
    )
    if await evm.broadcast(signed.signed) is Outcome.FAILED:
        raise NotDeployed("the node refused the transaction; its log says why")
    for _ in range(LOOKS):
        if await deployed(evm, treasury):
            return
        await asyncio.sleep(LOOK_SECONDS)
    raise NotDeployed(f"{signed.tx_hash} is not mined yet; look again later")


def _print(treasury: EvmAddress, *, there: bool) -> None:
    sys.stdout.write(
        f"treasury   {treasury.checksummed}\n"
        f"delegate   {delegate_of(treasury).checksummed}\n"
        f"deployed   {'yes' if there else 'no'}\n"
    )
    if not there:
        sys.stdout.write(
            "any wallet can deploy it by this call; `delegate --deploy` does it from here\n"
            f"to         {FACTORY.checksummed}\ndata       0x{deployment(treasury).hex()}\n"
        )

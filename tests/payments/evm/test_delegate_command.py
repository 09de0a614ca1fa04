"""The sweeping contract: its one address, its code as compiled, and the command that deploys it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from coincurve import PrivateKey

from casino.cashier import rails
from casino.cashier.rails import USDT_ETH
from casino.clock import utc_now
from casino.db import Database
from payments.chains.evm_addresses import EvmAddress, address_of
from payments.chains.evm_delegate import CREATION, delegate_of, deployment
from payments.delegate_command import NotDeployed, deployed, put
from sandbox.evm.chain import CHAIN_ID, contract_code
from tests.payments.evm.conftest import ETH, EvmWorld
from tests.payments.evm.test_follower_process import XPUB

pytestmark = pytest.mark.chain


def test_its_code_is_what_the_compiler_makes() -> None:
    assert CREATION.hex() == contract_code("SweepDelegate")


def test_each_treasury_has_a_delegate_of_its_own() -> None:
    one, other = EvmAddress(b"\1" * 20), EvmAddress(b"\2" * 20)
    assert delegate_of(one) == delegate_of(one)
    assert delegate_of(one) != delegate_of(other)
    assert deployment(one).endswith(one.account)


async def test_it_is_deployed_once_by_anybody_with_coins(evm: EvmWorld) -> None:
    treasury = evm.wallet("a treasury").address
    key = PrivateKey(evm.hot.address.account.ljust(32, b"\7"))
    payer = address_of(key.public_key.format(compressed=False))
    assert not await deployed(evm.chain, treasury)
    with pytest.raises(NotDeployed, match=payer.checksummed):
        await put(evm.chain, treasury, chain_id=CHAIN_ID, key=key)
    await evm.node.give(payer.raw, ETH)
    await evm.node.ask("evm_setAutomine", True)
    try:
        await put(evm.chain, treasury, chain_id=CHAIN_ID, key=key)
        assert await deployed(evm.chain, treasury)
        left = await evm.node.coins(payer.raw)
        await put(evm.chain, treasury, chain_id=CHAIN_ID, key=key)
        assert await evm.node.coins(payer.raw) == left, "once it is there nothing is sent"
    finally:
        await evm.node.ask("evm_setAutomine", False)


async def test_the_command_shows_it_and_needs_no_key_of_the_house(
    evm: EvmWorld, db: Database
) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": db.url,
        "EVM_CHAIN_ID": str(CHAIN_ID),
        "EVM_NODE_URLS": evm.node.url,
        "EVM_TOKEN": evm.usdt.address.checksummed,
        "EVM_XPUB": XPUB,
        "EVM_DEPLOYER_KEY": "",
    }

    def delegate(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "payments", "delegate", *arguments],
            env={**environment, **given},
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[3],
        )

    nobody = delegate()
    assert nobody.returncode == 1
    assert "no hot wallet" in nobody.stderr
    async with db.transaction() as session:
        await rails.set_hot_wallet(
            session, rail=USDT_ETH, address=evm.hot.address.checksummed, now=utc_now()
        )
    shown = delegate()
    assert shown.returncode == 0, shown.stderr
    assert delegate_of(evm.hot.address).checksummed in shown.stdout
    assert "0x" + deployment(evm.hot.address).hex() in shown.stdout
    keyless = delegate("--deploy")
    assert keyless.returncode == 1
    assert "EVM_DEPLOYER_KEY" in keyless.stderr
    off = delegate(EVM_CHAIN_ID="0", EVM_NODE_URLS="", EVM_TOKEN="", EVM_XPUB="")
    assert off.returncode == 1

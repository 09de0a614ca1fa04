"""Sweeps by EIP-7702 on a real node: the deposit address never holds a coin and pays one treasury."""

import pytest

from casino.errors import OutsideRefused
from payments.chains.base import Outcome
from payments.chains.evm_addresses import EvmAddress
from payments.chains.evm_wallet import (
    Authorization,
    SignedTransaction,
    authorization_account,
    authorize,
    sweep,
)
from sandbox.evm.chain import CHAIN_ID
from sandbox.evm.usdt import deploy_delegate
from sandbox.evm.wallet import PersonWallet
from tests.payments.evm.conftest import FEES, USDT, EvmWorld

pytestmark = pytest.mark.chain

TREASURY = EvmAddress(b"\x77" * 20)
GAS = 200_000


@pytest.fixture
async def delegate(evm: EvmWorld) -> EvmAddress:
    return await deploy_delegate(evm.node, treasury=TREASURY)


@pytest.fixture
async def deposit(evm: EvmWorld) -> PersonWallet:
    """A deposit address with tokens and without a coin."""
    deposit = evm.wallet(f"deposit of {evm.usdt.address.raw}")
    await evm.usdt.give(deposit.address.raw, 5 * USDT)
    assert await evm.node.coins(deposit.address.raw) == 0
    return deposit


def permission(deposit: PersonWallet, delegate: EvmAddress, *, nonce: int = 0) -> Authorization:
    return authorize(
        chain_id=CHAIN_ID,
        delegate=delegate,
        nonce=nonce,
        account=deposit.address,
        sign=deposit.sign,
    )


async def swept(
    evm: EvmWorld,
    deposit: PersonWallet,
    authorization: Authorization | None,
    *,
    payer: PersonWallet | None = None,
) -> tuple[SignedTransaction, int]:
    """Sweep and mine; the signed transaction and what the treasury gained."""
    before = await evm.usdt.units(TREASURY.raw)
    wallet = payer or evm.hot
    signed = wallet.signed(
        sweep(
            chain_id=CHAIN_ID,
            nonce=await wallet.nonce(),
            fees=FEES,
            gas=GAS,
            deposit=deposit.address,
            token=evm.usdt.address,
            authorization=authorization,
        )
    )
    assert await evm.chain.broadcast(signed.signed) is Outcome.SUCCEEDED
    await evm.node.mine()
    return signed, await evm.usdt.units(TREASURY.raw) - before


async def test_the_first_sweep_and_the_second(
    evm: EvmWorld, delegate: EvmAddress, deposit: PersonWallet
) -> None:
    first, gained = await swept(evm, deposit, permission(deposit, delegate))
    assert gained == 5 * USDT
    assert first.signed[0] == 4
    code = await evm.node.ask("eth_getCode", deposit.address.raw, "latest")
    assert code == "0xef0100" + delegate.account.hex()
    assert await deposit.nonce() == 1, "the permission used up a nonce of the deposit address"
    await evm.usdt.give(deposit.address.raw, 7)
    second, gained = await swept(evm, deposit, None)
    assert gained == 7
    assert second.signed[0] == 2
    for one in (first, second):
        landed = await evm.chain.landed(one.tx_hash)
        assert landed is not None
        assert landed.succeeded
    assert await evm.node.coins(deposit.address.raw) == 0
    assert await evm.usdt.units(deposit.address.raw) == 0


async def test_anybody_may_sweep_and_the_treasury_gains(
    evm: EvmWorld, delegate: EvmAddress, deposit: PersonWallet
) -> None:
    _, gained = await swept(evm, deposit, permission(deposit, delegate), payer=evm.person)
    assert gained == 5 * USDT


async def test_a_permission_works_once(
    evm: EvmWorld, delegate: EvmAddress, deposit: PersonWallet
) -> None:
    given = permission(deposit, delegate)
    await swept(evm, deposit, given)
    await evm.usdt.give(deposit.address.raw, 3)
    # A used permission is passed over; the code is there already, so the sweep still works.
    _, gained = await swept(evm, deposit, given)
    assert gained == 3
    assert await deposit.nonce() == 1


async def test_a_permission_of_another_nonce_is_none(
    evm: EvmWorld, delegate: EvmAddress, deposit: PersonWallet
) -> None:
    signed, gained = await swept(evm, deposit, permission(deposit, delegate, nonce=5))
    assert gained == 0
    landed = await evm.chain.landed(signed.tx_hash)
    assert landed is not None
    assert landed.succeeded, "a call to an account without code succeeds and does nothing"
    assert await evm.usdt.units(deposit.address.raw) == 5 * USDT


async def test_a_sweep_of_a_paused_token_is_reverted(
    evm: EvmWorld, delegate: EvmAddress, deposit: PersonWallet
) -> None:
    await evm.usdt.pause(on=True)
    signed, gained = await swept(evm, deposit, permission(deposit, delegate))
    assert gained == 0
    landed = await evm.chain.landed(signed.tx_hash)
    assert landed is not None
    assert not landed.succeeded
    # The permission stays given although the call was reverted.
    assert await deposit.nonce() == 1
    await evm.usdt.pause(on=False)
    assert (await swept(evm, deposit, None))[1] == 5 * USDT


async def test_a_swept_address_still_takes_deposits(
    evm: EvmWorld, delegate: EvmAddress, deposit: PersonWallet
) -> None:
    await swept(evm, deposit, permission(deposit, delegate))
    first = await evm.next_height()
    await evm.person.pay_tokens(deposit.address.raw, 9)
    await evm.person.pay_coins(deposit.address.raw, 1, gas=50_000)
    await evm.node.mine()
    (one,) = await evm.since(first, watched=[deposit])
    assert one.units == 9
    assert await evm.node.coins(deposit.address.raw) == 1


async def test_coins_for_a_swept_address_need_more_than_the_least_gas(
    evm: EvmWorld, delegate: EvmAddress, deposit: PersonWallet
) -> None:
    await swept(evm, deposit, permission(deposit, delegate))
    sent = await evm.person.pay_coins(deposit.address.raw, 1)
    await evm.node.mine()
    landed = await evm.chain.landed(sent.tx_hash)
    assert landed is not None
    assert not landed.succeeded
    assert await evm.node.coins(deposit.address.raw) == 0


async def test_the_gas_of_a_sweep_is_estimated_with_its_permission(
    evm: EvmWorld, delegate: EvmAddress, deposit: PersonWallet
) -> None:
    def transaction(token: EvmAddress) -> object:
        return sweep(
            chain_id=CHAIN_ID,
            nonce=0,
            fees=FEES,
            gas=GAS,
            deposit=deposit.address,
            token=token,
            authorization=permission(deposit, delegate),
        )

    given = transaction(evm.usdt.address)
    gas = await evm.chain.estimate_gas(given, sender=evm.hot.address)
    assert 42_000 < gas < 120_000
    with pytest.raises(OutsideRefused):
        await evm.chain.estimate_gas(transaction(deposit.address), sender=evm.hot.address)


def test_a_permission_names_its_signer(evm: EvmWorld) -> None:
    given = permission(evm.person, TREASURY, nonce=3)
    assert authorization_account(given) == evm.person.address

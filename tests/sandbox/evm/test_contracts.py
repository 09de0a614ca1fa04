"""The contracts: a token as awkward as USDT, and a delegate that pays one treasury and nobody else."""

import pytest
from eth_hash.auto import keccak

from payments.chains.evm_addresses import EvmAddress
from sandbox.evm.chain import LocalEvm, contract_code
from sandbox.evm.usdt import LocalUsdt, call, deploy_delegate, deploy_usdt
from sandbox.evm.wallet import PersonWallet
from sandbox.processes import ServiceFailed

pytestmark = pytest.mark.chain

SOMEBODY = "0x" + "51" * 20
OTHER = "0x" + "52" * 20
TREASURY = EvmAddress(b"\x99" * 20)
ETH = 10**18


async def asked(chain: LocalEvm, usdt: LocalUsdt, signature: str, *arguments: object) -> str:
    payload = "0x" + call(signature, *arguments).hex()
    sender = await chain.rich_account()
    wanted = {"to": usdt.address.raw, "data": payload, "from": sender}
    return str(await chain.ask("eth_call", wanted, "latest"))


async def test_it_answers_nothing_where_others_answer_true(
    chain: LocalEvm, usdt: LocalUsdt
) -> None:
    assert await asked(chain, usdt, "transfer(address,uint256)", SOMEBODY, 1) == "0x"
    assert await asked(chain, usdt, "approve(address,uint256)", SOMEBODY, 1) == "0x"
    assert int(await asked(chain, usdt, "decimals()"), 16) == 6


async def test_its_fee_goes_to_the_owner_by_a_log_of_its_own(usdt: LocalUsdt) -> None:
    await usdt.charge(10, 50_000)
    receipt = await usdt.give_many([(SOMEBODY, 10_000_000), (OTHER, 100_000_000)])
    values = [int(log["data"], 16) for log in receipt["logs"]]
    assert values == [9_990_000, 10_000, 99_950_000, 50_000], "a fee of 0.1 %, at most 0.05"
    assert await usdt.units(SOMEBODY) == 9_990_000


async def test_pause_and_blacklist_refuse_transfers(chain: LocalEvm, usdt: LocalUsdt) -> None:
    person = PersonWallet(chain, usdt.address, "denied")
    await chain.give(person.address.raw, ETH)
    await usdt.give(person.address.raw, 10)
    await usdt.blacklist(person.address.raw, on=True)
    sent = await person.pay_tokens(SOMEBODY, 1)
    await chain.mine()
    assert (await chain.receipt(sent.tx_hash))["status"] == "0x0"
    await usdt.give(person.address.raw, 1)
    assert await usdt.units(person.address.raw) == 11, "the denied may still receive"
    await usdt.pause(on=True)
    with pytest.raises(ServiceFailed):
        await usdt.give(SOMEBODY, 1)


async def test_an_allowance_must_be_taken_back_before_another(usdt: LocalUsdt) -> None:
    await usdt.call("approve(address,uint256)", SOMEBODY, 5)
    with pytest.raises(ServiceFailed):
        await usdt.call("approve(address,uint256)", SOMEBODY, 6)
    await usdt.call("approve(address,uint256)", SOMEBODY, 0)
    await usdt.call("approve(address,uint256)", SOMEBODY, 6)


async def test_only_the_owner_changes_the_rules(chain: LocalEvm, usdt: LocalUsdt) -> None:
    for signature, arguments in (
        ("setFee(uint256,uint256)", (1, 1)),
        ("setPaused(bool)", (True,)),
        ("setBlacklisted(address,bool)", (OTHER, True)),
    ):
        wanted = {
            "to": usdt.address.raw,
            "data": "0x" + call(signature, *arguments).hex(),
            "from": SOMEBODY,
        }
        with pytest.raises(ServiceFailed, match="revert"):
            await chain.ask("eth_call", wanted, "latest")


async def test_the_delegate_has_one_address_for_one_treasury(chain: LocalEvm) -> None:
    first = await deploy_delegate(chain, treasury=TREASURY)
    height = await chain.height()
    assert await deploy_delegate(chain, treasury=TREASURY) == first
    assert await chain.height() == height, "it was there already"
    assert await deploy_delegate(chain, treasury=EvmAddress(b"\x98" * 20)) != first


async def test_whoever_calls_the_delegate_pays_the_treasury(
    chain: LocalEvm, usdt: LocalUsdt
) -> None:
    delegate = await deploy_delegate(chain, treasury=TREASURY)
    await usdt.give(delegate.raw, 70)
    before = await usdt.units(TREASURY.raw)
    stranger = PersonWallet(chain, usdt.address, "stranger")
    await chain.give(stranger.address.raw, ETH)
    payload = "0x" + call("flush(address)", usdt.address.raw).hex()
    snapshot = await chain.snapshot()
    await chain.ask("anvil_impersonateAccount", stranger.address.raw)
    await chain.transact(bytes.fromhex(payload[2:]), to=delegate.raw, sender=stranger.address.raw)
    assert await usdt.units(TREASURY.raw) == before + 70
    assert await usdt.units(delegate.raw) == 0
    await chain.revert(snapshot)


async def test_the_delegate_offers_nothing_else(chain: LocalEvm) -> None:
    """Its code answers to `flush` and `treasury` only, keeps nothing and calls nothing else."""
    delegate = await deploy_delegate(chain, treasury=TREASURY)
    code = bytes.fromhex((await chain.ask("eth_getCode", delegate.raw, "latest"))[2:])
    opcodes = set(walk(code))
    sstore, delegatecall, selfdestruct, callcode, create, create2 = (
        0x55,
        0xF4,
        0xFF,
        0xF2,
        0xF0,
        0xF5,
    )
    assert not opcodes & {sstore, delegatecall, selfdestruct, callcode, create, create2}
    for signature in ("flush(address)", "treasury()"):
        assert keccak(signature.encode())[:4] in code
    for signature in ("transfer(address,uint256)", "setTreasury(address)"):
        wanted = {
            "to": delegate.raw,
            "data": "0x" + keccak(signature.encode())[:4].hex() + "00" * 64,
        }
        with pytest.raises(ServiceFailed, match="revert"):
            await chain.ask("eth_call", wanted, "latest")


async def test_the_delegate_refuses_what_is_no_token(chain: LocalEvm) -> None:
    delegate = await deploy_delegate(chain, treasury=TREASURY)
    for target in (SOMEBODY, delegate.raw):
        wanted = {"to": delegate.raw, "data": "0x" + call("flush(address)", target).hex()}
        with pytest.raises(ServiceFailed, match="revert"):
            await chain.ask("eth_call", wanted, "latest")


async def test_a_paused_token_stays_where_it_is(chain: LocalEvm) -> None:
    usdt = await deploy_usdt(chain)
    delegate = await deploy_delegate(chain, treasury=TREASURY)
    await usdt.give(delegate.raw, 5)
    await usdt.pause(on=True)
    wanted = {"to": delegate.raw, "data": "0x" + call("flush(address)", usdt.address.raw).hex()}
    with pytest.raises(ServiceFailed, match="revert"):
        await chain.ask("eth_call", wanted, "latest")


def test_a_contract_that_is_not_there_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        contract_code("Nothing")


def walk(code: bytes) -> list[int]:
    """The operations of a program, without what they push and without the data behind it."""
    length = int.from_bytes(code[-2:], "big")  # the compiler's notes stand at the end
    code = code[: -length - 2]
    found, at = [], 0
    while at < len(code):
        operation = code[at]
        found.append(operation)
        at += 1 + (operation - 0x5F if 0x60 <= operation <= 0x7F else 0)
    return found

"""Jettons of the local chain, as strangers' clients see them."""

from collections.abc import Callable

import pytest
from ton_core import NetworkGlobalID
from tonutils.clients import ToncenterClient
from tonutils.contracts import (
    JettonMasterStablecoinV2,
    JettonMasterStandard,
    JettonWalletStablecoinV2,
    JettonWalletStandard,
)

from payments.addresses import TonAddress
from payments.rpc import Toncenter
from sandbox.ton.chain import LocalChain
from sandbox.ton.jetton import Kind, LocalJetton
from sandbox.ton.wallet import PersonWallet

pytestmark = pytest.mark.chain

TON = 10**9
CONTRACTS = {
    Kind.GOVERNED: (JettonMasterStablecoinV2, JettonWalletStablecoinV2),
    Kind.STANDARD: (JettonMasterStandard, JettonWalletStandard),
}
Client = Callable[[LocalChain], Toncenter]


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name.lower())
async def test_a_stranger_sees_the_same_jetton(
    shared_chain: LocalChain, client: Client, kind: Kind
) -> None:
    rpc = client(shared_chain)
    issuer, ann = PersonWallet(rpc, f"issuer {kind.name}"), PersonWallet(rpc, f"ann {kind.name}")
    for person in (issuer, ann):
        await shared_chain.faucet(person.address.raw, 10 * TON)
    jetton = LocalJetton(rpc, issuer, kind)
    await jetton.deploy()
    await shared_chain.mine()
    await jetton.mint(ann.address.raw, 1000, comment="first")
    await shared_chain.mine()
    bob = TonAddress(0, b"\x42" * 32)
    assert await jetton.balance(bob.raw) == 0
    await jetton.pay(ann, bob.raw, 400, comment="lunch")
    await shared_chain.mine()
    assert await jetton.supply() == 1000
    assert await jetton.balance(ann.address.raw) == 600
    assert await jetton.balance(bob.raw) == 400

    master_class, wallet_class = CONTRACTS[kind]
    stranger = ToncenterClient(
        NetworkGlobalID.TESTNET, base_url=f"{shared_chain.url}/api/v2", rps_limit=1000
    )
    await stranger.connect()
    try:
        master = await master_class.from_address(stranger, jetton.master.raw)
        assert master.total_supply == 1000
        wallet = await master.get_wallet_address(bob.raw)
        assert (wallet.wc, wallet.hash_part) == (0, (await jetton.wallet_of(bob.raw)).account)
        offline = master_class.calculate_user_jetton_wallet_address(
            bob.raw, jetton.master.raw, wallet_class.get_default_code()
        )
        assert offline == wallet
    finally:
        await stranger.close()


async def test_another_name_or_issuer_is_another_jetton(
    shared_chain: LocalChain, client: Client
) -> None:
    rpc = client(shared_chain)
    one, other = PersonWallet(rpc, "one issuer"), PersonWallet(rpc, "other issuer")
    masters = {
        LocalJetton(rpc, issuer, kind, name).master
        for issuer in (one, other)
        for kind in Kind
        for name in ("https://example.invalid/a", "https://example.invalid/b")
    }
    assert len(masters) == 8
    assert LocalJetton(rpc, one).master == LocalJetton(rpc, one).master


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name.lower())
@pytest.mark.parametrize("comment", ["", "a comment of more than a few letters"])
async def test_transactions_of_a_jetton_wallet_name_the_one_before(
    shared_chain: LocalChain, client: Client, kind: Kind, comment: str
) -> None:
    rpc = client(shared_chain)
    issuer = PersonWallet(rpc, f"linked {kind.name} {comment}")
    await shared_chain.faucet(issuer.address.raw, 10 * TON)
    jetton = LocalJetton(rpc, issuer, kind, name="https://example.invalid/linked.json")
    await jetton.deploy()
    owner = TonAddress(0, b"\x43" * 32).raw
    for _ in range(3):
        await shared_chain.mine()
        await jetton.mint(owner, 5, comment=comment)
    await shared_chain.mine()
    wallet = (await jetton.wallet_of(owner)).raw
    told = await rpc.index("transactions", account=wallet, sort="asc", limit=10)
    found = told["transactions"]
    assert len(found) == 3
    named = [(one["prev_trans_lt"], one["prev_trans_hash"]) for one in found[1:]]
    assert named == [(one["lt"], one["hash"]) for one in found[:-1]]

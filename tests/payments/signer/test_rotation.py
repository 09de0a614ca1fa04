"""A hot wallet's key is rotated while a payout waits: the old wallet still pays, then the new."""

from dataclasses import replace

import pytest
from nacl.signing import SigningKey

from casino.cashier.rails import set_hot_wallet
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.db import Database
from payments.chains.ton_wallet import HotWallet
from payments.signer.roots import Entropy
from payments.signer.signing_keys import TonKey
from payments.signer.ton_pen import TonPen
from tests.payments.conftest import TIMEOUT_SECONDS, TON, World
from tests.payments.house import RAIL, House

pytestmark = pytest.mark.chain


async def test_payouts_of_an_old_wallet_are_signed_after_a_rotation(
    world: World, db: Database
) -> None:
    house = House(world, db)
    await house.open()
    player = await house.rich_player(10 * TON)
    to = house.somebody(1)
    withdrawal = await house.withdraw(player, 2 * TON, to.friendly())
    await house.sender.step()
    assert await house.status(withdrawal) is Status.ASSIGNED

    pen = house.signer.pen
    assert isinstance(pen, TonPen)
    new_key = TonKey(Entropy(bytes(SigningKey(b"\x07" * 32))))
    new_wallet = HotWallet(new_key.public_key, 0x10AD, TIMEOUT_SECONDS)
    house.signer.pen = replace(pen, key=new_key, wallet=new_wallet)
    assert await house.signer.step() == 0, "nobody signs for a wallet that is not his"
    assert await house.status(withdrawal) is Status.ASSIGNED

    older = ((pen.wallet, pen.key),)
    house.signer.pen = replace(pen, key=new_key, wallet=new_wallet, older=older)
    assert await house.signer.step() == 1
    await house.turn()
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await world.node.balance(to.raw) == 2 * TON - 50_000_000

    await world.node.faucet(new_wallet.address.raw, 100 * TON)
    async with db.transaction() as session:
        address = new_wallet.address.friendly()
        await set_hot_wallet(session, rail=RAIL, address=address, now=utc_now())
    second = await house.withdraw(player, 3 * TON, to.friendly())
    await house.sender.step()
    assert await house.status(second) is Status.APPROVED, "nobody has looked at the new wallet yet"
    await house.watch()
    await house.sender.step()
    assert await house.signer.step() == 1
    (payout,) = await house.open_payouts()
    assert payout.account == address
    assert await house.status(second) is Status.SIGNED

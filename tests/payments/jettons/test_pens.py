"""What the signer makes of jettons and of moves by its keys and settings alone, without a chain."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from casino.cashier.batches import Attempt, Move, Payout
from casino.cashier.moves import MoveKind
from casino.cashier.rails import TON, USDT_TON
from payments.addresses import TonAddress, parse_ton
from payments.chains.ton_cells import FUEL_OPCODE, opcode
from payments.chains.ton_deposit_wallets import DepositWallet
from payments.chains.ton_jetton_facts import read_transfer
from payments.chains.ton_jetton_payout import ATTACHED_UNITS
from payments.chains.ton_wallet import HotWallet, Payment, carried_parcels
from payments.signer.checks import Limits, SignedBefore, SigningRefused
from payments.signer.errors import KeystoreError
from payments.signer.jetton_pen import JettonPen, read_jetton_wallets, read_master
from payments.signer.roots import Entropy
from payments.signer.signing_keys import TonKey
from payments.signer.ton_moves import FUEL_UNITS_MAX, TonMoves
from payments.signer.ton_pen import TonPen, fuel_budget

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OLD_KEY, KEY = (TonKey(Entropy(bytes([n] * 32))) for n in (1, 2))
OLD, WALLET = (HotWallet(key.public_key, 0x10AD, 600) for key in (OLD_KEY, KEY))
LIMITS = Limits(10**9, 10**9, 10**9, 10**9)
HOLDER, MASTER, THIEF = (TonAddress(0, bytes([n] * 32)) for n in (7, 8, 9))
BEFORE = SignedBefore(hour_units=0, day_units=0)
COIN = 10**9


def jetton_pen(**changes: object) -> JettonPen:
    plain = JettonPen(
        rail=USDT_TON,
        key=KEY,
        wallet=WALLET,
        older=((OLD, OLD_KEY),),
        limits=LIMITS,
        approval_key=bytes(32),
        testnet=True,
        master=MASTER,
        jetton_wallets={WALLET.address.raw: HOLDER},
    )
    return replace(plain, **changes)


def moved(kind: MoveKind, *, rail: str = TON, number: object = 5, **changes: object) -> Payout:
    """A move of deposit address 5, as the sender would plan it."""
    deposit = DepositWallet(KEY.public_key, 5).address.raw
    fuel = kind is MoveKind.FUEL
    hot = WALLET.address.friendly()
    move = Move(
        payout_id=1,
        rail=rail,
        kind=kind,
        source=hot if fuel else deposit,
        destination=deposit if fuel else hot,
        units=COIN // 10,
        status="assigned",
        tx_hash=None,
        proof=None,
    )
    of_move = {
        name: changes.pop(name) for name in ("source", "destination", "units") if name in changes
    }
    plan = {"number": number, "jetton_wallet": HOLDER.raw}
    created_at = NOW - timedelta(seconds=30)
    plain = Payout(
        id=1,
        rail=rail,
        account=hot if fuel else deposit,
        replay_number=3,
        created_at=created_at,
        expires_at=created_at + timedelta(seconds=600 if fuel else 300),
        since_height=None,
        claimed_at=NOW,
        broadcast_at=None,
        seen_at=None,
        closed_at=None,
        attempts=(Attempt(1, plan, NOW, None, None, None),),
        members=(),
        move=replace(move, **of_move),
    )
    return replace(plain, **changes)


def moves(budget: int = COIN, journalled: int = 0) -> TonMoves:
    return TonMoves(((OLD, OLD_KEY), (WALLET, KEY)), fuel_budget(budget), journalled)


def test_jettons_are_asked_of_the_account_in_the_settings_and_of_no_other() -> None:
    pay = Payment(THIEF.friendly(), 77, "memo")
    made = jetton_pen().build(moved(MoveKind.SWEEP, rail=USDT_TON), [pay], wallet=WALLET, key=KEY)
    sender, (parcel,) = carried_parcels(made.boc)
    assert sender == WALLET.address
    assert (parcel.destination, parcel.units) == (HOLDER, ATTACHED_UNITS)
    asked = read_transfer(parcel.body)
    assert asked is not None
    assert (asked.owner, asked.units) == (THIEF, 77)
    with pytest.raises(SigningRefused, match="no_jetton_wallet"):
        jetton_pen().build(moved(MoveKind.SWEEP), [pay], wallet=OLD, key=OLD_KEY)


def test_nobody_is_paid_at_an_account_of_ours() -> None:
    assert jetton_pen().own_accounts() == {
        WALLET.address.raw,
        OLD.address.raw,
        HOLDER.raw,
        MASTER.raw,
    }


def test_jetton_wallets_belong_to_the_newest_wallets() -> None:
    both = [OLD, WALLET]
    one = read_jetton_wallets(HOLDER.friendly(), both, testnet=True)
    assert one == {WALLET.address.raw: HOLDER}
    two = read_jetton_wallets(f"{MASTER.raw}, {HOLDER.raw}", both, testnet=True)
    assert two == {OLD.address.raw: MASTER, WALLET.address.raw: HOLDER}
    for bad in ("nonsense", f"{HOLDER.raw},{HOLDER.raw},{HOLDER.raw}"):
        with pytest.raises(KeystoreError, match="SIGNER_USDT_TON_WALLETS"):
            read_jetton_wallets(bad, both, testnet=True)
    with pytest.raises(KeystoreError, match="TON_JETTON_MASTER"):
        read_master("", testnet=True)


def test_fuel_is_marked_and_goes_to_our_own_address() -> None:
    made = moves().sign_coins(moved(MoveKind.FUEL), now=NOW)
    sender, (parcel,) = carried_parcels(made.signed)
    assert sender == WALLET.address
    assert parcel.destination == DepositWallet(KEY.public_key, 5).address
    assert (parcel.units, opcode(parcel.body)) == (COIN // 10, FUEL_OPCODE)


def test_an_older_generations_address_is_swept_to_the_wallet_in_use() -> None:
    old = DepositWallet(OLD_KEY.public_key, 5).address.raw
    made = moves().sign_coins(moved(MoveKind.SWEEP, source=old, account=old), now=NOW)
    assert made.signed


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (moved(MoveKind.FUEL, destination=THIEF.raw), "not_our_address"),
        (moved(MoveKind.FUEL, units=FUEL_UNITS_MAX + 1), "fuel_limit"),
        (moved(MoveKind.FUEL, units=0), "fuel_limit"),
        (moved(MoveKind.FUEL, number=True), "frame"),
        (moved(MoveKind.FUEL, number="5"), "frame"),
        (moved(MoveKind.FUEL, account=OLD.address.raw), "another_wallet"),
        (moved(MoveKind.FUEL, expires_at=NOW + timedelta(days=1)), "lifetime"),
        (moved(MoveKind.FUEL, expires_at=NOW), "expired"),
        (moved(MoveKind.FUEL, replay_number=1023), "frame"),
        (moved(MoveKind.SWEEP, destination=THIEF.friendly()), "not_our_address"),
        (moved(MoveKind.SWEEP, destination=OLD.address.friendly()), "not_our_address"),
        (moved(MoveKind.SWEEP, source=THIEF.raw), "not_our_address"),
        (moved(MoveKind.SWEEP, number=6), "not_our_address"),
        (moved(MoveKind.SWEEP, account=THIEF.raw), "another_wallet"),
        (moved(MoveKind.SWEEP, expires_at=NOW + timedelta(hours=1)), "lifetime"),
        (moved(MoveKind.SWEEP, expires_at=None), "expired"),
        (moved(MoveKind.CONSOLIDATION), "kind_of_move"),
    ],
)
def test_a_forged_move_is_refused(wanted: Payout, reason: str) -> None:
    with pytest.raises(SigningRefused, match=reason):
        moves().sign_coins(wanted, now=NOW)


def test_coins_burnt_on_jettons_have_a_daily_budget() -> None:
    """Which account holds an address's jettons is told by the plan: a lie costs this and no more."""
    ours = moves(2 * ATTACHED_UNITS)
    lie = moved(MoveKind.SWEEP, rail=USDT_TON)
    for _ in range(2):
        assert ours.sign_jettons(lie, now=NOW).signed
    with pytest.raises(SigningRefused, match="fuel_limit"):
        ours.sign_jettons(lie, now=NOW)
    with pytest.raises(SigningRefused, match="fuel_limit"):
        ours.sign_coins(moved(MoveKind.FUEL), now=NOW)
    after_a_restart = moves(2 * ATTACHED_UNITS, journalled=ATTACHED_UNITS + 1)
    with pytest.raises(SigningRefused, match="fuel_limit"):
        after_a_restart.sign_jettons(lie, now=NOW)
    tomorrow = NOW + timedelta(days=1)
    later = {"created_at": tomorrow, "expires_at": tomorrow + timedelta(seconds=300)}
    assert ours.sign_jettons(replace(lie, **later), now=tomorrow).signed


def test_the_pens_take_their_own_kind_of_move() -> None:
    coins = TonPen(
        rail=TON, key=KEY, wallet=WALLET, limits=LIMITS, approval_key=bytes(32), testnet=True
    )
    swept = coins.sign(moved(MoveKind.SWEEP), asset="TON", before=BEFORE, now=NOW)
    jettons = jetton_pen().sign(
        moved(MoveKind.SWEEP, rail=USDT_TON), asset="USDT", before=BEFORE, now=NOW
    )
    assert swept.tx_hash != jettons.tx_hash
    with pytest.raises(SigningRefused, match="kind_of_move"):
        jetton_pen().sign(moved(MoveKind.FUEL), asset="USDT", before=BEFORE, now=NOW)
    assert parse_ton(HOLDER.raw) == HOLDER

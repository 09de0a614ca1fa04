"""The hot wallet's transactions without a node: sums, sizes, raises, and keys that do not fit."""

from dataclasses import replace

import pytest
from embit.psbt import PSBT
from hypothesis import given, settings
from hypothesis import strategies as some

from payments.chains.btc_addresses import BITCOIN_REGTEST, AccountKey
from payments.chains.btc_blocks import read_transaction
from payments.chains.btc_coins import Coin, Target, vsize_of
from payments.chains.btc_wallet import (
    SEQUENCE,
    ChangeSpot,
    Draft,
    DraftOutput,
    SignedTx,
    WalletError,
    bump,
    change_coin,
    draft_child,
    draft_payout,
    from_psbt,
    require_sound,
    sign,
    to_psbt,
)
from tests.payments.btc.conftest import ACCOUNT_PATH, Keys

KEYS = Keys.of("the hot wallet")
ACCOUNT = AccountKey(KEYS.public, BITCOIN_REGTEST)
SCRIPTS = [ACCOUNT.script(0, index) for index in range(8)]
CHANGE = ChangeSpot(ACCOUNT.script(1, 0), 1, 0)
STRANGERS = [b"\x00\x14" + bytes([number] * 20) for number in range(1, 40)]


def coin(number: int, units: int, **given: object) -> Coin:
    index = number % len(SCRIPTS)
    made = Coin(f"{number + 1:064x}", number, units, SCRIPTS[index], 0, index, 10)
    return replace(made, **given)  # type: ignore[arg-type]


def payout(*units: int, coins: list[Coin], rate: int = 5) -> Draft:
    targets = [Target(one, STRANGERS[number]) for number, one in enumerate(units)]
    return draft_payout(targets, coins, change=CHANGE, rate=rate, later_rate=5)


units_of_coins = some.lists(some.integers(10_000, 10**8), min_size=1, max_size=12)
units_of_targets = some.lists(some.integers(546, 10**6), min_size=1, max_size=8)


def rich_enough(held: list[int], paid: list[int]) -> list[Coin]:
    return [coin(n, one) for n, one in enumerate([*held, sum(paid) + 10**6])]


@given(held=units_of_coins, paid=units_of_targets, rate=some.integers(1, 50))
@settings(deadline=None, max_examples=40)
def test_what_goes_in_comes_out_or_is_fee(held: list[int], paid: list[int], rate: int) -> None:
    draft = payout(*paid, coins=rich_enough(held, paid), rate=rate)
    signed = sign(draft, KEYS, script_of=ACCOUNT.script, rate_max=rate)
    read = read_transaction(signed.raw)
    assert (
        sum(one.units for one in draft.coins)
        == sum(o.units for o in read.outputs) + signed.fee_units
    )
    assert set(signed.inputs) == {one.outpoint for one in draft.coins}
    assert all(spent.sequence == SEQUENCE for spent in read.inputs)
    assert (signed.txid, signed.vsize) == (read.txid, read.vsize)
    assert draft.vsize - 2 * len(draft.coins) <= signed.vsize <= draft.vsize
    assert signed.fee_units >= signed.vsize * rate
    assert [target.units for target in draft.targets] == paid
    assert sign(draft, KEYS, script_of=ACCOUNT.script, rate_max=rate) == signed, (
        "the same bytes every time"
    )
    change = change_coin(draft, signed)
    assert (change is None) == (len(read.outputs) == len(paid))
    if change is not None:
        assert read.outputs[change.vout].script == CHANGE.script
        assert (change.height, change.own_change) == (None, True)


@given(
    held=units_of_coins,
    paid=units_of_targets,
    rates=some.lists(some.integers(1, 80), min_size=1, max_size=4),
)
@settings(deadline=None, max_examples=60)
def test_each_raise_replaces_all_before_it(
    held: list[int], paid: list[int], rates: list[int]
) -> None:
    coins = rich_enough(held, paid)
    family = [payout(*paid, coins=coins, rate=1)]
    for rate in rates:
        try:
            family.append(bump(family[-1], rate=rate, later_rate=5, extra=coins))
        except WalletError:
            break
    for number, later in enumerate(family):
        require_sound(later, rate_max=10_000)
        for earlier in family[:number]:
            assert later.targets == earlier.targets
            assert set(earlier.coins) <= set(later.coins)
            assert later.fee_units >= earlier.fee_units + later.vsize
            smallest = vsize_of(len(earlier.coins), [22] * len(earlier.outputs)) - len(
                earlier.coins
            )
            assert later.fee_units * smallest > earlier.fee_units * later.vsize


def test_children_that_are_pushed_out_are_paid_for() -> None:
    draft = payout(50_000, coins=[coin(0, 10**6)])
    plain = bump(draft, rate=1, later_rate=5)
    assert bump(draft, rate=1, later_rate=5, replaced_units=777).fee_units == plain.fee_units + 777


def test_a_raise_may_eat_the_change() -> None:
    draft = payout(50_000, coins=[coin(0, 52_000)], rate=1)
    assert draft.change_vout is not None
    raised = bump(draft, rate=12, later_rate=5)
    assert raised.change_vout is None
    assert raised.fee_units == 2000
    with pytest.raises(WalletError, match="too_little"):
        bump(raised, rate=1, later_rate=5)
    unconfirmed = coin(1, 10**6, height=None, own_change=True)
    with pytest.raises(WalletError, match="too_little"):
        bump(raised, rate=1, later_rate=5, extra=[unconfirmed])
    assert bump(raised, rate=1, later_rate=5, extra=[coin(2, 10**6)]).change_vout is not None


def test_a_child_spends_our_change_and_nothing_else() -> None:
    draft = payout(50_000, coins=[coin(0, 10**6)], rate=1)
    parent = sign(draft, KEYS, script_of=ACCOUNT.script, rate_max=1)
    change = change_coin(draft, parent)
    assert change is not None
    child = draft_child(parent, change, rate=40, to=CHANGE, others_units=55)
    assert child.coins == (change,)
    lacking = 40 * parent.vsize - parent.fee_units
    assert child.fee_units == 40 * child.vsize + lacking + 55
    with pytest.raises(WalletError, match="no_change"):
        draft_child(parent, coin(0, 10**6), rate=40, to=CHANGE)
    with pytest.raises(WalletError, match="too_little"):
        draft_child(parent, change, rate=10_000, to=CHANGE)
    rich = replace(parent, fee_units=10**6)
    assert draft_child(rich, change, rate=40, to=CHANGE).fee_units == 40 * child.vsize


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"fee_units": 1}, "sum"),
        ({"outputs": ()}, "sum"),
        ({"coins": ()}, "sum"),
    ],
)
def test_sums_that_do_not_agree_are_not_signed(spoilt: dict[str, object], reason: str) -> None:
    draft = replace(payout(50_000, coins=[coin(0, 10**6)]), **spoilt)  # type: ignore[arg-type]
    with pytest.raises(WalletError, match=reason):
        sign(draft, KEYS, script_of=ACCOUNT.script, rate_max=1000)


def test_a_coin_twice_is_not_signed() -> None:
    one = coin(0, 10**6)
    draft = Draft((one, one), (DraftOutput(10**6, STRANGERS[0], 0),), 10**6, CHANGE)
    with pytest.raises(WalletError, match="sum"):
        sign(draft, KEYS, script_of=ACCOUNT.script, rate_max=10**6)


def test_a_fee_out_of_bounds_is_not_signed() -> None:
    with pytest.raises(WalletError, match="fee"):
        sign(
            payout(50_000, coins=[coin(0, 10**6)], rate=101),
            KEYS,
            script_of=ACCOUNT.script,
            rate_max=50,
        )
    one = coin(0, 10_000)
    for fee in (0, 50, -10):
        draft = Draft((one,), (DraftOutput(10_000 - fee, STRANGERS[0], 0),), fee, CHANGE)
        with pytest.raises(WalletError, match="fee"):
            sign(draft, KEYS, script_of=ACCOUNT.script, rate_max=50)


def test_change_that_is_not_ours_is_not_signed() -> None:
    """Whoever writes drafts could call his own address our change."""
    draft = payout(50_000, coins=[coin(0, 10**6)])
    assert draft.change_vout is not None
    outputs = list(draft.outputs)
    outputs[draft.change_vout] = replace(outputs[draft.change_vout], script=STRANGERS[9])
    stolen = replace(draft, outputs=tuple(outputs))
    for bad in (
        stolen,
        replace(stolen, change=ChangeSpot(STRANGERS[9], 1, 0)),
        replace(draft, change=ChangeSpot(CHANGE.script, 1, 1)),
        replace(draft, change=ChangeSpot(CHANGE.script, 0, 0)),
        replace(draft, outputs=tuple(replace(one, payment=None) for one in draft.outputs)),
        replace(draft, coins=tuple(replace(one, script=STRANGERS[9]) for one in draft.coins)),
    ):
        with pytest.raises(WalletError, match="not_ours"):
            sign(bad, KEYS, script_of=ACCOUNT.script, rate_max=10)


def test_a_key_that_does_not_fit_the_coin_is_refused() -> None:
    draft = payout(50_000, coins=[coin(0, 10**6)])
    other = Keys.of("somebody else")
    signed = sign(draft, KEYS, script_of=ACCOUNT.script, rate_max=10)

    def garbled(one: Coin, digest: bytes) -> tuple[bytes, bytes]:
        signature, key = KEYS(one, digest)
        return signature[:-1] + bytes([signature[-1] ^ 1]), key

    def of_another_digest(one: Coin, _digest: bytes) -> tuple[bytes, bytes]:
        return KEYS(one, bytes(32))

    for signer, reason in (
        (other, "key"),
        (garbled, "signature"),
        (of_another_digest, "signature"),
        (lambda one, digest: (b"", KEYS(one, digest)[1]), "signature"),
        (lambda one, digest: (KEYS(one, digest)[0], b""), "signature"),
    ):
        with pytest.raises(WalletError, match=reason):
            sign(draft, signer, script_of=ACCOUNT.script, rate_max=10)
    assert isinstance(signed, SignedTx)


@pytest.mark.parametrize("text", ["", "cHNidP8=", "not base64", "AAAA"])
def test_what_is_no_psbt_is_refused(text: str) -> None:
    with pytest.raises(WalletError, match="psbt"):
        from_psbt(
            payout(50_000, coins=[coin(0, 10**6)]), text, script_of=ACCOUNT.script, rate_max=10
        )


def test_a_psbt_leads_to_the_keys() -> None:
    draft = payout(50_000, coins=[coin(3, 10**6)])
    psbt = PSBT.from_base64(
        to_psbt(draft, KEYS.public, fingerprint=b"\x01\x02\x03\x04", path=ACCOUNT_PATH)
    )
    (way,) = psbt.inputs[0].bip32_derivations.values()
    assert way.fingerprint == b"\x01\x02\x03\x04"
    assert way.derivation == [84 + 2**31, 1 + 2**31, 2**31, 0, 3]
    assert draft.change_vout is not None
    (way,) = psbt.outputs[draft.change_vout].bip32_derivations.values()
    assert way.derivation[-2:] == [1, 0]
    assert psbt.fee() == draft.fee_units

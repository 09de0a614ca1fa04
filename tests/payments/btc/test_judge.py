"""The judge of Bitcoin payouts: proof or silence, whatever the order and number of blocks told."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payments.chains.base import Outcome
from payments.chains.btc_blocks import TxOutput
from payments.chains.btc_judge import Family, FamilyError, Member, Spend, Version, judge

ALICE = Member(1, 1000, b"alice")
BOB = Member(2, 2000, b"bob")
TO_ALICE = TxOutput(1000, b"alice")
TO_BOB = TxOutput(2000, b"bob")
CHANGE = TxOutput(77, b"change")
FINAL = 100


def version(txid: str, inputs: str, *outputs: TxOutput) -> Version:
    return Version(txid, frozenset(inputs), outputs)


def spend(outpoint: str, txid: str, *outputs: TxOutput, height: int = FINAL) -> Spend:
    return Spend(outpoint, txid, outputs, height, f"block {height}")


FIRST = version("first", "ab", TO_ALICE, TO_BOB, CHANGE)
RAISED = version("raised", "abc", TO_BOB, TO_ALICE)
FAMILY = Family((ALICE, BOB), (FIRST, RAISED))


def outcomes(family: Family, *spends: Spend) -> list[str]:
    return [str(one.outcome) for one in judge(family, spends, final_height=FINAL).members]


def test_without_proof_nothing_is_known() -> None:
    assert outcomes(FAMILY) == ["unknown", "unknown"]
    assert outcomes(Family((ALICE,), ())) == ["unknown"]
    assert outcomes(FAMILY, spend("a", "first", height=FINAL + 1)) == ["unknown"] * 2
    assert outcomes(FAMILY, spend("a", "foreign", height=FINAL + 1)) == ["unknown"] * 2


@pytest.mark.parametrize("txid", ["first", "raised"])
def test_any_version_that_is_final_pays(txid: str) -> None:
    found = judge(FAMILY, [spend("a", txid), spend("b", txid)], final_height=FINAL)
    assert [one.outcome for one in found.members] == [Outcome.SUCCEEDED] * 2
    assert (found.seen, found.tx_hash) == (True, txid)
    assert all(txid in one.proof and "block 100" in one.proof for one in found.members)


def test_a_foreign_spend_of_a_shared_input_kills_all_versions() -> None:
    found = judge(FAMILY, [spend("a", "foreign", CHANGE)], final_height=FINAL)
    assert [one.outcome for one in found.members] == [Outcome.FAILED] * 2
    assert all("foreign" in one.proof for one in found.members)
    assert not found.seen


def test_a_foreign_spend_that_leaves_a_version_alive_proves_nothing() -> None:
    assert outcomes(FAMILY, spend("c", "foreign", CHANGE)) == ["unknown"] * 2
    both = (spend("c", "foreign", CHANGE), spend("b", "another", CHANGE))
    assert outcomes(FAMILY, *both) == ["failed"] * 2


@pytest.mark.parametrize(
    "outputs",
    [
        (TO_ALICE, TO_BOB, CHANGE),
        (TO_BOB,),
        (TxOutput(TO_ALICE.units - 1, TO_ALICE.script), TO_BOB),
        (CHANGE,),
    ],
)
def test_whatever_a_stranger_pays_is_left_to_people(outputs: tuple[TxOutput, ...]) -> None:
    """A version that a restored database has forgotten, or that somebody has altered by hand: ours
    are dead, and whether to pay again is no business of a program."""
    found = judge(FAMILY, [spend("a", "forgotten", *outputs)], final_height=FINAL)
    assert [one.outcome for one in found.members] == [Outcome.FAILED] * 2
    assert not any(one.retriable for one in found.members)
    assert (found.seen, found.tx_hash) == (False, "")


def test_what_another_payout_of_ours_displaced_is_tried_again() -> None:
    """Its coin never came to be, since another version of what should have made it was mined."""
    displaced = [spend("a", "another", TO_BOB)]
    found = judge(FAMILY, displaced, final_height=FINAL, others={"another"})
    assert [one.outcome for one in found.members] == [Outcome.FAILED] * 2
    assert all(one.retriable for one in found.members)
    beside_a_stranger = [*displaced, spend("b", "forgotten", CHANGE)]
    for spends in (beside_a_stranger, beside_a_stranger[::-1]):
        found = judge(FAMILY, spends, final_height=FINAL, others={"another"})
        assert not any(one.retriable for one in found.members)


def test_who_is_left_out_is_tried_again_unless_a_stranger_took_a_coin() -> None:
    family = Family((ALICE, BOB), (RAISED, version("smaller", "a", TO_ALICE)))
    alone = [spend("a", "smaller", TO_ALICE)]
    _, bob = judge(family, alone, final_height=FINAL).members
    assert (bob.outcome, bob.retriable) == (Outcome.FAILED, True)
    _, bob = judge(family, [*alone, spend("c", "forgotten", TO_BOB)], final_height=FINAL).members
    assert (bob.outcome, bob.retriable) == (Outcome.FAILED, False)


def test_a_version_without_a_member_kills_him_when_it_lands() -> None:
    without_bob = version("smaller", "a", TO_ALICE)
    family = Family((ALICE, BOB), (FIRST, without_bob))
    assert outcomes(family, spend("a", "smaller", TO_ALICE)) == ["succeeded", "failed"]
    assert outcomes(family, spend("a", "first", *FIRST.outputs)) == ["succeeded", "succeeded"]


def test_one_output_pays_one_member() -> None:
    twin = Member(3, ALICE.units, ALICE.script)
    once = Family((ALICE, twin), (version("once", "a", TO_ALICE),))
    twice = Family((ALICE, twin), (version("twice", "a", TO_ALICE, TO_ALICE),))
    assert outcomes(once, spend("a", "once", TO_ALICE)) == ["succeeded", "failed"]
    assert outcomes(twice, spend("a", "twice", TO_ALICE, TO_ALICE)) == ["succeeded"] * 2


def test_versions_that_could_both_land_are_no_family() -> None:
    with pytest.raises(FamilyError):
        Family((ALICE,), (version("one", "a", TO_ALICE), version("two", "b", TO_ALICE)))
    with pytest.raises(FamilyError):
        Family((ALICE,), (FIRST, RAISED, version("three", "c", TO_ALICE)))
    assert FAMILY.inputs == frozenset("abc")


@given(
    spends=some.lists(
        some.builds(
            spend,
            some.sampled_from("abc"),
            some.sampled_from(["first", "raised", "foreign", "another"]),
            height=some.integers(FINAL - 2, FINAL + 2),
        ),
        max_size=6,
        # An outpoint is spent once in a chain, and a known transaction spends its own inputs.
        unique_by=lambda one: one.outpoint,
    ),
    turned=some.randoms(use_true_random=False),
)
def test_a_verdict_does_not_depend_on_order_or_repetition(
    spends: list[Spend], turned: object
) -> None:
    shuffled = spends * 2
    turned.shuffle(shuffled)  # type: ignore[attr-defined]
    if {one.txid for one in spends} >= {"first", "raised"}:
        return  # of two versions one chain holds one
    plain, again = (judge(FAMILY, one, final_height=FINAL) for one in (spends, shuffled))
    for one, other in zip(plain.members, again.members, strict=True):
        assert (one.outcome, one.retriable) == (other.outcome, other.retriable)
    landed = [one for one in spends if one.txid in ("first", "raised") and one.height <= FINAL]
    assert plain.seen == bool(landed)

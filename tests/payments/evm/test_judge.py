"""The judge: every combination of final facts, and none that pays or refunds without proof."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from payments.chains.base import Outcome
from payments.chains.evm_facts import TokenTransfer
from payments.chains.evm_judge import (
    Attempt,
    EvmPayout,
    FinalFacts,
    FinalReceipt,
    NonceTaker,
    judge,
)

untimed = settings(deadline=None)
HOT, PLAYER, TOKEN = "0x" + "aa" * 20, "0x" + "bb" * 20, "0x" + "cc" * 20
FIRST, SECOND, CANCEL, FOREIGN = ("0x" + digit * 64 for digit in "1234")
BLOCK = "0x" + "ee" * 32
NONCE, UNITS = 7, 25_000_000

PAYOUT = EvmPayout(
    withdrawal_id=1,
    account=HOT,
    nonce=NONCE,
    attempts=(Attempt(FIRST), Attempt(SECOND), Attempt(CANCEL, cancels=True)),
    token=TOKEN,
    recipient=PLAYER,
    units=UNITS,
    free_height=80,
)


def transfer(
    *, sender: str = HOT, recipient: str = PLAYER, units: int = UNITS, tx_hash: str = FIRST
) -> TokenTransfer:
    return TokenTransfer(tx_hash, BLOCK, sender, recipient, units, 0)


def receipt(
    tx_hash: str = FIRST,
    *,
    sender: str = HOT,
    succeeded: bool = True,
    transfers: tuple[TokenTransfer, ...] = (transfer(),),
) -> FinalReceipt:
    return FinalReceipt(tx_hash, 90, BLOCK, sender, succeeded, transfers, fee=21_000)


def outcome(
    *receipts: FinalReceipt, nonce: int = NONCE + 1, taker: NonceTaker | None = None
) -> Outcome:
    facts = FinalFacts(100, BLOCK, nonce, receipts, taker)
    (member,) = judge(PAYOUT, facts).members
    assert bool(member.proof) == (member.outcome is not Outcome.UNKNOWN)
    assert member.withdrawal_id == PAYOUT.withdrawal_id
    return member.outcome


def test_exactly_this_payment_by_us_is_success() -> None:
    assert outcome(receipt()) is Outcome.SUCCEEDED
    assert outcome(receipt(SECOND)) is Outcome.SUCCEEDED
    beside = (transfer(recipient=TOKEN), transfer())
    assert outcome(receipt(transfers=beside)) is Outcome.SUCCEEDED


def test_anything_else_that_was_mined_is_for_people() -> None:
    for transfers in (
        (),
        (transfer(units=UNITS - 1),),
        (transfer(units=UNITS + 1),),
        (transfer(recipient=HOT),),
        (transfer(sender=PLAYER),),
    ):
        assert outcome(receipt(transfers=transfers)) is Outcome.UNKNOWN
    assert outcome(receipt(sender=PLAYER)) is Outcome.UNKNOWN


def test_a_revert_and_a_cancellation_are_failures() -> None:
    assert outcome(receipt(succeeded=False, transfers=())) is Outcome.FAILED
    for succeeded in (True, False):
        assert outcome(receipt(CANCEL, succeeded=succeeded, transfers=())) is Outcome.FAILED


def test_facts_that_contradict_each_other_prove_nothing() -> None:
    assert outcome(receipt(), nonce=NONCE) is Outcome.UNKNOWN, "mined, and its nonce still free"
    assert outcome(receipt(), receipt(SECOND)) is Outcome.UNKNOWN, "two in one nonce"
    ours = NonceTaker(FIRST, 90, BLOCK)
    assert outcome(taker=ours) is Outcome.UNKNOWN, "taken by ourselves, and no receipt"


def test_a_foreign_transaction_in_our_nonce_is_death() -> None:
    foreign = NonceTaker(FOREIGN, 90, BLOCK)
    assert outcome(taker=foreign) is Outcome.FAILED
    assert outcome(taker=foreign, nonce=NONCE) is Outcome.UNKNOWN
    assert outcome() is Outcome.UNKNOWN, "the nonce is gone, and nobody shows to whom"
    assert outcome(nonce=NONCE) is Outcome.UNKNOWN
    assert outcome(receipt(), taker=foreign) is Outcome.SUCCEEDED


def test_receipts_of_others_do_not_count() -> None:
    assert outcome(receipt(FOREIGN)) is Outcome.UNKNOWN
    assert outcome(receipt(FOREIGN, succeeded=False)) is Outcome.UNKNOWN


receipts = st.builds(
    receipt,
    st.sampled_from([FIRST, SECOND, CANCEL, FOREIGN]),
    sender=st.sampled_from([HOT, PLAYER]),
    succeeded=st.booleans(),
    transfers=st.lists(
        st.builds(
            transfer,
            sender=st.sampled_from([HOT, PLAYER]),
            recipient=st.sampled_from([HOT, PLAYER]),
            units=st.sampled_from([UNITS, UNITS - 1]),
        ),
        max_size=2,
    ).map(tuple),
)
takers = st.sampled_from([FIRST, CANCEL, FOREIGN]).map(lambda one: NonceTaker(one, 90, BLOCK))


@untimed
@given(st.lists(receipts, max_size=3), st.integers(NONCE - 1, NONCE + 2), st.none() | takers)
def test_no_verdict_without_its_proof(
    found: list[FinalReceipt], nonce: int, taker: NonceTaker | None
) -> None:
    decided = outcome(*found, nonce=nonce, taker=taker)
    ours = {one.tx_hash for one in PAYOUT.attempts}
    mined = [one for one in found if one.tx_hash in ours]
    if decided is Outcome.SUCCEEDED:
        (one,) = mined
        assert one.succeeded
        assert one.tx_hash != CANCEL
        assert any(
            (move.sender, move.recipient, move.units) == (HOT, PLAYER, UNITS)
            for move in one.transfers
        )
    if decided is Outcome.FAILED:
        assert nonce > NONCE
        if mined:
            (one,) = mined
            assert one.tx_hash == CANCEL or not one.succeeded
        else:
            assert taker is not None
            assert taker.tx_hash == FOREIGN


def test_only_what_never_moved_money_may_be_tried_again() -> None:
    for facts_receipts, taker in product(
        [(), (receipt(),), (receipt(succeeded=False),), (receipt(CANCEL),)],
        [None, NonceTaker(FOREIGN, 90, BLOCK)],
    ):
        facts = FinalFacts(100, BLOCK, NONCE + 1, facts_receipts, taker)
        (member,) = judge(PAYOUT, facts).members
        if member.retriable:
            assert member.outcome is Outcome.FAILED
            assert "reverted" not in member.proof

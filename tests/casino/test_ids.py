"""Public ids are UUIDv7 texts that lead back to the inner id and nowhere else."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casino.errors import NotFound
from casino.ids import (
    first_id_at,
    first_reference_at,
    internal,
    is_reference,
    moment_of,
    new_reference,
    public,
)


@given(st.integers(0, 2**63 - 1))
def test_public_ids_lead_back(inner):
    text = public(inner)
    assert internal(text) == inner
    assert UUID(text).version == 7
    assert UUID(text).variant == "specified in RFC 4122"


@given(st.integers(0, 2**63 - 1), st.integers(0, 31), st.sampled_from("0123456789abcdef"))
def test_a_mistyped_public_id_is_refused(inner, place, digit):
    digits = list(public(inner).replace("-", ""))
    if digits[place] == digit:
        return
    digits[place] = digit
    with pytest.raises(NotFound):
        internal(str(UUID("".join(digits))))


@pytest.mark.parametrize("text", ["", "1", "not-an-id", "00000000-0000-0000-0000-000000000000"])
def test_other_text_is_not_an_id(text):
    with pytest.raises(NotFound):
        internal(text)


def test_ids_know_their_moment():
    moment = datetime(2026, 11, 22, 19, 36, 1, 5000, tzinfo=UTC)
    assert moment_of(first_id_at(moment)) == moment


def test_references_know_their_moment():
    now = datetime.now(UTC)
    low, high = (first_reference_at(now + minutes * timedelta(minutes=1)) for minutes in (-1, 1))
    made = new_reference()
    assert is_reference(made)
    assert low <= made < high
    assert not is_reference("2b5c3b1e-6a0f-4f5e-9a55-0d1c1f6e7a11")
    assert not is_reference("anything")

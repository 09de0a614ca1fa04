"""Deposit tags: no single mistake of a person reads as another player's tag."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casino.cashier import tags

numbers = st.integers(0, tags.NUMBERS - 1)


@given(numbers)
def test_a_tag_reads_back_as_itself(number: int) -> None:
    tag = tags.make(number)
    assert len(tag) == tags.LENGTH
    assert tags.parse(tag) == tag


@given(numbers, numbers)
def test_different_numbers_make_different_tags(one: int, other: int) -> None:
    assert (tags.make(one) == tags.make(other)) == (one == other)


@given(numbers, st.integers(0, tags.LENGTH - 1), st.sampled_from(tags.SYMBOLS))
def test_one_wrong_symbol_is_noticed(number: int, place: int, symbol: str) -> None:
    tag = tags.make(number)
    mistaken = tag[:place] + symbol + tag[place + 1 :]
    assert tags.parse(mistaken) == (tag if mistaken == tag else None)


@given(numbers, st.integers(0, tags.LENGTH - 1), st.characters())
def test_one_foreign_symbol_is_noticed(number: int, place: int, symbol: str) -> None:
    tag = tags.make(number)
    assert tags.parse(tag[:place] + symbol + tag[place + 1 :]) in (tag, None)


@given(numbers, st.integers(0, tags.LENGTH - 1), st.integers(0, tags.LENGTH - 1))
def test_two_symbols_swapped_are_noticed(number: int, one: int, other: int) -> None:
    tag = tags.make(number)
    symbols = list(tag)
    symbols[one], symbols[other] = symbols[other], symbols[one]
    mistaken = "".join(symbols)
    assert tags.parse(mistaken) == (tag if mistaken == tag else None)


@given(numbers, st.integers(0, tags.LENGTH - 1), st.sampled_from(tags.SYMBOLS))
def test_a_missing_or_added_symbol_is_noticed(number: int, place: int, symbol: str) -> None:
    tag = tags.make(number)
    assert tags.parse(tag[:place] + tag[place + 1 :]) is None
    assert tags.parse(tag[:place] + symbol + tag[place:]) is None


@given(numbers, st.sampled_from(["", " ", "\n", "\t "]), st.sampled_from(["", "  ", "\r\n"]))
def test_space_around_and_case_do_not_matter(number: int, before: str, after: str) -> None:
    tag = tags.make(number)
    assert tags.parse(before + tag.lower() + after) == tag


@given(st.text())
def test_any_text_parses_to_a_sound_tag_or_to_nothing(comment: str) -> None:
    tag = tags.parse(comment)
    assert tag is None or tags.parse(tag) == tag


@pytest.mark.parametrize(
    "comment", ["", " ", "A" * 8, "０３ＮＱＫ８Ｎ１", "03NQ K8N1", "x" * 10_000]
)
def test_other_texts_are_no_tags(comment: str) -> None:
    assert tags.parse(comment) is None


@pytest.mark.parametrize("number", [-1, tags.NUMBERS])
def test_numbers_out_of_range_are_refused(number: int) -> None:
    with pytest.raises(ValueError):
        tags.make(number)

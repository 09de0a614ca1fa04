"""Bodies of one plain cell: read the short way exactly as the library reads them, or not at all."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ton_core import Cell, begin_cell

from payments.chains.ton_bodies import PlainBody, comment_of, read_body
from payments.chains.ton_cells import CellError, comment_cell, read_cell, read_comment

COMMENTS = ("FH-7K2M", "", "ünïcode ✓", "x" * 123)


def as_base64(cell: Cell) -> str:
    return base64.b64encode(cell.to_boc()).decode()


def by_library(boc: bytes) -> str | None:
    """What the library makes of the same bytes; None also for bytes that it refuses."""
    try:
        return read_comment(read_cell(boc))
    except CellError:
        return None


@pytest.mark.parametrize("text", [one for one in COMMENTS if one])
def test_a_usual_comment_is_read_without_a_cell(text: str) -> None:
    cell = comment_cell(text)
    body = read_body(as_base64(cell))
    assert isinstance(body, PlainBody)
    assert comment_of(body) == text
    assert body.cell().hash == cell.hash


def test_longer_chains_half_bytes_and_exotic_cells_are_left_to_the_library() -> None:
    half = begin_cell().store_uint(0, 32).store_uint(5, 4).end_cell()
    for cell in (comment_cell("x" * 124), half):
        body = read_body(as_base64(cell))
        assert isinstance(body, Cell)
        assert comment_of(body) == read_comment(cell)


def test_a_body_without_text_has_no_comment() -> None:
    for cell in (
        begin_cell().store_uint(7, 32).store_bytes(b"text").end_cell(),
        begin_cell().store_uint(0, 16).end_cell(),
        begin_cell().store_uint(0, 32).store_bytes(b"\xff\xfe").end_cell(),
        Cell.empty(),
    ):
        assert comment_of(read_body(as_base64(cell))) is None is read_comment(cell)


@given(st.sampled_from(COMMENTS), st.booleans(), st.data())
def test_damaged_bytes_mean_what_they_mean_to_the_library(
    text: str, checked: bool, data: st.DataObject
) -> None:
    boc = bytearray(comment_cell(text).to_boc(hash_crc32=checked))
    for _ in range(data.draw(st.integers(0, 2))):
        boc[data.draw(st.integers(0, len(boc) - 1))] = data.draw(st.integers(0, 255))
    boc = boc[: data.draw(st.integers(1, len(boc)))] + data.draw(st.binary(max_size=2))
    try:
        found = comment_of(read_body(base64.b64encode(boc).decode()))
    except CellError:
        found = None
    assert found == by_library(bytes(boc))


@pytest.mark.parametrize("text", ["not base64!", "", "AAAA"])
def test_what_is_no_body_is_refused(text: str) -> None:
    with pytest.raises(CellError):
        read_body(text)

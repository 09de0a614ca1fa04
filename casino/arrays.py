"""Columns of a batch as PostgreSQL array literals.

The driver's own encoder asks of every element whether it is an array itself, which costs more than
all the rest of storing a bet. A literal is one string, and the server reads it quickly: a parameter
`$1::text::bigint[]` takes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date


def numbers(column: Iterable[int | None]) -> str:
    """Whole numbers; members of an enumeration are made plain by the caller."""
    # A list's own text is its numbers between commas: many times faster than joining them.
    text = str([*column])[1:-1]
    return "{" + (text.replace("None", "NULL") if "N" in text else text) + "}"


def days(column: Iterable[date]) -> str:
    """Dates."""
    return "{" + ",".join([one.isoformat() for one in column]) + "}"


def octets(column: Iterable[bytes | None]) -> str:
    """Bytes, for `bytea[]`."""
    return (
        "{" + ",".join(["NULL" if one is None else f'"\\\\x{one.hex()}"' for one in column]) + "}"
    )


def texts(column: Iterable[str | None]) -> str:
    """Any text."""
    return "{" + ",".join(["NULL" if one is None else _quoted(one) for one in column]) + "}"


def literals(types: str, rows: Sequence[Sequence[Any]]) -> list[str]:
    """Rows as a literal a column; `types` are the columns' types in SQL, in order."""
    names = types.split()
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return [_AS_LITERAL[name](column) for name, column in zip(names, columns, strict=True)]


def parameters(first: int, types: str) -> str:
    """`$1::text::bigint[], ...`: a literal for each of `types`, numbered from `first`."""
    return ", ".join(
        f"${place}::text::{name}[]" for place, name in enumerate(types.split(), start=first)
    )


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


_AS_LITERAL: Mapping[str, Callable[[Iterable[Any]], str]] = {
    "bigint": numbers,
    "smallint": numbers,
    "bytea": octets,
    "date": days,
    "text": texts,
    "timestamptz": texts,
}

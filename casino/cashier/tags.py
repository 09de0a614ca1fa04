"""Deposit tags: eight symbols, of which the last one checks the others; pure.

A tag is a word of a code over the field of 32 elements: the sum of its symbols, each times a
different power of the generator, is zero. A single wrong symbol, or any two symbols swapped,
changes the sum, so no such mistake reads as another player's tag.
"""

from __future__ import annotations

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
LENGTH = 8
NUMBERS = 32 ** (LENGTH - 1)

_MODULUS = 0b100101  # x^5 + x^2 + 1, primitive: 2 generates all 31 non-zero elements
_TEXT_MAX = 64


def make(number: int) -> str:
    """The tag of a number below NUMBERS; different numbers give different tags."""
    if not 0 <= number < NUMBERS:
        raise ValueError(number)
    values = [number >> 5 * place & 31 for place in range(LENGTH - 2, -1, -1)]
    # The check symbol has the weight one, so it is the sum of the others.
    return "".join(SYMBOLS[value] for value in (*values, _weighted([*values, 0])))


def parse(comment: str) -> str | None:
    """The tag that a comment consists of, or None. Space around it and the case of letters do
    not matter; everything else does."""
    if len(comment) > _TEXT_MAX or not comment.isascii():
        return None
    text = comment.strip().upper()
    if len(text) != LENGTH or any(symbol not in SYMBOLS for symbol in text):
        return None
    return text if _weighted([SYMBOLS.index(symbol) for symbol in text]) == 0 else None


def _weighted(values: list[int]) -> int:
    """The sum of values, the last one times 1, the one before times 2, then 4 and so on."""
    total = 0
    for value in values:  # Horner's rule
        total = _doubled(total) ^ value
    return total


def _doubled(value: int) -> int:
    value <<= 1
    return value ^ _MODULUS if value & 0b100000 else value

"""Recovery words coming back: asked for on a terminal without an echo, or read from the input."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from payments.signer.errors import WordsInvalid
from payments.signer.keyring import Keyring
from payments.signer.roots import Entropy, Root, RootKind
from payments.signer.terminal import hidden_line, interactive, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

KINDS = {str(kind): kind for kind in RootKind}
LINES_MAX = 1000


def ask_rows() -> list[Entropy]:
    """Rows of 24 words, of any kind and in any order. Raises WordsInvalid, also for no row."""
    if interactive():
        say("Enter the 24 words of one root in one line; they are not shown. An empty line ends.")
    rows = [Entropy.from_words(_without_kind(line)[1]) for line in _lines("Words: ")]
    if not rows:
        raise WordsInvalid("no words were given; enter one row of 24 for each root")
    return rows


def ask_keyring(*, now: datetime) -> Keyring:
    """A keyring out of words alone; lines begin with the kind, older generations come first.

    Raises WordsInvalid for a line without a kind, KeystoreError as Keyring does."""
    if interactive():
        say(
            "Enter each root in one line, its kind first: ton WORD WORD ... or btc_eth WORD WORD "
            "...; older generations first. Nothing is shown. An empty line ends."
        )
    return keyring_of(_lines("Kind and words: "), now=now)


def keyring_of(lines: Iterable[str], *, now: datetime) -> Keyring:
    """A keyring out of such lines. Raises as `ask_keyring` does."""
    roots: list[Root] = []
    for line in lines:
        kind, words = _without_kind(line)
        if kind is None:
            raise WordsInvalid("a line begins with its kind: `ton` or `btc_eth`, then 24 words")
        generation = 1 + sum(root.kind is kind for root in roots)
        roots.append(Root(kind, generation, Entropy.from_words(words), now))
    return Keyring(roots)


def _lines(question: str) -> Iterator[str]:
    for _ in range(LINES_MAX):
        line = hidden_line(question) if interactive() else sys.stdin.readline().strip()
        if not line:
            return
        yield line


def _without_kind(line: str) -> tuple[RootKind | None, str]:
    first, _, rest = line.strip().partition(" ")
    kind = KINDS.get(first.lower().rstrip(":,"))
    return (kind, rest) if kind is not None else (None, line)

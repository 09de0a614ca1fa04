"""Addresses as people compare them in a chat: all of it, in groups of four, the ends in bold."""

from __future__ import annotations

import html

from messaging.words import Markup

GROUP = 4


def in_groups(address: str) -> str:
    """The whole address in groups of four, without markup."""
    return " ".join(_groups(address))


def shown_address(address: str) -> Markup:
    """The same as HTML, with the first and the last group in bold: above all these are looked at,
    and they are what a forger can match. It is no code, since one tap would copy the gaps too: a
    button beside it copies the plain text."""
    groups = [html.escape(group, quote=False) for group in _groups(address)]
    last = len(groups) - 1
    return Markup(
        " ".join(
            f"<b>{group}</b>" if number in (0, last) else group
            for number, group in enumerate(groups)
        )
    )


def _groups(address: str) -> list[str]:
    return [address[at : at + GROUP] for at in range(0, len(address), GROUP)]

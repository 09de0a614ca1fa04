"""Talking with the operator: secrets are asked without an echo, waiting is announced."""

from __future__ import annotations

import contextlib
import getpass
import sys
import time
from typing import TYPE_CHECKING

from payments.signer.errors import KeystoreError, PasswordUnfit
from payments.signer.keystore import require_fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from payments.signer.roots import Root

COLUMNS = 4
ABOUT = {
    "ton": "for TON and its tokens; written like BIP39, read by Fairhouse only",
    "btc_eth": "for Bitcoin and Ethereum; any BIP39 wallet reads it, without a passphrase",
}


def interactive() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty()


def password_of(given: str) -> str:
    """The password: `given` by the settings, or asked for. Raises PasswordUnfit without both."""
    if given:
        return given
    _require_somebody()
    return getpass.getpass("Password of the keystore: ")


def new_password(given: str) -> str:
    """A password for a new file: `given`, or asked for twice. Raises PasswordUnfit."""
    if not given:
        _require_somebody()
        given = getpass.getpass("Choose a password for the keystore, 12 characters or more: ")
        require_fit(given)
        if getpass.getpass("The same password again: ") != given:
            raise PasswordUnfit("the two passwords differ; nothing was made, start again")
    require_fit(given)
    return given


def hidden_line(question: str) -> str:
    """A line that is not shown while it is typed."""
    return getpass.getpass(question).strip()


def require_private_output(*, print_words: bool) -> None:
    """Raises KeystoreError when recovery words would go into a pipe, a file or a log unasked."""
    if not (print_words or sys.stdout.isatty()):
        raise KeystoreError(
            "the recovery words would go into a pipe or a log; run this on a terminal, or give "
            "--print-words if that is what you want. Nothing was changed"
        )


@contextlib.contextmanager
def waiting(sentence: str) -> Iterator[None]:
    """Say on stderr what takes a second, and then how long it took."""
    began = time.monotonic()
    say(f"{sentence} ...", end="")
    ended = ""
    try:
        yield
        ended = f" {time.monotonic() - began:.1f} s"
    finally:
        say(ended)


def say(text: str, *, end: str = "\n") -> None:
    """Tell the operator something that is no result."""
    sys.stderr.write(text + end)
    sys.stderr.flush()


def show_words(roots: list[Root]) -> None:
    """Print the recovery words: the one thing that is shown this once."""
    out = [
        "",
        "RECOVERY WORDS, shown this once. Whoever reads them owns the coins.",
        "Write them on paper by hand, twice; no photo, no file, no mail. Keep the two sheets in",
        "two places, apart from the keystore and its password.",
    ]
    for root in roots:
        out += ["", f"{root.kind}, generation {root.generation} ({ABOUT[root.kind]})"]
        words = [f"{n:>2} {word:<10}" for n, word in enumerate(root.entropy.words().split(), 1)]
        out += ["".join(words[n : n + COLUMNS]).rstrip() for n in range(0, len(words), COLUMNS)]
    sys.stdout.write("\n".join(out) + "\n\n")
    sys.stdout.flush()


def _require_somebody() -> None:
    if not interactive():
        raise PasswordUnfit(
            "there is nobody to ask for the password: set SIGNER_KEYSTORE_PASSWORD, or run this on "
            "a terminal"
        )

"""`python -m payments keys create | show | rotate | test-restore | upgrade | empty`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from casino.clock import utc_now
from payments.signer import emptying, keystore, old_keystore, words_in
from payments.signer.key_source import from_environment, open_keys, require_keystore
from payments.signer.keyring import Keyring
from payments.signer.keys_view import as_json, as_table, title
from payments.signer.public_parts import PublicPart, kind_of, public_part, same_keys
from payments.signer.roots import Root, RootKind
from payments.signer.safe_file import open_to_others
from payments.signer.terminal import (
    interactive,
    new_password,
    password_of,
    require_private_output,
    say,
    show_words,
    waiting,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from payments.config import SignerSettings

OPENING = "Opening the keystore (Argon2id takes a second and 256 MiB)"
SEALING = "Sealing the keystore (Argon2id takes a second and 256 MiB)"
CREATED = """\
What to do now:
  1. Write the words down as said above, then prove it: python -m payments keys test-restore
  2. Copy the file to a second place; any copy opens with the password. Keep the password elsewhere.
  3. Register the wallet on TON with the cashier: python -m payments.signer address
  4. Give watchers the public keys that they need: python -m payments keys show
"""
UPGRADED = """\
The key on TON is the same: nothing moves. What to do now:
  1. Write the words down as said above, then prove it: python -m payments keys test-restore
  2. Copy the file to a second place, and restart the signer.
"""
ROTATED = """\
What to do now, in this order:
  1. Write the new words down beside the old ones, which stay in force for the old keys, then prove
     them: python -m payments keys test-restore
  2. Stop the switch Withdrawals in the operators' bot; wait until none is assigned, signed or
     broadcast. Skip the waiting when somebody may know the old keys: empty first (5), then return.
  3. Restart the signer. It signs with the new keys, and with the old ones what names an old wallet.
  4. ton: python -m payments.signer address --replace. Players see the new address from then on;
     coins sent to the old one are no longer credited by themselves: tell the players.
     btc_eth: add the new public keys (keys show) to the watchers and keep the old ones there, since
     players go on paying to old addresses.
  5. Move what the old wallets hold. ton: python -m payments keys empty --generation N --to ADDRESS
     --units NANOTONS prints bytes that any node takes. btc_eth: open the old words in a wallet of
     yours, at the paths that keys show prints, and send it all to the new addresses.
  6. Release the switch. Look at the old addresses now and then: whatever comes in must be moved on.
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Teach a parser what may stand behind `keys`."""
    commands = parser.add_subparsers(dest="keys", required=True, metavar="WHAT")
    words = argparse.ArgumentParser(add_help=False)
    words.add_argument(
        "--print-words", action="store_true", help="print recovery words even into a pipe"
    )
    create = commands.add_parser("create", parents=[words], help="make the keystore")
    create.add_argument(
        "--from-words",
        action="store_true",
        help="from recovery words, asked for or as lines on the input: `ton WORD ...` and "
        "`btc_eth WORD ...`, the oldest generation first",
    )
    show = commands.add_parser("show", help="print public parts; needs no password")
    show.add_argument("--json", action="store_true", help="for programs")
    show.add_argument("--check", action="store_true", help="prove them with the password")
    rotate = commands.add_parser("rotate", parents=[words], help="make a new generation of keys")
    rotate.add_argument("--only", choices=[str(kind) for kind in RootKind], help="not all kinds")
    test = commands.add_parser("test-restore", help="prove words or a copy; writes nothing")
    test.add_argument("--copy", type=Path, metavar="FILE", help="a second copy of the keystore")
    commands.add_parser("upgrade", parents=[words], help="bring an older file to this format")
    empty = commands.add_parser("empty", help="sign the emptying of a wallet on TON; sends nothing")
    empty.add_argument("--generation", type=int, required=True, help="whose wallet to empty")
    empty.add_argument("--to", required=True, metavar="ADDRESS", help="where its coins go")
    empty.add_argument("--units", type=int, required=True, help="nanotons; leave some for the fee")


def run(given: argparse.Namespace, settings: SignerSettings) -> int:
    """Do what was asked; returns the exit code. Raises KeystoreError."""
    match given.keys:
        case "create":
            return create(settings, from_words=given.from_words, print_words=given.print_words)
        case "show":
            return show(settings, for_programs=given.json, check=given.check)
        case "rotate":
            kinds = [RootKind(given.only)] if given.only else list(RootKind)
            return rotate(settings, kinds, print_words=given.print_words)
        case "test-restore":
            return test_restore(settings, copy=given.copy)
        case "upgrade":
            return upgrade(settings, print_words=given.print_words)
        case _:
            keys = _open(settings)
            text = emptying.order(
                keys, generation=given.generation, to=given.to, units=given.units, now=utc_now()
            )
            sys.stdout.write(text)
            return 0


def create(settings: SignerSettings, *, from_words: bool, print_words: bool) -> int:
    """Make the keystore, of new roots or of those that the words stand for."""
    path = require_keystore(settings)
    keystore.require_free(path)
    if not from_words:
        require_private_output(print_words=print_words)
    password = new_password(settings.keystore_password.get_secret_value())
    now = utc_now()
    keyring = words_in.ask_keyring(now=now) if from_words else Keyring.fresh(now=now)
    with waiting(SEALING):
        keystore.create(path, keyring, password=password)
    say(f"Made {path}: readable by its owner only, useless without the password.")
    sys.stdout.write(as_table(keyring.public()) + "\n")
    if from_words:
        say("These keys come from the words. Compare the addresses with those you know.")
        return 0
    show_words(list(keyring.roots))
    say(CREATED, end="")
    return 0


def show(settings: SignerSettings, *, for_programs: bool, check: bool) -> int:
    """Print the public parts."""
    held = from_environment(settings)
    about: dict[str, object]
    if held is not None:
        about = {"source": "environment", "checked": True}
        heading, public = "keys of the environment", held.public()
    else:
        path = Path(settings.keystore)
        found = keystore.describe(path)
        public = _open(settings).public() if check else found.public
        about = {"source": str(path), "format": found.version, "checked": check}
        proven = "proven with the password" if check else "not proven; --check asks the password"
        heading = f"{path}, format {found.version} ({proven})"
        if found.version == old_keystore.VERSION:
            say("This file has the format before the present one; `keys upgrade` brings it up.")
        _warn_if_open(path)
    text = as_json(public, about=about) if for_programs else f"{heading}\n\n{as_table(public)}"
    sys.stdout.write(text + "\n")
    return 0


def rotate(settings: SignerSettings, kinds: list[RootKind], *, print_words: bool) -> int:
    """Add a generation to the keystore."""
    path = require_keystore(settings)
    keystore.describe(path)
    require_private_output(print_words=print_words)
    password = password_of(settings.keystore_password.get_secret_value())
    before: list[Root] = []

    def turned(keyring: Keyring) -> Keyring:
        before.extend(keyring.roots)
        return keyring.with_new(kinds, now=utc_now())

    with waiting("Opening, sealing and proving the keystore (Argon2id, three times a second)"):
        keyring = keystore.change(path, turned, password=password)
    added = [root for root in keyring.roots if root not in before]
    say(f"{path} holds new keys; the old ones are still in it.")
    sys.stdout.write(as_table([public_part(root) for root in added]) + "\n")
    show_words(added)
    say(ROTATED, end="")
    return 0


def upgrade(settings: SignerSettings, *, print_words: bool) -> int:
    """Bring the file to the newest format, with a root of each kind."""
    path = require_keystore(settings)
    found = keystore.describe(path)
    kinds = {kind for kind in RootKind if not any(kind_of(part) is kind for part in found.public)}
    if found.version == keystore.VERSION and not kinds:
        say(f"{path} has the newest format already; nothing was done.")
        return 0
    require_private_output(print_words=print_words)
    password = password_of(settings.keystore_password.get_secret_value())
    with waiting("Opening, sealing and proving the keystore (Argon2id, three times a second)"):
        keyring = keystore.change(
            path, lambda keyring: keyring.with_new(kinds, now=utc_now()), password=password
        )
    say(f"{path} has the newest format now.")
    sys.stdout.write(as_table(keyring.public()) + "\n")
    # A key of the first format never had words; others were shown theirs when they were made.
    wordless = found.version == old_keystore.VERSION
    show_words([root for root in keyring.roots if wordless or root.kind in kinds])
    say(UPGRADED, end="")
    return 0


def test_restore(settings: SignerSettings, *, copy: Path | None) -> int:
    """Compare words or a copy with the keys in use; returns 1 when something does not agree."""
    if from_environment(settings) is None:
        keystore.describe(Path(settings.keystore))
    if copy is not None:
        keystore.describe(copy)
    password = ""
    if from_environment(settings) is None or copy is not None:
        password = password_of(settings.keystore_password.get_secret_value())
    with waiting(OPENING):
        held = from_environment(settings)
        keyring = held or keystore.unlock(Path(settings.keystore), password=password)
    if copy is not None:
        with waiting("Opening the copy with the same password"):
            brought = list(keystore.unlock(copy, password=password).public())
        return _compare(keyring.public(), [("the copy's " + title(one), [one]) for one in brought])
    claims = [
        (f"row {number} of words", [public_part(Root(kind, 1, entropy)) for kind in RootKind])
        for number, entropy in enumerate(words_in.ask_rows(), start=1)
    ]
    return _compare(keyring.public(), claims)


def _compare(public: Iterable[PublicPart], claims: list[tuple[str, list[PublicPart]]]) -> int:
    """Tell which of `public` each claim proves; a claim may be one of several parts."""
    open_parts, wrong = list(public), 0
    for name, candidates in claims:
        fitting = [
            part for part in open_parts if any(same_keys(part, other) for other in candidates)
        ]
        if not fitting:
            wrong += 1
            sys.stdout.write(f"WRONG   {name}: none of the keys in use comes from it\n")
            continue
        open_parts = [part for part in open_parts if part not in fitting]
        for part in fitting:
            sys.stdout.write(f"proven  {title(part)} ({part.fingerprint}) by {name}\n")
    for part in open_parts:
        sys.stdout.write(f"MISSING {title(part)} ({part.fingerprint}): nothing here restores it\n")
    if wrong or open_parts:
        say(
            "This backup does not restore everything. While the keystore still opens, make a good "
            "one: look for the missing sheet, copy the file again, or `keys rotate` for new words."
        )
        return 1
    say("Everything can be restored from this. Nothing was written.")
    return 0


def _open(settings: SignerSettings) -> Keyring:
    held = from_environment(settings)
    if held is not None:
        return held
    if not interactive() or settings.keystore_password.get_secret_value():
        with waiting(OPENING):
            return open_keys(settings)
    path = Path(settings.keystore)
    keystore.describe(path)
    password = password_of("")
    with waiting(OPENING):
        return keystore.unlock(path, password=password)


def _warn_if_open(path: Path) -> None:
    if open_to_others(path):
        say(f"Others than its owner may touch {path}: chmod 600 it.")

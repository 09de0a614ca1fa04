"""The keystore's first format, `fairhouse-keystore/1`: one key for TON. Read, never written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import nacl.exceptions
import nacl.pwhash.argon2id
from nacl.secret import SecretBox

from payments.signer.errors import DoesNotOpen, KeystoreError, NotAKeystore
from payments.signer.keyring import Keyring
from payments.signer.public_parts import TonPart, ton_fingerprint
from payments.signer.roots import Entropy, Root, RootKind

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
PUBLIC_KEY_BYTES = 32


def describe(path: Path, content: bytes) -> TonPart:
    """The public key that the file names. Raises NotAKeystore."""
    key = _fields(path, content)["public_key"]
    return TonPart(1, ton_fingerprint(bytes.fromhex(key)), key)


def unseal(path: Path, content: bytes, *, password: str) -> Keyring:
    """The key as the first generation of the kind `ton`. Raises NotAKeystore, DoesNotOpen."""
    fields = _fields(path, content)
    try:
        stretched = nacl.pwhash.argon2id.kdf(
            SecretBox.KEY_SIZE,
            password.encode("utf-8", "surrogateescape"),
            bytes.fromhex(fields["salt"]),
            opslimit=nacl.pwhash.argon2id.OPSLIMIT_MODERATE,
            memlimit=nacl.pwhash.argon2id.MEMLIMIT_MODERATE,
        )
        opened = SecretBox(stretched).decrypt(bytes.fromhex(fields["sealed"]))
        keyring = Keyring([Root(RootKind.TON, 1, Entropy(opened))])
    except nacl.exceptions.CryptoError:
        raise DoesNotOpen(
            f"{path} does not open: the password is wrong, or the file was changed. Try the "
            "password again, then a copy of the file"
        ) from None
    except (ValueError, TypeError, KeystoreError):
        raise NotAKeystore(_damaged(path)) from None
    if keyring.ton().public_key.hex() != fields["public_key"]:
        raise NotAKeystore(f"{path} names another public key than it holds; use a copy of it")
    return keyring


def _fields(path: Path, content: bytes) -> dict[str, str]:
    try:
        found = json.loads(content)
        fields = {name: found[name] for name in ("public_key", "salt", "sealed")}
        sound = len(bytes.fromhex(fields["public_key"])) == PUBLIC_KEY_BYTES
    except (ValueError, KeyError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise NotAKeystore(_damaged(path))
    return fields


def _damaged(path: Path) -> str:
    return f"{path} is not a keystore, or a damaged one; take a copy of it"

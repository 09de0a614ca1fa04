"""The key of the hot wallet: made once, kept encrypted in a file or given by the environment."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nacl.exceptions
import nacl.pwhash
import nacl.secret
import nacl.utils
from nacl.signing import SigningKey

FORMAT = "fairhouse-keystore/1"
PASSWORD_LENGTH_MIN = 12
SEED_BYTES = 32


class KeystoreError(RuntimeError):
    """The keystore cannot be made or opened; the text says why, without secrets."""


def create(path: Path, *, password: str) -> SigningKey:
    """Make a new key and keep it encrypted at `path`; an existing file is never overwritten."""
    if len(password) < PASSWORD_LENGTH_MIN:
        raise KeystoreError(f"a password needs at least {PASSWORD_LENGTH_MIN} characters")
    key = SigningKey.generate()
    salt = nacl.utils.random(nacl.pwhash.argon2id.SALTBYTES)
    box = nacl.secret.SecretBox(_stretch(password, salt))
    content = {
        "format": FORMAT,
        "public_key": bytes(key.verify_key).hex(),
        "salt": salt.hex(),
        "sealed": bytes(box.encrypt(bytes(key))).hex(),
    }
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeystoreError(f"{path} exists already; a key is never overwritten") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(json.dumps(content, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def unlock(path: Path, *, password: str) -> SigningKey:
    """The key kept at `path`. Raises KeystoreError for a missing, broken or foreign file and for a
    wrong password."""
    try:
        content = json.loads(path.read_text(encoding="ascii"))
        if content["format"] != FORMAT:
            raise KeystoreError(f"{path} is not a keystore of this version")
        box = nacl.secret.SecretBox(_stretch(password, bytes.fromhex(content["salt"])))
        key = SigningKey(box.decrypt(bytes.fromhex(content["sealed"])))
    except FileNotFoundError as error:
        raise KeystoreError(f"{path} does not exist; make it with `init`") from error
    except nacl.exceptions.CryptoError as error:
        raise KeystoreError(f"{path} does not open with this password") from error
    except (ValueError, KeyError, TypeError) as error:
        raise KeystoreError(f"{path} is not a keystore") from error
    if bytes(key.verify_key).hex() != content["public_key"]:
        raise KeystoreError(f"{path} names another public key than it holds")
    return key


def from_seed(seed_hex: str) -> SigningKey:
    """The key of a seed that the environment holds: 64 hex digits."""
    try:
        seed = bytes.fromhex(seed_hex)
    except ValueError as error:
        raise KeystoreError("the seed is not hex") from error
    if len(seed) != SEED_BYTES:
        raise KeystoreError("the seed is not 64 hex digits")
    return SigningKey(seed)


def _stretch(password: str, salt: bytes) -> bytes:
    return nacl.pwhash.argon2id.kdf(
        nacl.secret.SecretBox.KEY_SIZE,
        password.encode(),
        salt,
        opslimit=nacl.pwhash.argon2id.OPSLIMIT_MODERATE,
        memlimit=nacl.pwhash.argon2id.MEMLIMIT_MODERATE,
    )

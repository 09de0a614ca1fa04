"""The keystore: all roots in one file, encrypted with a password; public parts stand in clear.

`fairhouse-keystore/2` is a JSON object. Argon2id (RFC 9106) makes a key from the password and the
file's salt; XChaCha20-Poly1305 seals the roots with it. All other fields are the cipher's
associated data: readable by anybody, and proven unchanged when the password opens the file."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import nacl.exceptions
import nacl.pwhash.argon2id
import nacl.utils
from nacl.secret import Aead

from payments.signer import old_keystore, safe_file
from payments.signer.errors import (
    DoesNotOpen,
    FileTrouble,
    KeystoreError,
    KeystoreExists,
    NewerKeystore,
    NotAKeystore,
    PasswordUnfit,
)
from payments.signer.keyring import Keyring
from payments.signer.public_parts import PublicPart
from payments.signer.roots import Entropy, Root, RootKind

if TYPE_CHECKING:
    from collections.abc import Callable

FAMILY = "fairhouse-keystore/"
VERSION = 2
PASSWORD_LENGTH_MIN = 12
_Hex = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{2})+\Z")]


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a guess of the password costs; bounded, since a file from anywhere may name it."""

    operations: Annotated[int, msgspec.Meta(ge=1, le=64)]
    memory_bytes: Annotated[int, msgspec.Meta(ge=8192, le=1 << 31)]


COST = Cost(nacl.pwhash.argon2id.OPSLIMIT_MODERATE, nacl.pwhash.argon2id.MEMLIMIT_MODERATE)
"""256 MiB and about a second."""


class Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file. Bytes are hex."""

    format: Literal["fairhouse-keystore/2"]
    kdf: Literal["argon2id"]
    cost: Cost
    salt: _Hex
    cipher: Literal["xchacha20-poly1305"]
    nonce: _Hex
    public: tuple[PublicPart, ...]
    sealed: _Hex


class _SealedRoot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: RootKind
    generation: int
    entropy: str
    made_at: datetime | None = None


class Described(msgspec.Struct, frozen=True):
    """What a keystore says of itself without its password."""

    version: int
    public: tuple[PublicPart, ...]


def create(path: Path, keyring: Keyring, *, password: str, cost: Cost = COST) -> None:
    """Keep `keyring` at `path`, mode 0600.

    Raises KeystoreExists and leaves what is there, PasswordUnfit, FileTrouble."""
    require_fit(password)
    require_free(path)
    safe_file.write_new(path, _seal(keyring, password=password, cost=cost))


def require_free(path: Path) -> None:
    """Raises KeystoreExists if something is at `path`; `create` makes sure of it again."""
    if path.is_symlink() or path.exists():
        raise KeystoreExists(
            f"{path} exists already and keys are never overwritten; `keys rotate` makes new ones "
            "inside it, SIGNER_KEYSTORE names another place"
        )


def require_fit(password: str) -> None:
    """Raises PasswordUnfit for a short one."""
    if len(password) < PASSWORD_LENGTH_MIN:
        raise PasswordUnfit(f"a password needs at least {PASSWORD_LENGTH_MIN} characters")


def describe(path: Path) -> Described:
    """What the file says of itself. Nothing is proven until `unlock` has opened it.

    Raises KeystoreMissing, NotAKeystore, NewerKeystore, FileTrouble."""
    content = safe_file.read(path)
    version = _version(path, content)
    if version == old_keystore.VERSION:
        return Described(version, (old_keystore.describe(path, content),))
    return Described(version, _parse(path, content).public)


def unlock(path: Path, *, password: str) -> Keyring:
    """The keys kept at `path`, of this format or the one before it.

    Raises KeystoreMissing, NotAKeystore, NewerKeystore, FileTrouble; DoesNotOpen for a wrong
    password and for a file that was changed anywhere."""
    return _unseal(path, safe_file.read(path), password=password)


def change(
    path: Path, how: Callable[[Keyring], Keyring], *, password: str, cost: Cost = COST
) -> Keyring:
    """Put the keyring that `how` makes of the present one in its place, in the newest format.

    The new file is opened again with the password before it takes the old one's place, and the old
    one stands until the new one is on the disk. Raises as `unlock` does."""
    require_fit(password)
    with safe_file.exclusive(path) as replace:
        keyring = how(unlock(path, password=password))
        content = _seal(keyring, password=password, cost=cost)
        if _unseal(path, content, password=password).public() != keyring.public():
            raise KeystoreError("the new file does not hold what it should; the old one stands")
        replace(content)
    return keyring


def _seal(keyring: Keyring, *, password: str, cost: Cost) -> bytes:
    roots = [
        _SealedRoot(root.kind, root.generation, root.entropy.reveal().hex(), root.made_at)
        for root in keyring.roots
    ]
    salt = nacl.utils.random(nacl.pwhash.argon2id.SALTBYTES)
    nonce = nacl.utils.random(Aead.NONCE_SIZE)
    stored = Stored(
        format="fairhouse-keystore/2",
        kdf="argon2id",
        cost=cost,
        salt=salt.hex(),
        cipher="xchacha20-poly1305",
        nonce=nonce.hex(),
        public=keyring.public(),
        sealed="",
    )
    box = Aead(_stretch(password, salt, cost))
    sealed = box.encrypt(msgspec.json.encode(roots), _in_clear(stored), nonce).ciphertext
    stored = msgspec.structs.replace(stored, sealed=sealed.hex())
    return msgspec.json.format(msgspec.json.encode(stored), indent=1) + b"\n"


def _unseal(path: Path, content: bytes, *, password: str) -> Keyring:
    if _version(path, content) == old_keystore.VERSION:
        return old_keystore.unseal(path, content, password=password)
    stored = _parse(path, content)
    try:
        salt, nonce = bytes.fromhex(stored.salt), bytes.fromhex(stored.nonce)
        box = Aead(_stretch(password, salt, stored.cost))
        opened = box.decrypt(bytes.fromhex(stored.sealed), _in_clear(stored), nonce)
    except nacl.exceptions.CryptoError:
        raise DoesNotOpen(does_not_open(path)) from None
    except (ValueError, TypeError, MemoryError):
        raise NotAKeystore(damaged(path)) from None
    try:
        roots = msgspec.json.decode(opened, type=list[_SealedRoot])
    except msgspec.MsgspecError:
        raise NotAKeystore(damaged(path)) from None
    keyring = Keyring(
        Root(root.kind, root.generation, Entropy.from_hex(root.entropy), root.made_at)
        for root in roots
    )
    if keyring.public() != stored.public:
        raise NotAKeystore(f"{path} names other public parts than its keys have; use a copy of it")
    return keyring


def does_not_open(path: Path) -> str:
    """The sentence for a wrong password or a changed file."""
    return (
        f"{path} does not open: the password is wrong, or the file was changed. Try the password "
        "again, then a copy of the file, then the recovery words (`keys create --from-words`)"
    )


def damaged(path: Path) -> str:
    """The sentence for a file that is no keystore."""
    return (
        f"{path} is not a keystore, or a damaged one; take a copy of it, or make it anew from the "
        "recovery words (`keys create --from-words`)"
    )


def _version(path: Path, content: bytes) -> int:
    try:
        named = msgspec.json.decode(content)["format"]
        family, number = named[: len(FAMILY)], named[len(FAMILY) :]
        version = int(number) if number.isascii() and number.isdigit() else 0
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError):
        raise NotAKeystore(damaged(path)) from None
    if family != FAMILY or not version:
        raise NotAKeystore(damaged(path))
    if version > VERSION:
        raise NewerKeystore(
            f"{path} was written by a later version of Fairhouse; use that version, or a newer one"
        )
    return version


def _parse(path: Path, content: bytes) -> Stored:
    try:
        return msgspec.json.decode(content, type=Stored)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise NotAKeystore(damaged(path)) from None


def _in_clear(stored: Stored) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(stored, sealed=""), order="sorted")


def _stretch(password: str, salt: bytes, cost: Cost) -> bytes:
    try:
        # The same password comes out of every keyboard and editor as the same bytes.
        given = unicodedata.normalize("NFC", password).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise PasswordUnfit("this password holds what is no text; choose another one") from None
    try:
        stretched = nacl.pwhash.argon2id.kdf(
            Aead.KEY_SIZE, given, salt, opslimit=cost.operations, memlimit=cost.memory_bytes
        )
    except nacl.exceptions.RuntimeError:
        raise FileTrouble(
            f"there is not enough memory: Argon2id wants {cost.memory_bytes >> 20} MiB for a "
            "moment. Free some, or give the signer more"
        ) from None
    return bytes(stretched)

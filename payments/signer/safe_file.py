"""A small file that is never half written: made once, or replaced as a whole, or left alone."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from payments.signer.errors import FileTrouble, KeystoreExists, KeystoreMissing, NotAKeystore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BYTES_MAX = 1 << 20
MODE = 0o600
OTHERS = 0o077


def read(path: Path) -> bytes:
    """What the file holds. Raises KeystoreMissing, NotAKeystore for a giant, FileTrouble."""
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        raise KeystoreMissing(
            f"{path} does not exist; make it with `python -m payments keys create`, or point "
            "SIGNER_KEYSTORE at where it is"
        ) from None
    except OSError as error:
        raise FileTrouble(
            f"{path} cannot be read ({error.strerror}); run this as the signer's own user"
        ) from error
    if len(content) > BYTES_MAX:
        raise NotAKeystore(f"{path} is not a keystore: it is far too long for one")
    return content


def open_to_others(path: Path) -> bool:
    """Whether people beside the owner may touch the file."""
    return bool(path.stat().st_mode & OTHERS)


def write_new(path: Path, content: bytes) -> None:
    """Make the file, mode 0600, complete or not at all. Raises KeystoreExists, FileTrouble."""
    with _draft(path, content) as draft:
        try:
            # A link, unlike a rename, never takes the place of what is there.
            os.link(draft, path)
        except FileExistsError:
            raise KeystoreExists(
                f"{path} exists already and keys are never overwritten; `keys rotate` makes new "
                "ones inside it, SIGNER_KEYSTORE names another place"
            ) from None


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Hold the file against other writers; what is given puts new content in its place.

    The old file stands until the new one is on the disk. Symbolic links are followed, owner and
    group are kept, the mode becomes 0600. Raises KeystoreMissing, FileTrouble, the latter also
    while somebody else is writing."""
    target = path.resolve()
    try:
        held = os.open(target, os.O_RDONLY)
    except OSError:
        read(path)  # says it better
        raise
    try:
        _lock(held, target)

        def replace(content: bytes) -> None:
            with _draft(target, content, owner=os.fstat(held)) as draft:
                draft.replace(target)

        yield replace
    finally:
        os.close(held)


@contextlib.contextmanager
def _draft(target: Path, content: bytes, *, owner: os.stat_result | None = None) -> Iterator[Path]:
    """A synced file with `content` in the folder of `target`; the folder is synced at the end."""
    path: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        path = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, MODE)
            if owner is not None and owner.st_uid != os.geteuid():
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        yield path
        _sync_folder(target.parent)
    except OSError as error:
        raise FileTrouble(
            f"{target} cannot be written ({error.strerror}); what it held is untouched. Look at "
            "the folder's owner and free space, then try again"
        ) from error
    finally:
        # A draft that stays is sealed like the file itself; it must not hide what went wrong.
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(held: int, target: Path) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        same = os.path.samestat(os.fstat(held), target.stat())
    except OSError:
        same = False
    if not same:
        raise FileTrouble(f"another command is changing {target}; wait for it and try again")

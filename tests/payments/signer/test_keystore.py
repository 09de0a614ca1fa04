"""The keystore's file: who opens it, what it survives, and that nothing is ever half written."""

import errno
import json
import os
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from payments.chains.btc_addresses import BITCOIN
from payments.signer import keystore, safe_file
from payments.signer.errors import (
    DoesNotOpen,
    FileTrouble,
    KeyAbsent,
    KeystoreError,
    KeystoreExists,
    KeystoreMissing,
    NewerKeystore,
    NotAKeystore,
    PasswordUnfit,
)
from payments.signer.keyring import Keyring
from payments.signer.public_parts import BtcEthPart, TonPart
from payments.signer.roots import Entropy, Root, RootKind
from tests.payments.signer.conftest import CHEAP, NOW, OLD_SEED, PASSWORD, entropy, ring

KINDS = list(RootKind)


def rotate(path: Path, *kinds: RootKind) -> Keyring:
    return keystore.change(
        path,
        lambda keys: keys.with_new(kinds or KINDS, now=NOW),
        password=PASSWORD,
        cost=CHEAP,
    )


def test_a_keystore_gives_its_keys_to_its_password_only(path: Path) -> None:
    assert keystore.unlock(path, password=PASSWORD).public() == ring().public()
    with pytest.raises(DoesNotOpen, match="password is wrong, or the file was changed"):
        keystore.unlock(path, password=PASSWORD + "!")
    with pytest.raises(DoesNotOpen):
        keystore.unlock(path, password="")


def test_the_usual_cost_is_argon2id_with_256_mib(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    keystore.create(path, ring(), password=PASSWORD)
    stored = json.loads(path.read_text())
    assert (stored["kdf"], stored["cost"]) == (
        "argon2id",
        {"operations": 3, "memory_bytes": 256 * 2**20},
    )
    assert keystore.unlock(path, password=PASSWORD).public() == ring().public()


def test_two_files_of_the_same_keys_share_nothing_sealed(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    keystore.create(other, ring(), password=PASSWORD, cost=CHEAP)
    one, two = json.loads(path.read_text()), json.loads(other.read_text())
    assert one["public"] == two["public"]
    assert all(one[name] != two[name] for name in ("salt", "nonce", "sealed"))


def test_a_password_is_the_same_however_it_is_composed(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    keystore.create(path, ring(), password="caf\u00e9 caf\u00e9 caf\u00e9", cost=CHEAP)
    assert keystore.unlock(path, password="cafe\u0301 cafe\u0301 cafe\u0301")
    odd = "bytes that are no text: \udcff\udcfe"
    other = tmp_path / "odd.json"
    keystore.create(other, ring(), password=odd, cost=CHEAP)
    assert keystore.unlock(other, password=odd)
    with pytest.raises(PasswordUnfit, match="no text"):
        keystore.create(tmp_path / "no.json", ring(), password="half a pair \ud800", cost=CHEAP)


def test_short_passwords_make_no_keystore(tmp_path: Path) -> None:
    with pytest.raises(PasswordUnfit, match="12 characters"):
        keystore.create(tmp_path / "short.json", ring(), password="elevenchars", cost=CHEAP)
    assert not (tmp_path / "short.json").exists()


def test_a_keystore_is_never_overwritten(path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeystoreExists, match="never overwritten"):
        keystore.create(path, ring("other"), password=PASSWORD, cost=CHEAP)
    with pytest.raises(KeystoreExists):
        safe_file.write_new(path, b"even when it appears at the last moment")
    dangling = tmp_path / "link.json"
    dangling.symlink_to(tmp_path / "nowhere")
    with pytest.raises(KeystoreExists):
        keystore.create(dangling, ring(), password=PASSWORD, cost=CHEAP)
    assert path.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["keystore.json", "link.json"]


def test_only_the_owner_reads_it_whatever_the_mask(path: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.json"
    mask = os.umask(0)
    try:
        keystore.create(made, ring(), password=PASSWORD, cost=CHEAP)
        assert made.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
        assert safe_file.open_to_others(path)
        rotate(path)
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o600
    assert not safe_file.open_to_others(path)


def test_public_parts_are_read_without_the_password_and_hold_no_secret(path: Path) -> None:
    found = keystore.describe(path)
    assert found.version == 2
    assert found.public == ring().public()
    text = path.read_text()
    assert not any(root.entropy.reveal().hex() in text for root in ring().roots)
    assert not any(" ".join(root.entropy.words().split()[:2]) in text for root in ring().roots)
    assert "prv" not in text


def test_public_parts_that_somebody_changed_do_not_open(path: Path) -> None:
    stored = json.loads(path.read_text())
    for part, name in ((0, "evm_hot"), (0, "evm_deposits"), (1, "public_key"), (1, "made_at")):
        forged = json.loads(path.read_text())
        other = ring("other").public()[part]
        forged["public"][part][name] = msgspec.to_builtins(other)[name].replace("22", "23", 1)
        path.write_text(json.dumps(forged))
        with pytest.raises(DoesNotOpen):
            keystore.unlock(path, password=PASSWORD)
        path.write_text(json.dumps(stored))
    assert keystore.unlock(path, password=PASSWORD)


def test_a_flipped_bit_is_noticed_wherever_it_is(path: Path) -> None:
    good = path.read_bytes()
    meant = msgspec.json.decode(good)
    wrong = []
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        path.write_bytes(bad)
        try:
            opened = keystore.unlock(path, password=PASSWORD)
        except KeystoreError:
            continue
        # Blank space may become another blank, and nothing else may change.
        if msgspec.json.decode(bytes(bad)) != meant or opened.public() != ring().public():
            wrong.append(place)
    assert wrong == []


def test_every_truncated_file_is_noticed(path: Path) -> None:
    good = path.read_bytes()
    for length in range(0, len(good) - 2, 5):
        path.write_bytes(good[:length])
        with pytest.raises(NotAKeystore, match="damaged one; take a copy"):
            keystore.unlock(path, password=PASSWORD)
        with pytest.raises(NotAKeystore):
            keystore.describe(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"nonsense",
        b"\xff\xfe\x00",
        b'{"format": 2}',
        b'{"format": null}',
        b'{"format": "other/1"}',
        b'{"format": "fairhouse-keystore/"}',
        b'{"format": "fairhouse-keystore/0"}',
        b'{"format": "fairhouse-keystore/x"}',
        b'{"format": "fairhouse-keystore/1"}',
        b'{"format": "fairhouse-keystore/1", "public_key": 1, "salt": [], "sealed": {}}',
        b'{"format": "fairhouse-keystore/2"}',
        b"[" * 5_000,
        b" " * (safe_file.BYTES_MAX + 1),
    ],
    ids=lambda content: content[:40].decode(errors="replace"),
)
def test_foreign_files_are_not_opened(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keystore.json"
    path.write_bytes(content)
    with pytest.raises(NotAKeystore, match="not a keystore"):
        keystore.describe(path)
    with pytest.raises(NotAKeystore):
        keystore.unlock(path, password=PASSWORD)
    with pytest.raises(NotAKeystore):
        rotate(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("change", ["memory", "operations", "extra", "cipher"])
def test_a_file_cannot_ask_for_more_than_a_keystore_would(path: Path, change: str) -> None:
    stored = json.loads(path.read_text())
    match change:
        case "memory":
            stored["cost"]["memory_bytes"] = 1 << 40
        case "operations":
            stored["cost"]["operations"] = 10**9
        case "extra":
            stored["more"] = 1
        case _:
            stored["cipher"] = "none"
    path.write_text(json.dumps(stored))
    with pytest.raises(NotAKeystore):
        keystore.unlock(path, password=PASSWORD)


def test_a_file_of_a_later_version_says_so(path: Path) -> None:
    path.write_text(path.read_text().replace("keystore/2", "keystore/3"))
    for act in (keystore.describe, lambda given: keystore.unlock(given, password=PASSWORD)):
        with pytest.raises(NewerKeystore, match="later version"):
            act(path)


def test_what_is_not_there_or_not_ours_to_read_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(KeystoreMissing, match="keys create"):
        keystore.unlock(tmp_path / "no.json", password=PASSWORD)
    with pytest.raises(KeystoreMissing, match="SIGNER_KEYSTORE"):
        rotate(tmp_path / "no.json")
    with pytest.raises(FileTrouble, match="cannot be read"):
        keystore.describe(tmp_path)
    with pytest.raises(FileTrouble, match="owner and free space"):
        keystore.create(tmp_path / "no" / "k.json", ring(), password=PASSWORD, cost=CHEAP)


def test_little_memory_is_told_apart_from_a_wrong_password(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def starved(*_: object, **__: object) -> bytes:
        raise keystore.nacl.exceptions.RuntimeError("Unexpected library error")

    monkeypatch.setattr(keystore.nacl.pwhash.argon2id, "kdf", starved)
    with pytest.raises(FileTrouble, match="not enough memory"):
        keystore.unlock(path, password=PASSWORD)


def test_a_file_of_the_first_format_opens_and_lacks_what_it_lacks(old_path: Path) -> None:
    keys = keystore.unlock(old_path, password=PASSWORD)
    assert keys.roots[0].entropy == Entropy.from_hex(OLD_SEED)
    assert keys.public() == keystore.describe(old_path).public
    assert keystore.describe(old_path).version == 1
    with pytest.raises(DoesNotOpen):
        keystore.unlock(old_path, password=PASSWORD + "!")
    with pytest.raises(KeyAbsent, match="keys upgrade"):
        keys.evm_hot()
    with pytest.raises(KeyAbsent, match="SIGNER_BTC_ETH_KEY_ENTROPY"):
        keys.btc(BITCOIN)


def test_a_file_of_the_first_format_that_names_another_key_is_not_opened(old_path: Path) -> None:
    content = json.loads(old_path.read_text())
    old_path.write_text(json.dumps({**content, "public_key": "00" * 32}))
    with pytest.raises(NotAKeystore, match="another public key"):
        keystore.unlock(old_path, password=PASSWORD)


def test_an_upgrade_keeps_the_key_and_adds_a_root(old_path: Path) -> None:
    upgraded = keystore.change(
        old_path,
        lambda keys: keys.with_new([RootKind.BTC_ETH], now=NOW),
        password=PASSWORD,
        cost=CHEAP,
    )
    found = keystore.describe(old_path)
    assert found.version == 2
    assert found.public == upgraded.public()
    again = keystore.unlock(old_path, password=PASSWORD)
    assert again.ton().public_key == ton_key_in(found.public)
    assert again.roots[-1].entropy == Entropy.from_hex(OLD_SEED)
    assert [kind.value for kind in KINDS if again.newest(kind) != 1] == []


def ton_key_in(public: tuple[TonPart | BtcEthPart, ...]) -> bytes:
    return next(bytes.fromhex(part.public_key) for part in public if isinstance(part, TonPart))


def test_a_rotation_keeps_every_generation(path: Path) -> None:
    rotate(path)
    rotate(path, RootKind.TON)
    keys = keystore.unlock(path, password=PASSWORD)
    assert {kind: keys.newest(kind) for kind in KINDS} == {RootKind.TON: 3, RootKind.BTC_ETH: 2}
    first = ring()
    assert keys.ton(1).public_key == first.ton().public_key
    assert keys.evm_hot(1).address == first.evm_hot().address
    assert keys.evm_deposits(1).xpub == first.evm_deposits().xpub
    assert keys.btc(BITCOIN, 1).xpub == first.btc(BITCOIN).xpub
    assert keys.ton().public_key == keys.ton(3).public_key
    assert len({keys.ton(n).public_key for n in (1, 2, 3)}) == 3
    assert len({keys.evm_hot(n).address for n in (1, 2)}) == 2
    with pytest.raises(KeyAbsent, match="no generation 4"):
        keys.ton(4)


@pytest.mark.parametrize("numbers", [(), (2,), (1, 3), (1, 1)])
def test_a_keyring_with_a_gap_is_none(numbers: tuple[int, ...]) -> None:
    with pytest.raises(KeystoreError):
        Keyring(Root(RootKind.TON, number, entropy(f"{number}"), NOW) for number in numbers)


def test_words_restore_to_the_same_addresses(path: Path, tmp_path: Path) -> None:
    keys = rotate(path)
    restored = Keyring(
        Root(root.kind, root.generation, Entropy.from_words(root.entropy.words()), root.made_at)
        for root in keys.roots
    )
    other = tmp_path / "restored.json"
    keystore.create(other, restored, password="quite another password", cost=CHEAP)
    assert keystore.describe(other).public == keystore.describe(path).public


def test_two_writers_do_not_lose_a_generation(path: Path) -> None:
    with (
        safe_file.exclusive(path),
        pytest.raises(FileTrouble, match="another command"),
    ):
        rotate(path)
    assert rotate(path).newest(RootKind.TON) == 2


def test_a_link_is_followed_and_stays(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)
    rotate(link)
    assert link.is_symlink()
    assert keystore.unlock(path, password=PASSWORD).newest(RootKind.TON) == 2


def test_a_new_file_that_does_not_open_again_takes_no_place(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()
    monkeypatch.setattr(keystore, "_seal", lambda *_args, **_more: before, raising=True)
    with pytest.raises(KeystoreError, match="the old one stands"):
        rotate(path)
    assert path.read_bytes() == before


# --- Writes that are cut short ---------------------------------------------------------------------


def break_at(step: int, how: Callable[[], None], *, patch: Callable[[Any, str, Any], None]) -> None:
    """Let `how` happen before the call number `step` of all calls that change the disk; an odd
    step of a write comes after half of it."""
    numbers = count()

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if next(numbers) == step:
                how()
            done = real(*args, **kwargs)
            if next(numbers) == step:
                how()
            return done

        return call

    def half(descriptor: int, *args: Any) -> Any:
        file = real_fdopen(descriptor, *args)
        if next(numbers) == step:
            file.write(b'{"format": "fairhouse-keys')
            file.flush()
            try:
                how()
            except OSError:
                file.close()
                raise
        return file

    real_fdopen = os.fdopen
    for owner, name in (
        (tempfile, "mkstemp"),
        (os, "fchmod"),
        (os, "fsync"),
        (os, "link"),
        (os, "replace"),
        (os, "unlink"),
    ):
        patch(owner, name, watched(getattr(owner, name)))
    patch(os, "fdopen", half)


def run_and_die(act: Callable[[], object], step: int) -> bool:
    """Do it in a copy of this process that dies at the step, as by a power cut: no clean-up, no
    `finally`. Returns whether it lived to its end."""
    child = os.fork()
    if not child:
        try:
            break_at(step, lambda: os._exit(9), patch=setattr)
            act()
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9)
    return code == 0


def test_a_rotation_that_dies_anywhere_leaves_a_file_that_opens(path: Path) -> None:
    seen = set()
    for step in count():
        before = keystore.unlock(path, password=PASSWORD).newest(RootKind.TON)
        finished = run_and_die(lambda: rotate(path), step)
        after = keystore.unlock(path, password=PASSWORD).newest(RootKind.TON)
        assert after in (before, before + 1)
        seen.add(after - before)
        if finished:
            assert step > 8
            break
    assert seen == {0, 1}, "some died before the exchange and some after it"


def test_an_upgrade_that_dies_anywhere_leaves_a_file_that_opens(old_path: Path) -> None:
    old = old_path.read_bytes()

    def upgrade() -> None:
        with safe_file.exclusive(old_path) as replace:
            replace(keystore._seal(ring("upgraded"), password=PASSWORD, cost=CHEAP))

    for step in count():
        old_path.write_bytes(old)
        finished = run_and_die(upgrade, step)
        assert keystore.describe(old_path).version in (1, 2)
        if old_path.read_bytes() != old:
            assert (
                keystore.unlock(old_path, password=PASSWORD).public() == ring("upgraded").public()
            )
        if finished:
            break


def test_a_making_that_dies_anywhere_leaves_all_or_nothing(tmp_path: Path) -> None:
    for step in count():
        path = tmp_path / f"{step}.json"
        finished = run_and_die(
            lambda path=path: keystore.create(path, ring(), password=PASSWORD, cost=CHEAP), step
        )
        if path.exists():
            assert keystore.unlock(path, password=PASSWORD).public() == ring().public()
        if finished:
            assert path.exists()
            break


def test_a_full_disk_at_any_step_is_told_and_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for step in count():
        before = keystore.unlock(path, password=PASSWORD).newest(RootKind.TON)
        with monkeypatch.context() as patched:
            break_at(step, full, patch=patched.setattr)
            told = trouble_of(lambda: rotate(path))
        assert keystore.unlock(path, password=PASSWORD).newest(RootKind.TON) in (before, before + 1)
        if told is None:
            break
        assert "No space left" in told


def trouble_of(act: Callable[[], object]) -> str | None:
    try:
        act()
    except FileTrouble as trouble:
        return str(trouble)
    return None

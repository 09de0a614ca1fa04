"""The `keys` command as operators meet it: a real process, on a terminal and without one."""

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from payments.signer import keystore
from payments.signer.__main__ import main
from payments.signer.keyring import Keyring
from payments.signer.roots import Entropy, RootKind
from tests.payments.signer.conftest import CHEAP, OLD_SEED, PASSWORD, ring

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 240
SHEET = re.compile(r"(?:^ ?\d+ [a-z]+(?: +\d+ [a-z]+){3}\s*\n){6}", re.MULTILINE)


def environment(path: Path, password: str = "", **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {
        **kept,
        "SIGNER_KEYSTORE": str(path),
        "SIGNER_KEYSTORE_PASSWORD": password,
        "PYTHONPATH": str(ROOT),
        **more,
    }


def process(
    path: Path, *arguments: str, password: str = PASSWORD
) -> subprocess.CompletedProcess[str]:
    """Run it as a process without a terminal, in a folder without an .env."""
    return subprocess.run(
        [sys.executable, "-m", "payments", "keys", *arguments],
        env=environment(path, password),
        cwd=path.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def keys(
    path: Path, *arguments: str, password: str = PASSWORD, given: str = "", **more: str
) -> Done:
    """The same in this process, which has imported everything already, and at little cost."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        for name in [name for name in os.environ if name.startswith(("SIGNER_", "TON_"))]:
            patched.delenv(name)
        for name, text in environment(path, password, **more).items():
            patched.setenv(name, text)
        patched.chdir(path.parent)
        patched.setattr(sys, "stdin", io.StringIO(given))
        for function in (keystore.create, keystore.change):
            patched.setitem(function.__kwdefaults__, "cost", CHEAP)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(["keys", *arguments])
    return Done(code, out.getvalue(), err.getvalue())


def _sit_down() -> None:
    """Make the terminal ours; whoever runs the tests may ignore Ctrl-C, a person does not."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Person:
    """Somebody at a terminal."""

    def __init__(self, path: Path, *arguments: str) -> None:
        self.fd, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "payments.signer", "keys", *arguments],
            env=environment(path),
            cwd=path.parent,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_sit_down,  # noqa: PLW1509
        )
        os.close(theirs)
        self.seen = ""
        self._read_to = 0

    def answer(self, question: str, line: str) -> None:
        """Wait for a question and type the answer."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while question not in self.seen[self._read_to :]:
            assert time.monotonic() < ends, self.seen
            assert self._read(), self.seen
        self._read_to = self.seen.index(question, self._read_to) + len(question)
        os.write(self.fd, line.encode() + b"\n")

    def end(self) -> int:
        """Read to the end; returns the exit code."""
        while self._read():
            pass
        os.close(self.fd)
        return self.process.wait(PATIENCE_SECONDS)

    def _read(self) -> bool:
        if not select.select([self.fd], [], [], PATIENCE_SECONDS)[0]:
            return False
        try:
            told = os.read(self.fd, 65536)
        except OSError:  # how a pseudo-terminal says that nobody is left on it
            return False
        self.seen += told.decode().replace("\r\n", "\n")
        return bool(told)


def sheets(text: str) -> list[Entropy]:
    """The recovery words that a text shows."""
    return [Entropy.from_words(sheet) for sheet in SHEET.findall(text)]


def rows(keyring: Keyring) -> str:
    return "".join(f"{root.kind} {root.entropy.words()}\n" for root in keyring.roots)


def test_a_person_makes_proves_and_shows_keys_on_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    person = Person(path, "create")
    person.answer("Choose a password", PASSWORD)
    person.answer("again: ", PASSWORD)
    assert person.end() == 0, person.seen
    assert PASSWORD not in person.seen, "passwords are typed without an echo"
    assert "Sealing the keystore" in person.seen, "what takes a second is announced"
    assert "test-restore" in person.seen, "what to do with the words is said"
    words = sheets(person.seen)
    held = keystore.unlock(path, password=PASSWORD)
    assert words == [root.entropy for root in held.roots]
    assert path.stat().st_mode & 0o777 == 0o600
    assert held.evm_hot().address.checksummed in person.seen

    tester = Person(path, "test-restore")
    tester.answer("Password of the keystore: ", PASSWORD)
    for row in words:
        tester.answer("Words: ", row.words())
    tester.answer("Words: ", "")
    assert tester.end() == 0, tester.seen
    assert tester.seen.count("proven ") == 2
    assert words[0].words() not in tester.seen

    viewer = Person(path, "show")
    assert viewer.end() == 0, "showing asks for nothing"
    assert held.ton().public_key.hex() in viewer.seen
    assert "not proven" in viewer.seen


def test_two_passwords_that_differ_make_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    person = Person(path, "create")
    person.answer("Choose a password", PASSWORD)
    person.answer("again: ", PASSWORD + "x")
    assert person.end() == 1
    assert "the two passwords differ; nothing was made" in person.seen
    assert not path.exists()


def test_a_person_who_stops_leaves_nothing_behind(tmp_path: Path) -> None:
    person = Person(tmp_path / "keystore.json", "create")
    person.answer("Choose a password", "\x03")
    assert person.end() == 130
    assert "stopped" in person.seen
    assert "Traceback" not in person.seen
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_words_are_printed_only_if_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    refused = process(path, "create")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--print-words" in refused.stderr
    nobody = process(path, "create", "--print-words", password="")
    assert nobody.returncode == 1
    assert "set SIGNER_KEYSTORE_PASSWORD" in nobody.stderr
    assert list(tmp_path.iterdir()) == []
    made = process(path, "create", "--print-words")
    assert made.returncode == 0, made.stderr
    assert sheets(made.stdout) == [
        root.entropy for root in keystore.unlock(path, password=PASSWORD).roots
    ]
    again = process(path, "create", "--print-words")
    assert again.returncode == 1
    assert "never overwritten" in again.stderr


def test_what_show_says_is_what_the_keys_are(path: Path) -> None:
    done = keys(path, "show", "--json", password="", TON_NETWORK="mainnet")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["format"], told["checked"]) == (2, False)
    by_kind = {one["kind"]: one for one in told["keys"]}
    assert by_kind["ton"]["public_key"] == ring().ton().public_key.hex()
    assert by_kind["ton"]["address"].startswith("UQ")
    assert "address_testnet" not in by_kind["ton"]
    assert by_kind["btc_eth"]["evm_deposits"] == ring().evm_deposits().xpub
    assert all(one["in_use"] for one in told["keys"])
    proven = keys(path, "show", "--json", "--check")
    assert json.loads(proven.stdout)["checked"] is True
    wrong = keys(path, "show", "--check", password="not this password")
    assert wrong.returncode == 1
    assert "the password is wrong" in wrong.stderr
    path.chmod(0o640)
    assert "chmod 600" in keys(path, "show").stderr


def test_the_environment_may_hold_the_keys_in_place_of_the_file(tmp_path: Path) -> None:
    held = ring()
    seed, other = (
        next(root.entropy.reveal().hex() for root in held.roots if root.kind is kind)
        for kind in (RootKind.TON, RootKind.BTC_ETH)
    )
    path = tmp_path / "none.json"
    both = {"SIGNER_TON_KEY_SEED": seed, "SIGNER_BTC_ETH_KEY_ENTROPY": other}
    shown = keys(path, "show", "--json", **both)
    told = json.loads(shown.stdout)
    assert told["source"] == "environment"
    assert {one["fingerprint"] for one in told["keys"]} == {p.fingerprint for p in held.public()}
    assert seed not in shown.stdout + shown.stderr
    for command in ("create", "rotate", "upgrade"):
        done = keys(path, command, "--print-words", **both)
        assert done.returncode == 1
        assert "empty these settings" in done.stderr
    bad = keys(path, "show", SIGNER_TON_KEY_SEED=seed[:-1])
    assert bad.returncode == 1
    assert "SIGNER_TON_KEY_SEED: a root is written as 64 hex digits" in bad.stderr
    assert seed[:-1] not in bad.stderr
    proven = keys(path, "test-restore", given=rows(held), **both)
    assert proven.returncode == 0, proven.stderr


def test_a_rotation_prints_new_words_and_the_order_of_steps(path: Path) -> None:
    assert keys(path, "rotate", password=PASSWORD).returncode == 1, "no words into a pipe"
    done = keys(path, "rotate", "--print-words", "--only", "ton")
    assert done.returncode == 0, done.stderr
    held = keystore.unlock(path, password=PASSWORD)
    assert sheets(done.stdout) == [held.roots[-1].entropy]
    steps = [done.stderr.index(word) for word in ("test-restore", "Stop the switch", "Restart")]
    assert steps == sorted(steps)
    shown = json.loads(keys(path, "show", "--json").stdout)["keys"]
    assert [(one["kind"], one["generation"], one["in_use"]) for one in shown] == [
        ("btc_eth", 1, True),
        ("ton", 1, False),
        ("ton", 2, True),
    ]


def test_words_restore_a_keystore_of_several_generations(path: Path, tmp_path: Path) -> None:
    held = keystore.change(
        path, lambda one: one.with_new([RootKind.TON], now=one.roots[0].made_at), password=PASSWORD,
        cost=CHEAP,
    )  # fmt: skip
    other = tmp_path / "restored.json"
    done = keys(other, "create", "--from-words", given=rows(held))
    assert done.returncode == 0, done.stderr
    restored = keystore.unlock(other, password=PASSWORD)
    assert [root.entropy for root in restored.roots] == [root.entropy for root in held.roots]
    assert keys(path, "test-restore", "--copy", str(other)).returncode == 0
    wrong = keys(tmp_path / "no.json", "create", "--from-words", given="zoo " * 24)
    assert wrong.returncode == 1
    assert "begins with its kind" in wrong.stderr
    assert not (tmp_path / "no.json").exists()


def test_test_restore_finds_what_a_backup_lacks_and_writes_nothing(path: Path) -> None:
    before = path.read_bytes()
    held = ring()
    part = keys(path, "test-restore", given=held.roots[1].entropy.words() + "\n")
    assert part.returncode == 1
    assert "proven  ton, generation 1" in part.stdout
    assert "MISSING btc_eth, generation 1" in part.stdout
    stranger = rows(ring("other"))
    foreign = keys(path, "test-restore", given=stranger)
    assert foreign.returncode == 1
    assert foreign.stdout.count("WRONG") == 2
    assert stranger.split()[1] not in foreign.stdout + foreign.stderr
    assert keys(path, "test-restore", given="").returncode == 1
    copy = path.with_name("copy.json")
    copy.write_bytes(before)
    assert keys(path, "test-restore", "--copy", str(copy)).returncode == 0
    copy.write_bytes(before[:-40])
    damaged = keys(path, "test-restore", "--copy", str(copy))
    assert damaged.returncode == 1
    assert "copy.json is not a keystore, or a damaged one" in damaged.stderr
    assert path.read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir()) == ["copy.json", "keystore.json"]


def test_an_upgrade_happens_once_and_shows_the_words_of_every_key(old_path: Path) -> None:
    shown = keys(old_path, "show")
    assert shown.returncode == 0
    assert "keys upgrade" in shown.stderr
    done = keys(old_path, "upgrade", "--print-words")
    assert done.returncode == 0, done.stderr
    assert Entropy.from_hex(OLD_SEED) in sheets(done.stdout)
    assert len(sheets(done.stdout)) == 2
    after = old_path.read_bytes()
    again = keys(old_path, "upgrade")
    assert (again.returncode, again.stdout) == (0, "")
    assert "nothing was done" in again.stderr
    assert old_path.read_bytes() == after


def test_emptying_signs_for_the_wallet_that_is_named(path: Path) -> None:
    to = json.loads(keys(path, "show", "--json").stdout)["keys"][-1]["address"]
    bad = keys(path, "empty", "--generation", "1", "--to", to, "--units", "1")
    assert bad.returncode == 1
    assert "not an address to pay to (own)" in bad.stderr
    keystore.change(
        path, lambda one: one.with_new([RootKind.TON], now=one.roots[0].made_at), password=PASSWORD,
        cost=CHEAP,
    )  # fmt: skip
    new = json.loads(keys(path, "show", "--json").stdout)["keys"][-1]["address"]
    done = keys(path, "empty", "--generation", "1", "--to", new, "--units", "5")
    assert done.returncode == 0, done.stderr
    assert f"from     {to}\nto       {new}\nnanotons 5\n" in done.stdout
    missing = keys(path, "empty", "--generation", "3", "--to", new, "--units", "5")
    assert "no generation 3" in missing.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "keys create"),
        (b"{}", "take a copy of it"),
        (b'{"format": "fairhouse-keystore/9"}', "a later version"),
    ],
    ids=["missing", "foreign", "newer"],
)
def test_every_command_says_what_is_wrong_with_the_file_and_what_to_do(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "keystore.json"
    if content is not None:
        path.write_bytes(content)
    for command in (["show"], ["rotate", "--print-words"], ["upgrade"], ["test-restore"]):
        done = keys(path, *command)
        assert done.returncode == 1
        assert done.stdout == ""
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_the_process_of_payments_never_loads_the_signer() -> None:
    script = (
        "import sys, payments.__main__\n"
        "print([name for name in sys.modules if name.startswith('payments.signer')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"

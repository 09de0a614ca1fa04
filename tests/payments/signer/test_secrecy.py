"""Secrets stay in: no text of an object, error, trace or log holds one, however things fail."""

import copy
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from pydantic import SecretStr

from payments.chains.btc_addresses import BITCOIN
from payments.config import SignerSettings
from payments.signer import emptying, keystore, words_in
from payments.signer.errors import KeystoreError
from payments.signer.key_source import from_environment, open_keys
from payments.signer.keyring import Keyring
from payments.signer.roots import Entropy, RootKind
from payments.signer.signing_keys import Master, TonKey
from tests.payments.signer.conftest import CHEAP, NOW, OLD_FILE, ring

SECRET_PASSWORD = "correct horse battery staple"


def secrets_of(keys: Keyring, *more: str) -> set[str]:
    """Every form in which a secret of these keys could show itself."""
    found = {text for text in more if text}
    for root in keys.roots:
        raw = root.entropy.reveal()
        words = root.entropy.words().split()
        found |= {raw.hex(), str(raw), repr(raw)[2:-1], " ".join(words)}
        found |= {" ".join(words[n : n + 2]) for n in range(23)}
        if root.kind is RootKind.BTC_ETH:
            master = Master.of(root.entropy)._key
            found |= {str(master), str(master.key), master.secret.hex(), master.key.secret.hex()}
            found |= {str(master.derive(path)) for path in ("m/84'/0'/0'", "m/44'/60'/0'")}
            hot = master.derive("m/44'/60'/1'/0/0")
            found |= {hot.secret.hex(), str(hot), str(int.from_bytes(hot.secret, "big"))}
    return found


def holders(keys: Keyring) -> Iterator[Any]:
    """Everything that has a secret in its memory."""
    yield keys
    for root in keys.roots:
        yield from (root, root.entropy)
    yield from (keys.ton(), keys.evm_hot(), keys.evm_deposits(), keys.evm_deposits().at(3))
    yield from (keys.btc(BITCOIN), keys._master(None))


@pytest.mark.parametrize("holder", list(holders(ring())), ids=lambda one: type(one).__name__)
def test_what_holds_a_secret_has_no_text_and_no_copy(holder: Any) -> None:
    hidden = secrets_of(ring())
    texts = [repr(holder), str(holder), f"{holder}", f"{[holder]}", f"{ {'x': holder} }"]
    assert not [text for text in texts for secret in hidden if secret in text]
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            take(getattr(holder, "entropy", holder))
    with pytest.raises(TypeError):
        vars(holder)


def test_entropies_are_compared_without_being_shown() -> None:
    one = Entropy(bytes(range(32)))
    assert one == Entropy(bytes(range(32)))
    assert one != Entropy(bytes(32))
    assert one != bytes(range(32))
    with pytest.raises(TypeError):
        hash(one)


def test_logs_of_everything_that_signs_hold_no_secret(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ring()
    with structlog.testing.capture_logs() as events:
        log = structlog.get_logger()
        for number, holder in enumerate(holders(keys)):
            log.info("holder.seen", holder=holder)
            logging.getLogger("test").warning("holder %d: %s %r", number, holder, holder)
    structlog.get_logger().info("holder.seen", keys=list(holders(keys)))
    told = f"{events}{caplog.text}{capsys.readouterr()}"
    assert "withheld" in told
    assert not [secret for secret in secrets_of(keys) if secret in told]


texts = some.text(max_size=80)


class Failing:
    """One act that may fail, and the secrets that it was given."""

    def __init__(self, act: Callable[[], object], *hidden: str) -> None:
        self.act = act
        self.hidden = hidden


@some.composite
def failing_file(draw: some.DrawFn, folder: Path) -> Failing:
    """Opening or changing a keystore that somebody damaged, or with a wrong password."""
    path = folder / "keystore.json"
    good = (folder / "good.json").read_bytes()
    match draw(some.sampled_from(["password", "damage", "old", "cut", "newer", "make", "change"])):
        case "password":
            wrong = draw(some.text(min_size=14, max_size=40))
            path.write_bytes(good)
            return Failing(lambda: keystore.unlock(path, password=wrong), wrong)
        case "damage":
            bad = bytearray(good)
            bad[draw(some.integers(0, len(bad) - 1))] = draw(some.integers(0, 255))
            path.write_bytes(bad)
        case "old":
            at = draw(some.integers(100, len(OLD_FILE) - 5))
            path.write_text(OLD_FILE[:at] + draw(texts) + OLD_FILE[at + 1 :])
            return Failing(lambda: keystore.describe(path))
        case "cut":
            path.write_bytes(good[: draw(some.integers(0, len(good) - 2))])
        case "newer":
            path.write_bytes(good.replace(b"keystore/2", b"keystore/%d" % draw(some.integers())))
        case "make":
            path.write_bytes(b"")
            return Failing(
                lambda: keystore.create(path, ring(), password=SECRET_PASSWORD, cost=CHEAP)
            )
        case _:
            path.write_bytes(good)
            number = draw(some.integers(2, 9))
            return Failing(
                lambda: keystore.change(
                    path,
                    lambda keys: Keyring([replace(keys.roots[0], generation=number)]),
                    password=SECRET_PASSWORD,
                    cost=CHEAP,
                )
            )
    return Failing(lambda: keystore.unlock(path, password=SECRET_PASSWORD))


@some.composite
def failing_input(draw: some.DrawFn) -> Failing:
    """Keys, words, hashes and orders that somebody typed wrong."""
    root = ring().roots[0]
    words = root.entropy.words().split()
    match draw(some.sampled_from(["hex", "words", "mixed", "kind", "setting", "hash", "empty"])):
        case "hex":
            text = root.entropy.reveal().hex() + draw(some.text(min_size=1))
            return Failing(lambda: Entropy.from_hex(text), text)
        case "words":
            words[draw(some.integers(0, 23))] = draw(some.text("abcdefgh", min_size=9, max_size=12))
            return Failing(lambda: Entropy.from_words(" ".join(words)), *words)
        case "mixed":
            mixed = draw(some.permutations(words))
            return Failing(lambda: Entropy.from_words(" ".join(mixed)))
        case "kind":
            row = draw(some.sampled_from(["tno ", "", "btc ", "eth_btc "])) + " ".join(words)
            return Failing(lambda: words_in.keyring_of([row], now=NOW))
        case "setting":
            text = root.entropy.reveal().hex()[: draw(some.integers(1, 63))] + "x"
            wrong = SignerSettings(ton_key_seed=SecretStr(text))
            return Failing(lambda: open_keys(wrong), text)
        case "hash":
            digest = draw(some.binary(max_size=31))
            return Failing(lambda: TonKey(root.entropy).sign(digest))
        case _:
            to, units = draw(texts), draw(some.integers(-5, 2**130))
            generation = draw(some.integers(1, 2))
            return Failing(
                lambda: emptying.order(ring(), generation=generation, to=to, units=units, now=NOW)
            )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    keystore.create(folder / "good.json", ring(), password=SECRET_PASSWORD, cost=CHEAP)
    return folder


@given(data=some.data())
@settings(
    deadline=None,
    max_examples=250,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_no_error_tells_a_secret(folder: Path, data: some.DataObject) -> None:
    wanted = data.draw(some.one_of(failing_file(folder), failing_input()))
    try:
        wanted.act()
    except KeystoreError as error:
        chain: BaseException | None = error
        told = "".join(traceback.format_exception(error))
        while chain is not None:
            told += f"{chain!r} {chain} {chain.args} "
            chain = chain.__cause__
        # The lines of source that a trace quotes are ours; what counts is what was put in.
        hidden = secrets_of(ring(), SECRET_PASSWORD, *wanted.hidden)
        assert not [secret for secret in hidden if len(secret) > 8 and secret in told]
    assert SECRET_PASSWORD not in repr(SignerSettings(keystore_password=SECRET_PASSWORD))


def test_settings_with_a_bad_key_name_the_setting_and_not_the_key() -> None:
    secret = "ab" * 31 + "zz"
    for name, field in (
        ("SIGNER_TON_KEY_SEED", "ton_key_seed"),
        ("SIGNER_BTC_ETH_KEY_ENTROPY", "btc_eth_key_entropy"),
    ):
        with pytest.raises(KeystoreError, match=name) as caught:
            from_environment(SignerSettings(**{field: SecretStr(secret)}))
        assert "abab" not in "".join(traceback.format_exception(caught.value))

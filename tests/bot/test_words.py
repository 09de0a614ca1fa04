"""Texts: the same keys and placeholders in every language, sound markup, a sentence per error."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest

import bot
from bot.commands import COMMANDS
from bot.errors import explain
from bot.handlers.care import EXCLUSION_MONTHS, TIME_OUT_HOURS
from casino import errors, i18n
from casino.cashier.crediting import DepositStatus
from casino.cashier.history import RETURNING
from casino.cashier.rails import DEFAULTS
from casino.cashier.terms import GAVE_UP
from casino.cashier.withdrawal_states import WithdrawalStatus
from casino.clock import Window
from casino.errors import CasinoError
from casino.money import Asset
from casino.players.kyc import DocumentKind
from casino.players.rules import LimitKind
from messaging.words import Words
from sandbox.telegram.errors import ApiError
from sandbox.telegram.html_text import read_html

ENGLISH, OTHERS = "en", [code for code in i18n.LANGUAGES if code != "en"]
UNTIL = datetime(2027, 1, 2, 3, 4, tzinfo=UTC)


def forms(language: str, key: str) -> list[str]:
    found = i18n.catalogue(language)[key]
    return list(found.values()) if isinstance(found, dict) else [found]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def every_error(kind: type[CasinoError] = CasinoError) -> Iterator[type[CasinoError]]:
    """The tree of the business; other packages may have errors that never reach a chat."""
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from every_error(child)


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_every_text_and_the_same_placeholders(language: str) -> None:
    ours = set(i18n.catalogue(ENGLISH))
    assert set(i18n.catalogue(language)) == ours
    for key in ours:
        expected = set.union(*(placeholders(text) for text in forms(ENGLISH, key)))
        for text in forms(language, key):
            assert placeholders(text) == expected, key


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_markup_is_what_telegram_accepts(language: str) -> None:
    for key in i18n.catalogue(language):
        for text in forms(language, key):
            try:
                plain, _ = read_html(re.sub(r"\{(\w+)\}", r"\1", text))
            except ApiError as error:
                pytest.fail(f"{key}: {error}")
            assert plain.strip(), key


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_every_error_is_a_sentence_that_fits_a_toast(language: str) -> None:
    words = Words(language)
    for kind in every_error():
        said = explain(kind(), words)
        assert said == words.plain(kind.code)
        assert len(said) <= 200, kind
    for key in i18n.catalogue(language):
        if key.startswith(("refusal.", "error.")):
            assert len(i18n.text(language, key)) <= 190, key


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (errors.InsufficientFunds(available=1_500_000_000, asset=Asset.TON), "1.50 TON"),
        (errors.InsufficientFunds(available=1_500_000, asset="USDT"), "1.50 USDT"),
        (errors.BelowMinimum(minimum=500_000_000, asset=Asset.TON), "0.50 TON"),
        (errors.KycRequired(level=0, required=1, ceiling=10**9), "1,000.00 EUR"),
        (errors.SelfExcluded(until=UNTIL), "2 Jan 2027, 03:04 UTC"),
        (errors.SelfExcluded(until=None), "for good"),
        (errors.CoolingOff(until=UNTIL), "2 Jan 2027, 03:04 UTC"),
        (errors.AddressInvalid(reason="testnet"), "test network"),
        (errors.AddressInvalid(reason="something new"), "not an address"),
        (errors.NotFound(thing="withdrawal", key="7"), "no longer here"),
        (errors.BadChoice(field="text", maximum=2000), "2000 characters"),
        (
            errors.LimitReached(
                kind="deposit", window="day", limit=50 * 10**6, used=0, resets_at=UNTIL
            ),
            "deposit limit of 50.00 EUR per day",
        ),
        (
            errors.LimitReached(
                kind="stake", window="day", limit=5 * 10**6, used=0, resets_at=None
            ),
            "one stake is 5.00 EUR",
        ),
    ],
)
def test_errors_say_what_they_carry(error: CasinoError, part: str) -> None:
    assert part in explain(error, Words("en"))


def test_names_of_the_domain_all_have_a_text() -> None:
    words = Words("ru")
    keys = [
        *(f"deposit.status.{status}" for status in DepositStatus),
        *(f"withdrawal.status.{status}" for status in WithdrawalStatus),
        *(f"return.status.{status}" for status in GAVE_UP),
        f"deposit.status.{RETURNING}",
        *(f"rail.{rail.name}" for rail in DEFAULTS),
        *(rail.confirmations_text_key for rail in DEFAULTS),
        *(f"limit.{kind}" for kind in LimitKind),
        *(f"limit.{kind}.{part}" for kind in LimitKind for part in ("title", "what")),
        *(f"window.{window}{part}" for window in Window for part in ("", ".short")),
        *(f"document.{kind}" for kind in DocumentKind),
        *(f"bot.kyc.hint.{kind}" for kind in DocumentKind),
        *(f"timeout.{hours}" for hours in TIME_OUT_HOURS),
        *(f"exclusion.{months}" for months in EXCLUSION_MONTHS),
        *(f"bot.command.{name}" for name in COMMANDS),
        *(f"bot.history.round_{status}" for status in ("open", "settled", "void")),
    ]
    assert [key for key in keys if not words.knows(key)] == []


def test_every_key_that_the_code_names_exists() -> None:
    known = set(i18n.catalogue(ENGLISH))
    named = set(_keys_in_code())
    assert len(named) > 100
    assert named - known == set()


def _keys_in_code() -> Iterator[str]:
    """Literal keys given to `words.say`, `words.plain` and `buttons.go`."""
    for path in Path(bot.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            place = 1 if node.func.attr == "go" else 0
            if node.func.attr not in {"say", "plain", "go"} or len(node.args) <= place:
                continue
            argument = node.args[place]
            for choice in (
                [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
            ):
                if isinstance(choice, ast.Constant):
                    yield f"bot.button.{choice.value}" if place else str(choice.value)

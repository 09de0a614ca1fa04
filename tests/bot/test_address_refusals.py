"""Every way in which an address is refused has a sentence of its own, in every language."""

import re

import pytest

from bot.errors import explain
from casino.clock import utc_now
from casino.errors import (
    AddressBookFull,
    AddressCooling,
    AddressInvalid,
    AddressNotSaved,
    QuoteExpired,
    Refusal,
    WithdrawalDelayed,
    WithdrawalUnderWay,
)
from casino.i18n import LANGUAGES
from messaging.words import Words
from payments import addresses
from payments.chains import btc_addresses
from payments.destinations import CHAINS

REASONS = (
    "empty",
    "malformed",
    "checksum",
    "testnet",
    "masterchain",
    "burn",
    "precompile",
    "token",
    "own",
    "unsupported",
    "rail",
    "memo",
    "memo_missing",
    "memo_unsupported",
)
NETWORKS = {
    "ton",
    *(network for network, _ in addresses._FOREIGN),
    *(network for network, _ in btc_addresses._FOREIGN),
    *btc_addresses._HRP_NETWORKS.values(),
    *btc_addresses._VERSION_NETWORKS.values(),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_reasons_are_told_apart_and_say_what_to_do(language: str) -> None:
    words = Words(language)
    general = explain(AddressInvalid(), words)
    for wanted in CHAINS:
        told = {
            reason: explain(AddressInvalid(reason=reason, wanted=wanted), words)
            for reason in REASONS
        }
        assert len({*told.values(), general}) == len(REASONS) + 1
        # What happened, and then what to do; nothing happened where nothing was written.
        told.pop("empty")
        terse = [text for text in told.values() if len(re.findall(r"[.:;](?:\s|$)", text)) < 2]
        assert terse == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_wrong_network_and_the_right_one_are_named(language: str) -> None:
    words = Words(language)
    for wanted in CHAINS:
        for network in NETWORKS - {wanted}:
            error = AddressInvalid(reason="other_network", network=network, wanted=wanted)
            told = explain(error, words)
            assert words.plain(f"address_kind.{network}") in told
            assert words.plain(f"address_kind.{wanted}") in told


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "error",
    [
        AddressBookFull(count=20),
        AddressCooling(until=utc_now()),
        AddressNotSaved(),
        QuoteExpired(),
        WithdrawalDelayed(until=utc_now()),
        WithdrawalUnderWay(status="assigned"),
    ],
)
def test_other_refusals_have_their_own_words(error: Refusal, language: str) -> None:
    words = Words(language)
    told = explain(error, words)
    assert told not in {explain(Refusal(), words), words.plain("error.internal")}
    assert "{" not in told
    if "until" in error.data:
        assert words.moment(error.data["until"]) in told  # type: ignore[arg-type]

"""What people paste into the address field, and what we make of it."""

import base64
import binascii
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tonsdk.utils import Address as TonsdkAddress

from casino.errors import AddressInvalid
from payments.addresses import TonAddress, is_bounceable, parse_ton, require_payable

ACCOUNT = TonAddress(0, bytes(range(32)))
accounts = st.builds(TonAddress, st.sampled_from([0, -1]), st.binary(min_size=32, max_size=32))


def reason(text: str, **given: object) -> object:
    with pytest.raises(AddressInvalid) as caught:
        require_payable(text, **given)  # type: ignore[arg-type]
    return caught.value.data.get("network", caught.value.data["reason"])


@given(accounts, st.booleans(), st.booleans())
def test_every_form_names_the_same_account(
    address: TonAddress, bounceable: bool, testnet: bool
) -> None:
    friendly = address.friendly(bounceable=bounceable, testnet=testnet)
    assert parse_ton(friendly, testnet=True) == address
    assert parse_ton(address.raw) == address
    assert parse_ton(address.raw.upper()) == address
    assert parse_ton(friendly.replace("-", "+").replace("_", "/"), testnet=True) == address
    assert is_bounceable(friendly) is bounceable
    assert not is_bounceable(address.raw)


@given(accounts, st.booleans())
def test_another_library_writes_the_same_text(address: TonAddress, bounceable: bool) -> None:
    other = TonsdkAddress(address.raw)
    assert other.to_string(True, True, bounceable) == address.friendly(bounceable=bounceable)


@given(st.integers(0, 47), st.sampled_from("ABCXYZabcxyz0189-_"))
def test_one_wrong_character_is_always_noticed(place: int, symbol: str) -> None:
    text = ACCOUNT.friendly()
    wrong = text[:place] + symbol + text[place + 1 :]
    if wrong == text:
        assert require_payable(wrong) == text
    else:
        with pytest.raises(AddressInvalid):
            require_payable(wrong)


@given(st.text(max_size=80))
def test_no_text_does_worse_than_a_refusal(text: str) -> None:
    with contextlib.suppress(AddressInvalid):
        assert parse_ton(require_payable(text)).workchain == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("hello", "malformed"),
        (ACCOUNT.friendly()[:-1], "malformed"),
        (ACCOUNT.friendly()[:-1] + "!", "malformed"),
        (ACCOUNT.friendly()[:-3] + "AAA", "checksum"),
        (ACCOUNT.friendly(testnet=True), "testnet"),
        (TonAddress(-1, b"\x33" * 32).friendly(), "masterchain"),
        ("-1:" + "33" * 32, "masterchain"),
        ("5:" + "33" * 32, "malformed"),
        ("0:" + "33" * 31, "malformed"),
        ("0:" + "00" * 32, "burn"),
        ("0x52908400098527886E0F7030069857D2E4169EE7", "ethereum"),
        ("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "tron"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bitcoin"),
        ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "bitcoin"),
        ("ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9", "litecoin"),
        ("alice.ton", "ton_dns"),
        ("7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV", "solana"),
    ],
)
def test_what_cannot_be_paid_is_refused_with_its_reason(text: str, expected: str) -> None:
    assert reason(text) == expected


def test_our_own_address_is_refused_in_any_form() -> None:
    own = frozenset({ACCOUNT.friendly(bounceable=True)})
    for text in (ACCOUNT.raw, ACCOUNT.friendly(), ACCOUNT.friendly(bounceable=True)):
        assert reason(text, own=own) == "own"
    other = TonAddress(0, b"\x44" * 32)
    assert require_payable(other.raw, own=own) == other.friendly()


def test_a_test_network_takes_flagged_addresses() -> None:
    flagged = ACCOUNT.friendly(testnet=True)
    assert require_payable(flagged, testnet=True) == ACCOUNT.friendly()


def test_an_unknown_tag_is_refused_although_its_checksum_is_right() -> None:
    packed = bytearray(base64.urlsafe_b64decode(ACCOUNT.friendly()))
    packed[0] = 0x12
    packed[34:] = binascii.crc_hqx(bytes(packed[:34]), 0).to_bytes(2, "big")
    assert reason(base64.urlsafe_b64encode(bytes(packed)).decode()) == "malformed"

"""Addresses on EVM chains: forms, checksums, what cannot be paid, and our own from a public key."""

import contextlib

import pytest
from embit.bip32 import HDKey
from embit.bip39 import mnemonic_to_seed
from eth_account import Account
from eth_utils import is_checksum_address, to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from casino.errors import AddressInvalid
from payments.addresses import network_of
from payments.chains.evm_addresses import (
    INDEXES,
    DepositAddresses,
    EvmAddress,
    ExtendedKeyInvalid,
    parse_evm,
    require_payable_evm,
)
from sandbox.evm.chain import MNEMONIC

untimed = settings(deadline=None)
TOKEN = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
ACCOUNT = EvmAddress(bytes.fromhex("52908400098527886e0f7030069857d2e4169ee7"))
PATH = "m/44h/60h/0h"

addresses = st.binary(min_size=20, max_size=20).map(EvmAddress)


def reason(text: str, **given: frozenset[str]) -> object:
    with pytest.raises(AddressInvalid) as refusal:
        require_payable_evm(text, token=TOKEN, **given)
    return refusal.value.data.get("network", refusal.value.data["reason"])


@untimed
@given(addresses)
def test_every_form_names_the_same_account(address: EvmAddress) -> None:
    digits = address.account.hex()
    for text in (address.raw, address.checksummed, "0x" + digits.upper(), "0X" + digits.upper()):
        assert parse_evm(text) == address
        assert parse_evm(f"  {text}\n") == address


@untimed
@given(addresses)
def test_another_library_writes_the_same_text(address: EvmAddress) -> None:
    assert address.checksummed == to_checksum_address(address.account)


@untimed
@given(addresses, st.integers(2, 41))
def test_a_letter_of_the_wrong_case_is_noticed(address: EvmAddress, place: int) -> None:
    text = address.checksummed
    wrong = text[:place] + text[place].swapcase() + text[place + 1 :]
    digits = wrong[2:]
    one_case = digits in (digits.lower(), digits.upper())
    if is_checksum_address(wrong) or one_case:
        assert parse_evm(wrong) == address
    else:
        with pytest.raises(AddressInvalid) as refusal:
            parse_evm(wrong)
        assert refusal.value.data["reason"] == "checksum"


@untimed
@given(st.text(max_size=80))
def test_no_text_does_worse_than_a_refusal(text: str) -> None:
    with contextlib.suppress(AddressInvalid):
        assert parse_evm(require_payable_evm(text, token=TOKEN))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("hello", "malformed"),
        (ACCOUNT.raw[:-1], "malformed"),
        (ACCOUNT.raw + "0", "malformed"),
        (ACCOUNT.raw[2:], "malformed"),
        (ACCOUNT.raw[:-1] + "g", "malformed"),
        (ACCOUNT.raw[:-1] + "\u0661", "malformed"),
        ("0x52908400098527886E0F7030069857D2E4169Ee7", "checksum"),
        ("0x" + "00" * 20, "burn"),
        ("0x" + "00" * 19 + "01", "precompile"),
        ("0x" + "00" * 18 + "0100", "precompile"),
        (TOKEN, "token"),
        (TOKEN.lower(), "token"),
        ("UQ" + "A" * 46, "ton"),
        ("0:" + "33" * 32, "ton"),
        ("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "tron"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin"),
        ("ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9", "litecoin"),
        ("7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV", "solana"),
    ],
)
def test_what_cannot_be_paid_is_refused_with_its_reason(text: str, expected: str) -> None:
    assert reason(text) == expected


def test_our_own_address_is_refused_in_any_form() -> None:
    own = frozenset({ACCOUNT.raw})
    for text in (ACCOUNT.raw, ACCOUNT.checksummed, "0x" + ACCOUNT.account.hex().upper()):
        assert reason(text, own=own) == "own"
    assert require_payable_evm(ACCOUNT.raw, token=TOKEN) == ACCOUNT.checksummed


def test_texts_are_known_by_their_network() -> None:
    assert network_of(ACCOUNT.raw) == "ethereum"
    assert network_of("alice.ton") == "ton_dns"
    assert network_of("nothing at all") is None


@pytest.fixture(scope="module")
def root() -> HDKey:
    """The root of the local chain's accounts, by the library's own path."""
    Account.enable_unaudited_hdwallet_features()
    private = Account.from_mnemonic(MNEMONIC, account_path="m/44'/60'/0'/0/0")
    assert private.address == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    return HDKey.from_seed(mnemonic_to_seed(MNEMONIC))


@pytest.fixture(scope="module")
def deposits(root: HDKey) -> DepositAddresses:
    return DepositAddresses(root.derive(PATH).to_public().to_base58())


@pytest.mark.parametrize("index", [0, 1, 2, 999, 2**31 - 1])
def test_a_public_key_gives_the_addresses_of_the_private_ones(
    deposits: DepositAddresses, index: int
) -> None:
    private = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    assert deposits.at(index).checksummed == private.address


def test_addresses_come_in_order_and_never_twice(deposits: DepositAddresses) -> None:
    made = list(deposits.between(10, 59))
    assert made == [deposits.at(index) for index in range(10, 60)]
    assert len(set(made)) == 50


@pytest.mark.parametrize("index", [-1, INDEXES])
def test_only_public_steps_are_possible(deposits: DepositAddresses, index: int) -> None:
    with pytest.raises(ValueError, match="index"):
        deposits.at(index)


def test_other_keys_are_refused_and_never_repeated(root: HDKey) -> None:
    account = root.derive(PATH)
    testnet = account.to_public().to_base58(version=bytes.fromhex("043587cf"))
    for wrong in (
        account.to_base58(),
        root.to_base58(),
        root.to_public().to_base58(),
        root.derive("m/44h/60h/0h/0").to_public().to_base58(),
        testnet,
        "",
        "xpub",
        account.to_public().to_base58()[:-1],
    ):
        with pytest.raises(ExtendedKeyInvalid) as refusal:
            DepositAddresses(wrong)
        assert not wrong or wrong == "xpub" or wrong not in str(refusal.value)


@untimed
@given(st.text(max_size=120))
def test_no_text_is_a_key_by_accident(text: str) -> None:
    with pytest.raises(ExtendedKeyInvalid):
        DepositAddresses(text)

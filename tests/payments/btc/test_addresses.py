"""Bitcoin addresses: what is paid, what is refused and why, and that no private key comes near."""

import contextlib

import pytest
from embit import bech32 as oracle
from embit import bip32, bip39
from embit.networks import NETWORKS as EMBIT
from embit.script import address_to_scriptpubkey
from hypothesis import given
from hypothesis import strategies as some

from casino.errors import AddressInvalid
from payments.chains import bech32
from payments.chains.btc_addresses import (
    BITCOIN,
    BITCOIN_REGTEST,
    BITCOIN_TESTNET,
    LITECOIN_REGTEST,
    NETWORKS,
    AccountKey,
    ExtendedKeyError,
    Network,
    WatchList,
    address_of,
    canonical,
    parse,
    require_payable,
)

# From BIP84: the account of the mnemonic "abandon ... about".
ZPUB = (
    "zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31"
    "mGDtKsAYz2oz2AGutZYs"
)
ZPRV = (
    "zprvAdG4iTXWBoARxkkzNpNh8r6Qag3irQB8PzEMkAFeTRXxHpbF9z4QgEvBRmfvqWvGp42t42nvgGpNgYSJA9iefm1"
    "yYNZKEm7z6qUWCroSQnE"
)
FIRST = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
SECOND = "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g"
CHANGE = "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el"
TAPROOT = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"
P2PKH = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
P2SH = "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"


@pytest.mark.parametrize("text", [FIRST, TAPROOT, P2PKH, P2SH, FIRST.upper(), f"  {FIRST}\n"])
def test_an_address_is_its_script_and_back(text: str) -> None:
    script = parse(text, BITCOIN)
    plain = text.strip()
    expected = plain if plain[0] in "13" else plain.lower()
    assert script == bytes(address_to_scriptpubkey(expected).data)
    assert address_of(script, BITCOIN) == canonical(text, BITCOIN) == expected


@pytest.mark.parametrize(
    ("text", "reason", "network"),
    [
        ("", "empty", None),
        ("   ", "empty", None),
        ("hello", "malformed", None),
        ("bc1", "malformed", None),
        (FIRST[:-1], "checksum", None),
        (FIRST[:-1] + "v", "checksum", None),
        (FIRST.replace("c", "C"), "malformed", None),
        (P2PKH[:-1] + "3", "checksum", None),
        (P2PKH.replace("B", "0"), "malformed", None),
        # BIP350's own bad ones: v0 with the checksum of v1, v1 with that of v0, wrong lengths.
        ("bc1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", "checksum", None),
        ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", "checksum", None),
        ("BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P", "malformed", None),
        (
            "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
            "unsupported",
            None,
        ),
        ("BC1SW50QGDZ25J", "unsupported", None),
        ("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "other_network", "bitcoin_testnet"),
        ("bcrt1qd7spv5q28348xl4myc8zmh983w5jx32cs707jh", "other_network", "bitcoin_regtest"),
        ("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", "other_network", "bitcoin_testnet"),
        ("2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc", "other_network", "bitcoin_testnet"),
        ("LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1", "other_network", "litecoin"),
        ("0x52908400098527886E0F7030069857D2E4169EE7", "other_network", "ethereum"),
        ("TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", "other_network", "tron"),
        ("EQD4FPq-PRDieyQKkizFTRtSDyucUIqrj0v_zXJmqaDp6_0t", "other_network", "ton"),
        ("0:" + "77" * 32, "other_network", "ton"),
        ("4Nd1mYQzvgYGVGTLDvxBDgRHHsPvdAhTMGxrdcWLd5Lh", "other_network", "solana"),
        (ZPUB, "malformed", None),
        ("١" * 30, "malformed", None),
    ],
)
def test_what_cannot_be_paid_says_why(text: str, reason: str, network: str | None) -> None:
    with pytest.raises(AddressInvalid) as refusal:
        parse(text, BITCOIN)
    assert refusal.value.data == (
        {"reason": reason} if network is None else {"reason": reason, "network": network}
    )


def test_our_own_addresses_are_not_paid() -> None:
    assert require_payable(FIRST.upper(), BITCOIN) == FIRST
    with pytest.raises(AddressInvalid) as refusal:
        require_payable(FIRST.upper(), BITCOIN, own=frozenset({parse(FIRST, BITCOIN)}))
    assert refusal.value.data["reason"] == "own"


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_each_network_reads_its_own_and_names_the_others(network: Network) -> None:
    script = parse(FIRST, BITCOIN)
    own = address_of(script, network)
    assert own is not None
    assert own.startswith(f"{network.hrp}1")
    assert parse(own, network) == script
    for other in NETWORKS.values():
        if other != network:
            with pytest.raises(AddressInvalid) as refusal:
                parse(own, other)
            assert refusal.value.data == {"reason": "other_network", "network": network.name}


def test_the_vectors_of_bip84() -> None:
    account = AccountKey(ZPUB, BITCOIN)
    assert [account.deposit_address(at) for at in (0, 1)] == [FIRST, SECOND]
    assert account.change_address(0) == CHANGE
    assert account.script(0, 0) == parse(FIRST, BITCOIN)
    as_xpub = bip32.HDKey.from_string(ZPUB).to_string(version=EMBIT["main"]["xpub"])
    assert AccountKey(as_xpub, BITCOIN).deposit_address(1) == SECOND


def test_a_key_that_does_not_belong_here_is_refused() -> None:
    root = bip32.HDKey.from_seed(bip39.mnemonic_to_seed("abandon " * 11 + "about"))
    tpub = root.derive("m/84h/1h/0h").to_public().to_string(version=EMBIT["test"]["xpub"])
    for text, words in (
        (ZPRV, "private"),
        (root.to_string(), "private"),
        (root.to_public().to_string(), "account"),
        (root.derive("m/84h/0h/0h/0").to_public().to_string(), "account"),
        (tpub, "not a key of bitcoin"),
        ("xpub", "not an extended key"),
        ("", "not an extended key"),
        (ZPUB[:-1] + "t", "not an extended key"),
        (FIRST, "not an extended key"),
    ):
        with pytest.raises(ExtendedKeyError, match=words):
            AccountKey(text, BITCOIN)
    for network in (BITCOIN_TESTNET, BITCOIN_REGTEST, LITECOIN_REGTEST):
        assert AccountKey(tpub, network).deposit_address(0).startswith(network.hrp)
    account = AccountKey(ZPUB, BITCOIN)
    for branch, index in ((2, 0), (0, -1), (0, 2**31)):
        with pytest.raises(ExtendedKeyError):
            account.script(branch, index)


def test_a_watch_list_knows_its_addresses_by_script() -> None:
    watched = WatchList(BITCOIN, [FIRST])
    watched.update([P2SH])
    assert FIRST in watched
    assert SECOND not in watched
    assert set(watched) == {FIRST, P2SH}
    assert len(watched) == 2
    assert watched.by_script[parse(P2SH, BITCOIN)] == P2SH
    with pytest.raises(AddressInvalid):
        watched.update(["tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"])


@given(
    hrp=some.sampled_from(["bc", "tb", "bcrt", "rltc"]),
    version=some.integers(0, 16),
    program=some.binary(min_size=2, max_size=40),
)
def test_bech32_agrees_with_another_implementation(hrp: str, version: int, program: bytes) -> None:
    expected = oracle.encode(hrp, version, list(program))
    text = bech32.encode(hrp, version, program)
    if expected is None:  # version 0 with another length than 20 or 32
        with pytest.raises(bech32.Bech32Error):
            bech32.decode(text)
        return
    assert text == expected
    assert bech32.decode(text) == (hrp, version, program)
    assert bech32.decode(text.upper()) == (hrp, version, program)


@given(program=some.binary(min_size=20, max_size=20), data=some.data())
def test_one_wrong_letter_is_always_found(program: bytes, data: some.DataObject) -> None:
    text = bech32.encode("bc", 0, program)
    at = data.draw(some.integers(3, len(text) - 1))
    letter = data.draw(some.sampled_from([one for one in bech32.CHARSET if one != text[at]]))
    with pytest.raises(bech32.Bech32Error):
        bech32.decode(text[:at] + letter + text[at + 1 :])


@given(text=some.text(max_size=100))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for network in (BITCOIN, BITCOIN_REGTEST):
        with contextlib.suppress(AddressInvalid):
            assert address_of(parse(text, network), network) == canonical(text, network)


@given(script=some.binary(max_size=45))
def test_any_script_has_an_address_that_reads_back_or_none(script: bytes) -> None:
    address = address_of(script, BITCOIN)
    assert address is None or parse(address, BITCOIN) == script

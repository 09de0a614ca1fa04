"""One entry for every rail: canonical text comes out, and everything else is refused by name."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casino.cashier import rails
from casino.cashier.house_addresses import HouseAddresses
from casino.cashier.rails import DepositsBy, Rail
from casino.errors import AddressInvalid
from casino.money import Asset
from payments.addresses import TonAddress
from payments.chains import btc_addresses
from payments.chains.evm_addresses import EvmAddress
from payments.destinations import canonical_destination, sender_destination

TON_WALLET = TonAddress(0, b"\x07" * 32)
JETTON_WALLET = TonAddress(0, b"\x08" * 32)
MASTER = TonAddress(0, b"\x0a" * 32)
ERC20 = EvmAddress(b"\x0b" * 20)
EVM_WALLET = EvmAddress(b"\x0c" * 20)
FREE_TON = TonAddress(0, b"\x09" * 32)
FREE_EVM = EvmAddress(bytes.fromhex("52908400098527886e0f7030069857d2e4169ee7"))
MIXED_EVM = EvmAddress(bytes.fromhex("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"))


def segwit(seed: int, network: str = "bitcoin") -> str:
    script = b"\x00\x14" + bytes([seed]) * 20
    address = btc_addresses.address_of(script, btc_addresses.NETWORKS[network])
    assert address is not None
    return address


def make_rail(name: str, asset: Asset, chain: str, **more: object) -> Rail:
    return Rail(
        name=name,
        asset=asset,
        chain=chain,
        address=None,
        deposit_min=1,
        withdrawal_min=2,
        withdrawal_fee=1,
        explorer_tx_url="",
        confirmations_text_key="",
        deposits_enabled=True,
        withdrawals_enabled=True,
        **more,  # type: ignore[arg-type]
    )


TON = make_rail("ton", Asset.TON, "ton")
USDT_TON = make_rail("usdt_ton", Asset.USDT, "ton", token=MASTER.raw)
USDT_ETH = make_rail(
    "usdt_eth",
    Asset.USDT,
    "ethereum",
    deposits_by=DepositsBy.ADDRESS,
    network_id="1",
    token=ERC20.checksummed,
)
BTC = make_rail("btc", Asset.BTC, "bitcoin", deposits_by=DepositsBy.ADDRESS, network_id="bitcoin")
RAILS = (TON, USDT_TON, USDT_ETH, BTC)
HOUSE = HouseAddresses(
    accounts=frozenset(
        {TON_WALLET.friendly(bounceable=True), JETTON_WALLET.raw, EVM_WALLET.raw, segwit(1)}
    ),
    tokens=frozenset({MASTER.raw, ERC20.checksummed}),
)


def read(rail: Rail, text: str, *, testnet: bool = False) -> str:
    return canonical_destination(rail, text, house=HOUSE, testnet=testnet)


def refusal(rail: Rail, text: str, *, testnet: bool = False) -> dict[str, object]:
    with pytest.raises(AddressInvalid) as caught:
        read(rail, text, testnet=testnet)
    return caught.value.data


@pytest.mark.parametrize(
    ("rail", "forms", "canonical"),
    [
        (
            TON,
            (FREE_TON.raw, FREE_TON.friendly(), FREE_TON.friendly(bounceable=True)),
            FREE_TON.friendly(),
        ),
        (USDT_TON, (FREE_TON.raw, f"  {FREE_TON.friendly()}\n"), FREE_TON.friendly()),
        (
            USDT_ETH,
            (MIXED_EVM.raw, MIXED_EVM.checksummed, "0X" + MIXED_EVM.raw[2:].upper()),
            MIXED_EVM.checksummed,
        ),
        (BTC, (segwit(9), segwit(9).upper()), segwit(9)),
        (
            BTC,
            ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",),
            "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
        ),
    ],
)
def test_all_forms_of_an_address_have_one_text(
    rail: Rail, forms: tuple[str, ...], canonical: str
) -> None:
    assert [read(rail, form) for form in forms] == [canonical] * len(forms)
    assert read(rail, canonical) == canonical


@pytest.mark.parametrize(
    ("rail", "text", "network"),
    [
        (TON, FREE_EVM.checksummed, "ethereum"),
        (USDT_TON, FREE_EVM.checksummed, "ethereum"),
        (USDT_TON, "TQn9Y2khEsLJW1ChVWFMSMeRDow5KcbLSE", "tron"),
        (TON, segwit(9), "bitcoin"),
        (USDT_ETH, FREE_TON.friendly(), "ton"),
        (USDT_ETH, FREE_TON.raw, "ton"),
        (USDT_ETH, segwit(9), "bitcoin"),
        (BTC, FREE_TON.friendly(), "ton"),
        (BTC, FREE_EVM.checksummed, "ethereum"),
        (BTC, segwit(9, "bitcoin_testnet"), "bitcoin_testnet"),
        (BTC, segwit(9, "bitcoin_regtest"), "bitcoin_regtest"),
        (BTC, segwit(9, "litecoin_regtest"), "litecoin_regtest"),
    ],
)
def test_an_address_of_another_network_is_named(rail: Rail, text: str, network: str) -> None:
    assert refusal(rail, text) == {
        "reason": "other_network",
        "network": network,
        "wanted": rail.chain,
    }


@pytest.mark.parametrize(
    ("rail", "text", "reason"),
    [
        *((rail, "", "empty") for rail in RAILS),
        *((rail, "my wallet", "malformed") for rail in RAILS),
        (TON, FREE_TON.friendly(testnet=True), "testnet"),
        (USDT_TON, FREE_TON.friendly(testnet=True), "testnet"),
        (TON, TonAddress(-1, b"\x09" * 32).raw, "masterchain"),
        (USDT_TON, TonAddress(-1, b"\x09" * 32).friendly(), "masterchain"),
        (TON, TonAddress(0, bytes(32)).friendly(), "burn"),
        # Ours, on whichever rail, in whichever form.
        *(
            (rail, form, "own")
            for rail in (TON, USDT_TON)
            for ours in (TON_WALLET, JETTON_WALLET)
            for form in (ours.raw, ours.friendly(), ours.friendly(bounceable=True))
        ),
        *((rail, MASTER.friendly(), "token") for rail in (TON, USDT_TON)),
        (USDT_ETH, EVM_WALLET.checksummed, "own"),
        (USDT_ETH, EVM_WALLET.raw, "own"),
        (USDT_ETH, ERC20.raw, "token"),
        (USDT_ETH, "0x" + "00" * 20, "burn"),
        (USDT_ETH, "0x" + "00" * 19 + "01", "precompile"),
        (USDT_ETH, MIXED_EVM.checksummed.replace("a", "A", 1), "checksum"),
        (BTC, segwit(1), "own"),
        (BTC, segwit(1).upper(), "own"),
        (BTC, segwit(9)[:-1] + ("q" if segwit(9)[-1] != "q" else "p"), "checksum"),
    ],
)
def test_what_cannot_be_paid_is_refused_by_reason(rail: Rail, text: str, reason: str) -> None:
    assert refusal(rail, text) == {"reason": reason, "wanted": rail.chain}


def test_a_test_network_takes_flagged_addresses_on_every_rail_of_ton() -> None:
    flagged = FREE_TON.friendly(testnet=True)
    assert {read(rail, flagged, testnet=True) for rail in (TON, USDT_TON)} == {FREE_TON.friendly()}


def test_another_tokens_contract_is_refused_as_well() -> None:
    other = EvmAddress(b"\x0d" * 20)
    house = replace(HOUSE, tokens=HOUSE.tokens | {other.raw})
    with pytest.raises(AddressInvalid) as caught:
        canonical_destination(USDT_ETH, other.checksummed, house=house, testnet=False)
    assert caught.value.data["reason"] == "token"


@pytest.mark.parametrize(
    "rail", [replace(USDT_ETH, token=None), replace(BTC, network_id=None), rails.DEFAULTS[-1]]
)
def test_a_rail_without_a_network_pays_nobody(rail: Rail) -> None:
    assert refusal(rail, FREE_EVM.checksummed)["reason"] == "rail"


@given(st.sampled_from(RAILS), st.text(max_size=120))
def test_any_text_is_an_address_or_refused(rail: Rail, text: str) -> None:
    try:
        canonical = read(rail, text)
    except AddressInvalid as error:
        canonical, wanted = None, error.data["wanted"]
    if canonical is None:
        assert wanted == rail.chain
    else:
        assert read(rail, canonical) == canonical


@pytest.mark.parametrize(
    ("rail", "sender", "destination"),
    [
        (TON, FREE_TON.raw, FREE_TON.friendly()),
        (USDT_TON, FREE_TON.raw, FREE_TON.friendly()),
        (USDT_ETH, FREE_EVM.raw, FREE_EVM.checksummed),
        (BTC, "", None),
        (TON, "", None),
        (TON, "-1:" + "07" * 32, None),
        (TON, "0:" + "00" * 32, None),
        (USDT_ETH, FREE_TON.raw, None),
    ],
)
def test_a_sender_is_paid_in_the_rails_own_form(
    rail: Rail, sender: str, destination: str | None
) -> None:
    assert sender_destination(rail, sender, house=HOUSE) == destination


def test_coins_never_go_back_to_the_house_itself() -> None:
    for account in (TON_WALLET, JETTON_WALLET):
        assert sender_destination(TON, account.raw, house=HOUSE) is None
    assert sender_destination(USDT_ETH, EVM_WALLET.raw, house=HOUSE) is None

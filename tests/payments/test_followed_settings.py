"""Chains that are followed: from settings alone, all of them or none, and never with a private key."""

import pytest
from embit.bip32 import HDKey
from embit.networks import NETWORKS as EMBIT_NETWORKS

from casino.cashier.rails import BTC, DEFAULTS, USDT_ETH
from casino.errors import AddressInvalid
from payments.chains.btc_addresses import ExtendedKeyError
from payments.chains.evm_addresses import ExtendedKeyInvalid
from payments.config import BtcSettings, EvmSettings
from payments.registry import FOLLOWED, FollowedEntry

ROOT = HDKey.from_seed(b"addresses of the settings".ljust(32))
EVM_ACCOUNT = ROOT.derive("m/44h/60h/0h")
BTC_ACCOUNT = ROOT.derive("m/84h/0h/0h")
TOKEN = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
GIVEN = {
    USDT_ETH: {
        "EVM_CHAIN_ID": "1",
        "EVM_NODE_URLS": "http://127.0.0.1:9/one, http://127.0.0.1:9/two",
        "EVM_TOKEN": TOKEN,
        "EVM_XPUB": str(EVM_ACCOUNT.to_public().to_base58()),
    },
    BTC: {
        "BTC_NETWORK": "bitcoin",
        "BTC_NODE_URL": "http://127.0.0.1:9",
        "BTC_NODE_USER": "fairhouse",
        "BTC_NODE_PASSWORD": "word",
        "BTC_XPUB": str(BTC_ACCOUNT.to_public().to_base58()),
    },
}
SHOWN = {USDT_ETH: ("1", TOKEN), BTC: ("bitcoin", None)}
ENTRIES = {entry.rail: entry for entry in FOLLOWED}
SETTINGS = {USDT_ETH: EvmSettings, BTC: BtcSettings}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing of any followed chain in the environment."""
    for prefix, settings in (("EVM", EvmSettings), ("BTC", BtcSettings)):
        for name in settings.model_fields:
            monkeypatch.delenv(f"{prefix}_{name}".upper(), raising=False)
    return monkeypatch


@pytest.fixture(params=FOLLOWED, ids=lambda entry: entry.rail)
def entry(request: pytest.FixtureRequest) -> FollowedEntry:
    return request.param


def test_followed_rails_are_rails_with_addresses(entry: FollowedEntry) -> None:
    offered = {rail.name: rail for rail in DEFAULTS}
    assert offered[entry.rail].chain == entry.name
    assert offered[entry.rail].deposits_by == "address"


@pytest.mark.usefixtures("environment")
def test_without_settings_a_chain_is_not_followed(entry: FollowedEntry) -> None:
    assert entry.build() is None


async def test_settings_make_a_chain(environment: pytest.MonkeyPatch, entry: FollowedEntry) -> None:
    for name, value in GIVEN[entry.rail].items():
        environment.setenv(name, value)
    followed = entry.build()
    assert followed is not None
    assert (followed.chain.name, followed.rail) == (entry.name, entry.rail)
    assert (followed.network_id, followed.token) == SHOWN[entry.rail]
    first, second = followed.addresses.between(0, 1)
    assert (first.number, second.number) == (0, 1)
    assert first.address == first.shown.lower() != second.address
    watched = followed.watch()
    watched.update([first.address])
    assert first.address in watched
    assert second.address not in watched
    await followed.chain.close()


@pytest.mark.parametrize(
    ("rail", "missing"), [(rail, name) for rail, given in GIVEN.items() for name in given]
)
def test_half_of_the_settings_are_refused(
    environment: pytest.MonkeyPatch, rail: str, missing: str
) -> None:
    for name, value in GIVEN[rail].items():
        if name != missing:
            environment.setenv(name, value)
    with pytest.raises(ValueError, match="go together"):
        SETTINGS[rail]()


TEST_KEY = HDKey.from_seed(b"test".ljust(32), version=EMBIT_NETWORKS["test"]["zprv"])


@pytest.mark.parametrize(
    ("rail", "name", "value", "error"),
    [
        (USDT_ETH, "EVM_XPUB", str(EVM_ACCOUNT.to_base58()), ExtendedKeyInvalid),
        (USDT_ETH, "EVM_TOKEN", TOKEN[:-1] + "8", AddressInvalid),
        (BTC, "BTC_XPUB", str(BTC_ACCOUNT.to_base58()), ExtendedKeyError),
        (BTC, "BTC_XPUB", str(ROOT.to_public().to_base58()), ExtendedKeyError),
        (
            BTC,
            "BTC_XPUB",
            str(TEST_KEY.derive("m/84h/1h/0h").to_public().to_base58()),
            ExtendedKeyError,
        ),
        (BTC, "BTC_NETWORK", "bitcoin_regtest", ExtendedKeyError),
        (BTC, "BTC_NETWORK", "somewhere", ValueError),
    ],
)
def test_a_private_key_or_something_mistyped_starts_nothing(
    environment: pytest.MonkeyPatch, rail: str, name: str, value: str, error: type[Exception]
) -> None:
    for key, given in (GIVEN[rail] | {name: value}).items():
        environment.setenv(key, given)
    with pytest.raises(error):
        ENTRIES[rail].build()

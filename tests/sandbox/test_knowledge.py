"""What each process may know: the players' bot no word of the operators, nobody another's keys."""

import json

import pytest

from sandbox.casino_processes import KNOWS
from sandbox.chains import QUICK_PACE, LocalChains
from sandbox.home import Home, Secrets
from sandbox.processes import ServiceFailed
from sandbox.settings import (
    HousePublicKeys,
    Ports,
    require_local,
    settings_of_chains,
    settings_of_house,
    settings_of_keys,
)


def settings(home: Home) -> dict[str, str]:
    secrets, ports = Secrets.fresh(), Ports(1, 2, 3, 4, 5)
    chains = LocalChains.of(home, ton=3, ethereum=4, bitcoin=5, pace=QUICK_PACE)
    keys = HousePublicKeys("00", "xpub", "0xhot", "tpub")
    return {
        **settings_of_keys(secrets),
        **settings_of_house(
            secrets,
            ports,
            database_url="postgresql://",
            signer_url="postgresql://signer@",
            redis_url="redis://",
        ),
        **settings_of_chains(chains, keys, token="0x00", jetton="EQ", jetton_wallet="EQ"),
    }


@pytest.fixture
async def environment(tmp_path) -> dict[str, str]:
    return settings(Home(tmp_path))


def known(process: str, environment: dict[str, str]) -> set[str]:
    return {name for name in environment if name.startswith(KNOWS[process])}


def test_each_bot_knows_its_own_webhook_secret_and_the_webapp_both(environment) -> None:
    secrets = {"TELEGRAM_WEBHOOK_SECRET", "ADMIN_WEBHOOK_SECRET"}
    assert known("webapp", environment) & secrets == secrets
    assert known("bot", environment) & secrets == {"TELEGRAM_WEBHOOK_SECRET"}
    assert known("admin_bot", environment) & secrets == {"ADMIN_WEBHOOK_SECRET"}


def test_the_mini_apps_server_and_the_players_bot_cannot_act_as_operators(environment) -> None:
    operators = {name for name in known("admin_bot", environment) if name.startswith("ADMIN_")}
    assert {"ADMIN_BOT_TOKEN", "ADMIN_APPROVAL_KEY"} <= operators
    assert known("webapp", environment) & operators == {"ADMIN_WEBHOOK_SECRET"}
    assert known("bot", environment) & operators == set()


def test_only_the_signer_knows_keys(environment) -> None:
    keys = {"SIGNER_TON_KEY_SEED", "SIGNER_BTC_ETH_KEY_ENTROPY"}
    assert known("signer", environment) & keys == keys
    assert [name for name in KNOWS if name != "signer" and known(name, environment) & keys] == []


def test_the_signer_enters_the_database_as_itself_alone(environment) -> None:
    ways = {"DATABASE_URL", "SIGNER_DATABASE_URL", "REDIS_URL"}
    assert known("signer", environment) & ways == {"SIGNER_DATABASE_URL"}
    for process in KNOWS.keys() - {"signer"}:
        assert known(process, environment) & ways == {"DATABASE_URL", "REDIS_URL"}


def test_the_watcher_and_the_sender_know_nodes_and_public_keys_and_the_signer_no_node(
    environment,
) -> None:
    nodes = {"TON_TONCENTER_URL", "EVM_NODE_URLS", "BTC_NODE_URL", "BTC_NODE_PASSWORD"}
    public = {"EVM_XPUB", "BTC_XPUB", "EVM_TOKEN", "TON_JETTON_MASTER"}
    for process in ("watcher", "sender"):
        assert known(process, environment) >= nodes | public
    assert known("signer", environment) & nodes == set()
    for process in ("bot", "admin_bot", "worker"):
        assert known(process, environment) & (nodes | public) == set()


def test_a_world_of_this_machine_is_accepted(environment) -> None:
    require_local(environment | {"DATABASE_URL": "postgresql://db.example/fairhouse"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TON_TONCENTER_URL", "https://testnet.toncenter.com"),
        ("EVM_NODE_URLS", "http://127.0.0.1:8545,https://mainnet.infura.io/v3/key"),
        ("EVM_NODE_URLS", "https://a-node-nobody-heard-of.example"),
        ("EVM_NODE_URLS", "http://127.0.0.1@evil.example/"),
        ("BTC_NODE_URL", "http://10.0.0.7:8332"),
        ("TELEGRAM_API_URL", "https://api.telegram.org"),
        ("DATABASE_URL", "postgresql://toncenter.com/"),
        ("TON_NETWORK", "mainnet"),
        ("EVM_CHAIN_ID", "1"),
        ("BTC_NETWORK", "bitcoin"),
    ],
)
def test_a_setting_that_leads_to_a_real_network_is_refused(environment, name, text) -> None:
    with pytest.raises(ServiceFailed, match=name):
        require_local(environment | {name: text})


def test_public_keys_are_those_in_use() -> None:
    keys = [
        {"kind": "ton", "address": "old", "in_use": False},
        {"kind": "ton", "address": "new", "in_use": True},
        {
            "kind": "btc_eth",
            "evm_deposits": "xpub",
            "evm_hot": "0x1",
            "btc_test": "tpub",
            "btc_main": "never",
            "in_use": True,
        },
    ]
    told = HousePublicKeys.read(json.dumps({"keys": keys}))
    assert told == HousePublicKeys("new", "xpub", "0x1", "tpub")


def test_a_world_of_one_chain_keeps_its_key_and_gets_a_second_root(tmp_path) -> None:
    home = Home(tmp_path / "old")
    home.folder.mkdir()
    made = home.secrets()
    old = json.loads((home.folder / "secrets.json").read_text())
    del old["btc_eth_entropy"]
    (home.folder / "secrets.json").write_text(json.dumps(old))
    grown = home.secrets()
    assert grown.hot_wallet_key == made.hot_wallet_key
    assert len(bytes.fromhex(grown.btc_eth_entropy)) == 32
    assert home.secrets() == grown


def test_a_world_made_before_the_second_secret_still_opens(tmp_path) -> None:
    fresh = Home(tmp_path / "fresh")
    fresh.folder.mkdir()
    made = fresh.secrets()
    assert made == fresh.secrets()
    assert made.webhook_secret != made.admin_webhook_secret != ""
    old = json.loads((fresh.folder / "secrets.json").read_text())
    del old["admin_webhook_secret"]
    (fresh.folder / "secrets.json").write_text(json.dumps(old))
    assert fresh.secrets().webhook_secret == made.webhook_secret

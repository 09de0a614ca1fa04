"""What each process may know: the players' bot no word of the operators, nobody another's keys."""

import json

from sandbox.casino_processes import KNOWS
from sandbox.home import Home, Secrets
from sandbox.stage import Ports, environment_of


def known_to(process: str) -> set[str]:
    environment = environment_of(
        Secrets.fresh(), Ports(1, 2, 3), "http://127.0.0.1:3", "postgresql://", "redis://"
    )
    return {name for name in environment if name.startswith(KNOWS[process])}


def test_each_bot_knows_its_own_webhook_secret_and_the_webapp_both() -> None:
    secrets = {"TELEGRAM_WEBHOOK_SECRET", "ADMIN_WEBHOOK_SECRET"}
    assert known_to("webapp") & secrets == secrets
    assert known_to("bot") & secrets == {"TELEGRAM_WEBHOOK_SECRET"}
    assert known_to("admin_bot") & secrets == {"ADMIN_WEBHOOK_SECRET"}


def test_the_mini_apps_server_and_the_players_bot_cannot_act_as_operators() -> None:
    operators = {name for name in known_to("admin_bot") if name.startswith("ADMIN_")}
    assert {"ADMIN_BOT_TOKEN", "ADMIN_APPROVAL_KEY"} <= operators
    assert known_to("webapp") & operators == {"ADMIN_WEBHOOK_SECRET"}
    assert known_to("bot") & operators == set()


def test_only_the_signer_knows_keys() -> None:
    keys = {"SIGNER_TON_KEY_SEED", "SIGNER_BTC_ETH_KEY_ENTROPY"}
    assert known_to("signer") & keys == keys
    assert [name for name in KNOWS if name != "signer" and known_to(name) & keys] == []


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

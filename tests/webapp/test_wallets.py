"""The page reaches the bridges of the wallets in its list, itself, and nobody else."""

import json
import shutil

import pytest

from tests.servers import ROOT
from tests.webapp.conftest import Start
from webapp.wallets import LIST, bridge_origins

SERVED = ROOT / "webapp" / "frontend" / "public" / LIST


async def reachable(client) -> set[str]:
    async with client.get("/") as response:
        policy = response.headers["Content-Security-Policy"]
    (allowed,) = [part for part in policy.split("; ") if part.startswith("connect-src ")]
    return set(allowed.split()[1:])


async def test_the_page_may_reach_exactly_the_bridges_of_its_wallets(start: Start, tmp_path):
    place = tmp_path / "static" / LIST
    place.parent.mkdir()
    shutil.copy(SERVED, place)
    assert await reachable(await start()) == {
        "'self'",
        "https://bridge.tonapi.io",
        "https://connect.tonhubapi.com",
        "https://tonconnectbridge.mytonwallet.org",
        "https://walletbot.me",
    }


async def test_without_a_list_the_page_reaches_itself_only(client):
    assert await reachable(client) == {"'self'"}


def test_bridges_count_once_and_wallets_inside_the_page_need_none(tmp_path):
    (tmp_path / "tonconnect").mkdir()
    wallets = [
        {"bridge": [{"type": "sse", "url": "https://B.example:8443/one"}, {"type": "js"}]},
        {"bridge": [{"type": "sse", "url": "https://b.example:8443/two"}]},
        {"bridge": [{"type": "js", "key": "inside"}]},
    ]
    (tmp_path / LIST).write_text(json.dumps(wallets))
    assert bridge_origins(tmp_path) == ("https://b.example:8443",)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/bridge",
        "http://a.example/bridge",
        "https://*/bridge",
        "https://a.example; script-src *",
        "https://a.example *",
        "https://me@a.example/bridge",
    ],
)
def test_a_list_that_would_open_the_policy_is_refused(tmp_path, url: str):
    (tmp_path / "tonconnect").mkdir()
    (tmp_path / LIST).write_text(json.dumps([{"bridge": [{"type": "sse", "url": url}]}]))
    with pytest.raises(ValueError, match="bridge"):
        bridge_origins(tmp_path)

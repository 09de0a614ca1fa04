"""Log-ins are counted by address before they are verified, so widely that people never notice."""

import pytest
from aiohttp.test_utils import make_mocked_request

from tests.webapp.people import Person
from webapp.address import FORWARDED, caller_of
from webapp.throttle import KNOCK, Rate

FLOODER, NEIGHBOUR = "203.0.113.7", "203.0.113.8"


async def knock(client, init_data: str, *, address: str) -> tuple[int, str]:
    """The status of a log-in through our proxy, and what the error says it is."""
    headers = {FORWARDED: address}
    async with client.post(
        "/api/login", json={"init_data": init_data}, headers=headers
    ) as response:
        body = await response.json()
    return response.status, body.get("error", {}).get("code", "")


async def test_forged_log_ins_of_an_address_are_refused_unread(client, monkeypatch):
    monkeypatch.setattr("webapp.api.player.KNOCK", Rate("knock", per_second=1, burst=3))
    honest = Person(client)
    launch = honest.relaunch()
    answers = [await knock(client, "hash=forged", address=FLOODER) for _ in range(20)]
    assert answers[:3] == [(401, "refusal.login_refused")] * 3
    assert (429, "refusal.too_many_requests") in answers
    # Even a true launch is not looked at from there, while the neighbour's is.
    refused = [await knock(client, launch, address=FLOODER) for _ in range(5)]
    assert (429, "refusal.too_many_requests") in refused
    assert await knock(client, launch, address=NEIGHBOUR) == (200, "")


async def test_many_people_behind_one_address_log_in_at_once(client):
    answers = [await knock(client, Person(client).relaunch(), address=FLOODER) for _ in range(30)]
    assert answers == [(200, "")] * 30
    assert KNOCK.burst > len(answers)


@pytest.mark.parametrize(
    ("peer", "claimed", "caller"),
    [
        ("198.51.100.4", None, "198.51.100.4"),
        ("8.8.8.8", "1.1.1.1", "8.8.8.8"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.2", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        ("10.0.0.2", "nonsense", "10.0.0.2"),
        ("10.0.0.2", "1.1.1.1, ", "10.0.0.2"),
        ("::ffff:8.8.8.8", None, "8.8.8.8"),
        ("2606:4700:1:2:3:4:5:6", None, "2606:4700:1:2::/64"),
        (None, None, "unknown"),
    ],
)
def test_a_caller_is_whom_our_own_proxy_names(peer, claimed, caller):
    headers = {} if claimed is None else {FORWARDED: claimed}
    request = make_mocked_request("POST", "/api/login", headers=headers).clone(remote=peer or "")
    assert caller_of(request) == caller

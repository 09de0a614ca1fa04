"""Effects of the `live` consumer as messages of the socket: public ids, units as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from casino.ids import public
from webapp.wire import SAFE_INTEGER_MAX

if TYPE_CHECKING:
    from casino.outbox import Effect
    from webapp.live import Live
    from webapp.wire import Json

# What an open page shows of a kind; everything else is a notice.
_TYPES = (
    ("deposit.", "movement"),
    ("withdrawal.", "movement"),
    ("round.", "round"),
    ("bet.", "round"),
)
LOGIN_ENDED = "login.ended"


class Newsroom:
    """Delivers waiting effects to the open sockets of their player."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def deliver(self, effect: Effect) -> str:
        """Push one effect; a player without an open page simply misses it and reads later."""
        player_id = effect.key
        if effect.kind == LOGIN_ENDED:
            self._close(player_id, effect.payload)
            return "closed"
        kind = effect.kind
        if kind == "wallet.changed":
            kind = str(effect.payload.get("because", ""))
        if kind:
            self._live.push(player_id, message_of(kind, effect.payload))
        self._live.balance_changed(player_id)
        return "pushed"

    def _close(self, player_id: int, payload: Mapping[str, object]) -> None:
        ended = payload.get("login_ids")
        if not isinstance(ended, list):
            self._live.login_ended(player_id)
            return
        for login_id in ended:
            self._live.login_ended(player_id, login_id=int(login_id))


def message_of(kind: str, payload: Mapping[str, object]) -> dict[str, Json]:
    """`{"type", "kind", "payload"}` as the app reads it."""
    found = next((name for prefix, name in _TYPES if kind.startswith(prefix)), "notice")
    facts = {name: _shown(name, fact) for name, fact in payload.items() if name != "because"}
    return {"type": found, "kind": kind, "payload": facts}


def _shown(name: str, fact: object) -> Json:
    if fact is None or isinstance(fact, bool | str):
        return fact
    if isinstance(fact, int):
        if name.endswith("_id"):
            return public(fact)
        whole = name == "units" or name.endswith("_units") or abs(fact) > SAFE_INTEGER_MAX
        return str(fact) if whole else fact
    if isinstance(fact, Mapping):
        return {str(key): _shown(str(key), value) for key, value in fact.items()}
    if isinstance(fact, Sequence):
        return [_shown(name.removesuffix("s"), item) for item in fact]
    return str(fact)

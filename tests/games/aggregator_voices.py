"""Aggregators as they speak to us: each signs and words its own calls, and reads our answers."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from casino.money import Asset
from games.aggregators.base import Aggregator, Incoming
from games.aggregators.catalogue import OutsideGame
from games.aggregators.softswiss import Currency, SoftSwiss

PAYLOADS = Path(__file__).parent / "payloads"
TON = 10**9


@dataclass(frozen=True)
class Said:
    """Our answer as the aggregator understands it; amounts in TON units."""

    verdict: str
    balance: int | None
    ids: tuple[str, ...] = ()


class Voice(Protocol):
    """The other side of an aggregator."""

    aggregator: Aggregator

    def balance(self, player: str, **more: Any) -> Incoming: ...
    def debit(self, player: str, reference: str, units: Any, **more: Any) -> Incoming: ...
    def credit(self, player: str, reference: str, units: Any, **more: Any) -> Incoming: ...
    def rollback(self, player: str, reference: str, target: str, **more: Any) -> Incoming: ...
    def both(self, player: str, bet: tuple[str, int], win: tuple[str, int]) -> Incoming: ...
    def signed(self, call: str, body: bytes) -> Incoming: ...
    def hear(self, status: int, body: bytes) -> Said: ...


class SoftSwissVoice:
    """Speaks as the classic SOFTSWISS wallet client does."""

    TOKEN = b"ss-test-auth-token"
    VERDICTS: ClassVar = {
        100: "no funds",
        101: "unknown player",
        105: "limit",
        107: "stopped",
        110: "disabled",
        154: "currency",
        400: "bad call",
        403: "forged",
        404: "unknown call",
        503: "try again",
    }
    STATUSES: ClassVar = {100: 412, 110: 403, 403: 403, 404: 404, 503: 500}

    def __init__(self, **more: Any) -> None:
        self.aggregator = SoftSwiss(
            **{
                "url": "http://127.0.0.1:9",
                "casino_id": "fairhouse",
                "token": self.TOKEN,
                "currencies": {"TON": Currency(Asset.TON, 9), "USD": Currency(Asset.USDT, 2)},
                "games": (OutsideGame("softswiss-lightning", "softswiss:Lightning", "Lightning"),),
                "frame_origins": ("https://games.example",),
                **more,
            }
        )

    def signed(self, call: str, body: bytes) -> Incoming:
        signature = hmac.new(self.TOKEN, body, hashlib.sha256).hexdigest()
        return Incoming(call, {"X-REQUEST-SIGN": signature}, body)

    def _say(self, call: str, player: str, actions: list[dict[str, Any]], more: Any) -> Incoming:
        body = {
            "user_id": player,
            "currency": "TON",
            "game": "softswiss:Lightning",
            "game_id": "round-1",
            "finished": False,
            "actions": actions,
            **more,
        }
        return self.signed(call, json.dumps(body).encode())

    def balance(self, player: str, **more: Any) -> Incoming:
        return self._say("play", player, [], more)

    def debit(self, player: str, reference: str, units: Any, **more: Any) -> Incoming:
        return self._say("play", player, [_act("bet", reference, amount=units)], more)

    def credit(self, player: str, reference: str, units: Any, **more: Any) -> Incoming:
        return self._say("play", player, [_act("win", reference, amount=units)], more)

    def both(self, player: str, bet: tuple[str, int], win: tuple[str, int]) -> Incoming:
        actions = [_act("bet", bet[0], amount=bet[1]), _act("win", win[0], amount=win[1])]
        return self._say("play", player, actions, {})

    def rollback(self, player: str, reference: str, target: str, **more: Any) -> Incoming:
        action = _act("rollback", reference, original_action_id=target)
        return self._say("rollback", player, [action], more)

    def hear(self, status: int, body: bytes) -> Said:
        answer = json.loads(body)
        if status == 200:
            done = answer.get("transactions", [])
            return Said("done", answer["balance"], tuple(one["tx_id"] for one in done))
        assert status == self.STATUSES.get(answer["code"], 400)
        assert answer["message"]
        return Said(self.VERDICTS[answer["code"]], answer.get("balance"))


def _act(action: str, reference: str, **more: Any) -> dict[str, Any]:
    return {"action": action, "action_id": reference, **more}


VOICES: dict[str, Voice] = {"softswiss": SoftSwissVoice()}

"""Faults on request, flood limits when switched on, and a record of every call."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.telegram.params import Call

Json = dict[str, Any]

CALLS_KEPT = 2000
PER_BOT_SECOND = 30
PER_CHAT_BURST = 3
PER_GROUP_MINUTE = 20


@dataclass(slots=True, kw_only=True)
class Fault:
    """The next `times` calls of `method` fail. With `after`, the call takes effect, but its answer
    is lost with the connection; `drop` loses the call itself."""

    method: str = "*"
    code: int = 429
    description: str = ""
    times: int = 1
    retry_after: int | None = None
    contains: str = ""
    bot: int | None = None
    after: bool = False
    drop: bool = False

    def fits(self, call: Call) -> bool:
        """Does this fault strike this call?"""
        if self.times < 1 or (self.bot is not None and self.bot != call.bot.id):
            return False
        if self.method != "*" and self.method.lower() != call.method.lower():
            return False
        return not self.contains or self.contains in str(call.fields)


@dataclass(slots=True)
class Pressure:
    """What may go wrong between a bot and Telegram."""

    flood_limits: bool = False
    faults: list[Fault] = field(default_factory=list)
    calls: deque[Json] = field(default_factory=lambda: deque(maxlen=CALLS_KEPT))
    clock: Callable[[], float] = time.monotonic
    _sent: dict[tuple[int, int], deque[float]] = field(default_factory=dict)

    def strike(self, call: Call) -> Fault | None:
        """The fault that this call meets, counted down."""
        for fault in self.faults:
            if fault.fits(call):
                fault.times -= 1
                if fault.times < 1:
                    self.faults.remove(fault)
                return fault
        return None

    def must_wait(self, call: Call) -> int:
        """Seconds to wait before this message, 0 when it may go out now."""
        sending = call.method.lower().startswith(("send", "copy", "forward", "editmessage"))
        if not self.flood_limits or not sending or not call.has("chat_id"):
            return 0
        return self._too_soon(call.bot.id, call.chat_id())

    def _too_soon(self, bot_id: int, chat_id: int) -> int:
        now = self.clock()
        rules = [
            ((bot_id, 0), PER_BOT_SECOND, 1.0),
            ((bot_id, chat_id), PER_CHAT_BURST, float(PER_CHAT_BURST)),
        ]
        if chat_id < 0:
            rules[1] = ((bot_id, chat_id), PER_GROUP_MINUTE, 60.0)
        for key, many, seconds in rules:
            sent = self._sent.setdefault(key, deque())
            while sent and sent[0] <= now - seconds:
                sent.popleft()
            if len(sent) >= many:
                return max(1, int(sent[0] + seconds - now) + 1)
        for key, _, _ in rules:
            self._sent[key].append(now)
        return 0

"""Who the story is about, and what its teller remembers between steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.visitor import Player, StoryFailed, Visitor

if TYPE_CHECKING:
    import aiohttp

    from sandbox.stage import Stage

Json = dict[str, Any]

ANN, OLGA = 1001, 9001
PLAYERS_BOT, OPERATORS_BOT = "fairhouse_bot", "fairhouse_desk_bot"


@dataclass(slots=True)
class Story:
    """What the teller remembers between steps."""

    stage: Stage
    http: aiohttp.ClientSession
    facts: Json = field(default_factory=dict)
    app: Player | None = None

    @property
    def ann(self) -> Visitor:
        """The player."""
        return Visitor(self.http, self.stage, ANN, PLAYERS_BOT)

    @property
    def olga(self) -> Visitor:
        """The owner, in the operators' bot."""
        return Visitor(self.http, self.stage, OLGA, OPERATORS_BOT)

    @property
    def mini_app(self) -> Player:
        """The app that was opened in an earlier step."""
        if self.app is None:
            raise StoryFailed("the Mini App was not opened")
        return self.app

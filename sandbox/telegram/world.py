"""Who lives in the local Telegram: bots, people and one group, stated before it starts."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Real bot ids have at least eight digits and a secret of 35 characters: this form can never be one.
SANDBOX_TOKEN = re.compile(r"[1-9][0-9]{2}:[A-Za-z0-9_-]{3,32}")

PLAYERS_TOKEN = "100:PLAYERS"  # noqa: S105 - it opens nothing outside this sandbox
OPERATORS_TOKEN = "200:OPERATORS"  # noqa: S105 - nor does this


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSpec:
    """A bot: its token (`100:...`), the name people see and the username without the @."""

    token: str
    name: str
    username: str
    about: str = ""

    def __post_init__(self) -> None:
        if not SANDBOX_TOKEN.fullmatch(self.token):
            raise ValueError("only tokens of the sandbox form 100:text are accepted")

    @property
    def id(self) -> int:
        """The part of the token before the colon."""
        return int(self.token.partition(":")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSpec:
    """A person to act as; `caption` is what the page writes under the name."""

    id: int
    first_name: str
    username: str
    language: str = "en"
    last_name: str = ""
    caption: str = ""
    stars: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSpec:
    """The group: id (negative), title, who is in it and who administers it."""

    id: int
    title: str
    people: tuple[int, ...]
    bots: tuple[int, ...]
    admins: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that exists at the start, and how strict or patient the server is."""

    bots: tuple[BotSpec, ...]
    people: tuple[PersonSpec, ...]
    group: GroupSpec | None = None
    seed: int = 7
    flood_limits: bool = False
    webhook_retry_seconds: tuple[float, ...] = (0.2, 0.5, 1.0, 2.0, 5.0)
    callback_seconds: float = 30.0
    pre_checkout_seconds: float = 10.0


def default_world() -> World:
    """The casino's two bots, two players, two members of staff and a group."""
    return World(
        bots=(
            BotSpec(
                token=PLAYERS_TOKEN,
                name="Fairhouse",
                username="fairhouse_bot",
                about="A casino that proves every cent of itself.",
            ),
            BotSpec(
                token=OPERATORS_TOKEN,
                name="Fairhouse Desk",
                username="fairhouse_desk_bot",
                about="For staff: withdrawals, documents, switches.",
            ),
        ),
        people=(
            PersonSpec(id=1001, first_name="Ann", username="ann_plays", caption="player"),
            PersonSpec(
                id=1002,
                first_name="Борис",
                username="boris_plays",
                language="ru",
                caption="игрок",
            ),
            PersonSpec(id=9001, first_name="Olga", username="olga_owner", caption="owner"),
            PersonSpec(id=9002, first_name="Pavel", username="pavel_pays", caption="payments"),
        ),
        group=GroupSpec(
            id=-1000000000500,
            title="High rollers",
            people=(1001, 1002, 9001),
            bots=(100,),
            admins=(9001,),
        ),
    )

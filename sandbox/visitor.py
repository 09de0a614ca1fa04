"""A person of the story: taps, writes and plays over the same HTTP as the page and the app."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from sandbox.stage import Stage

Json = dict[str, Any]

PATIENCE_SECONDS = 300
ANSWER_SECONDS = 20


class StoryFailed(AssertionError):
    """Something did not happen as a person would expect."""


@dataclass(slots=True)
class Visitor:
    """Somebody in front of the local Telegram, talking to one bot."""

    http: aiohttp.ClientSession
    stage: Stage
    person: int
    bot: str

    async def start(self, payload: str = "") -> None:
        """Press Start."""
        await self._sim("start", payload=payload)

    async def say(self, text: str) -> None:
        """Write a message."""
        await self._sim("send", text=text)

    async def tap(self, label: str, *, containing: str = "") -> Json:
        """Tap the newest button whose label begins so, once it is there; the bot's answer."""
        message = await self.sees(containing, button=label)
        return await self._sim(
            "tap",
            label=next(one for one in labels_of(message) if one.startswith(label)),
            message_id=message["message_id"],
            wait=ANSWER_SECONDS,
        )

    async def press(self, label: str, message: Json) -> Json:
        """Tap a button of a message that was seen before, without waiting for the answer."""
        return await self._sim("tap", label=label, message_id=message["message_id"])

    async def upload(self, name: str, content: bytes) -> None:
        """Send a document."""
        form = aiohttp.FormData()
        for key, text in (("person", str(self.person)), ("bot", self.bot), ("kind", "document")):
            form.add_field(key, text)
        form.add_field("file", content, filename=name)
        await self._answer(self.http.post(f"{self.stage.page_url}sim/upload", data=form))

    async def sees(self, *words: str, button: str = "", seconds: int = PATIENCE_SECONDS) -> Json:
        """Wait for a message of the bot with all the words (and the button); the newest one."""
        deadline = time.monotonic() + seconds
        messages: list[Json] = []
        while time.monotonic() < deadline:
            messages = await self.messages()
            for message in reversed(messages):
                if _fits(message, words, button):
                    return message
            await asyncio.sleep(0.2)
        last = "\n".join(text_of(message) for message in messages[-3:])
        raise StoryFailed(f"person {self.person} waited for {words} {button!r}; last seen:\n{last}")

    async def messages(self) -> list[Json]:
        """Everything in the chat."""
        url = f"{self.stage.page_url}sim/chat"
        query = {"person": str(self.person), "bot": self.bot}
        found: list[Json] = (await self._answer(self.http.get(url, params=query)))["messages"]
        return found

    async def open_app(self) -> Player:
        """Open the Mini App and log in with what Telegram signed."""
        launch = await self._sim("launch")
        page = await self.http.get(launch["url"].partition("#")[0])
        if page.status != 200 or "<script" not in await page.text():
            raise StoryFailed(f"the Mini App's page did not open ({page.status})")
        player = Player(self.http, self.stage.webapp_url)
        login = await player.call("POST", "/api/login", init_data=launch["init_data"])
        player.token = login["token"]
        return player

    async def send_coins(self, *, rail: str, to: str, comment: str, units: int) -> None:
        """Send from the person's own wallet."""
        body = {
            "person": self.person,
            "rail": rail,
            "to": to,
            "comment": comment,
            "units": str(units),
        }
        await self._answer(self.http.post(f"{self.stage.page_url}world/send", json=body))

    async def _sim(self, deed: str, **fields: object) -> Json:
        body = {"person": self.person, "bot": self.bot, **fields}
        return await self._answer(self.http.post(f"{self.stage.page_url}sim/{deed}", json=body))

    async def _answer(self, asked: Any) -> Json:
        async with asked as response:
            told: Json = await response.json()
            if response.status != 200:
                raise StoryFailed(f"{response.url.path}: {response.status} {told}")
            return told


@dataclass(slots=True)
class Player:
    """Somebody in the Mini App."""

    http: aiohttp.ClientSession
    url: str
    token: str = ""

    async def call(self, method: str, path: str, **body: object) -> Json:
        """Call the app's API; raises StoryFailed for any refusal."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent = body if method != "GET" else None
        async with self.http.request(
            method, self.url + path, headers=headers, json=sent
        ) as response:
            told: Json = await response.json()
            if response.status not in (200, 201):
                raise StoryFailed(f"{method} {path}: {response.status} {told}")
            return told


def text_of(message: Json) -> str:
    """A message's words."""
    return str(message.get("text") or message.get("caption") or "")


def labels_of(message: Json) -> list[str]:
    """What a message's buttons say."""
    rows = (message.get("reply_markup") or {}).get("inline_keyboard", [])
    return [str(one.get("text", "")) for row in rows for one in row]


def _fits(message: Json, words: tuple[str, ...], button: str) -> bool:
    if not (message.get("from") or {}).get("is_bot"):
        return False
    offered = not button or any(label.startswith(button) for label in labels_of(message))
    return offered and all(word in text_of(message) for word in words)

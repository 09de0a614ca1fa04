"""What a person does over HTTP: one route for each deed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.telegram.errors import ActError
from sandbox.telegram.params import Upload, read_request
from sandbox.telegram.person import acts, launch, shopping
from sandbox.telegram.person.wire import posted, seconds_of
from sandbox.telegram.records import Callback, Chat, Message
from sandbox.telegram.state import Telegram

Json = dict[str, Any]


class Deeds:
    """Serves what a person does: every POST that concerns him."""

    def __init__(self, telegram: Telegram) -> None:
        self.telegram = telegram

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the deeds on a router."""
        deeds: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "start": self.start,
            "send": self.send,
            "dice": self.dice,
            "tap": self.tap,
            "answer": self.answer,
            "keyboard": self.keyboard,
            "read": self.read,
            "launch": self.launch,
            "link": self.link,
            "web_app_data": self.web_app_data,
            "storage": self.storage,
            "share": self.share,
            "inline": self.inline,
            "choose": self.choose,
            "pay": self.pay,
            "block": self.block,
            "join": self.join,
            "leave": self.leave,
            "invite": self.invite,
        }
        for path, deed in deeds.items():
            router.add_post(f"/sim/{path}", posted(deed))
        router.add_post("/sim/upload", self.upload)

    def _whose(self, fields: Json) -> tuple[int, Chat]:
        return acts.whose(self.telegram, fields)

    def _said(self, message: Message) -> Json:
        return {"message": self.telegram.person_view(message)}

    # -- chatting --------------------------------------------------------------------------

    async def start(self, fields: Json) -> Json:
        """POST /sim/start."""
        person, chat = self._whose(fields)
        payload = str(fields.get("payload") or "")
        return self._said(acts.start(self.telegram, chat, person, payload))

    async def send(self, fields: Json) -> Json:
        """POST /sim/send."""
        person, chat = self._whose(fields)
        reply_to = fields.get("reply_to")
        text = str(fields.get("text", ""))
        message = acts.say(self.telegram, chat, person, text, reply_to=reply_to)
        return self._said(message)

    async def upload(self, request: web.Request) -> web.Response:
        """POST /sim/upload."""
        fields, uploads = await read_request(request)
        person, chat = self._whose(fields)
        upload: Upload | None = next(iter(uploads.values()), None)
        if upload is None:
            raise ActError("there is no file in the request")
        kind = str(fields.get("kind", "photo"))
        if kind not in {"photo", "document"}:
            raise ActError("a file is sent as a photo or as a document")
        caption = str(fields.get("caption", ""))
        message = acts.send_file(self.telegram, chat, person, upload, kind=kind, caption=caption)
        return web.json_response(self._said(message))

    async def dice(self, fields: Json) -> Json:
        """POST /sim/dice."""
        person, chat = self._whose(fields)
        emoji = str(fields.get("emoji") or "🎲")
        return self._said(acts.throw(self.telegram, chat, person, emoji))

    async def tap(self, fields: Json) -> Json:
        """POST /sim/tap."""
        person, chat = self._whose(fields)
        message_id = int(fields["message_id"]) if fields.get("message_id") else None
        if fields.get("forge") and message_id is not None:
            message = acts.find_visible(self.telegram, chat, person, message_id)
            button: Json = {"text": "", "callback_data": str(fields.get("data", ""))}
        else:
            message, button = acts.find_button(
                self.telegram,
                chat,
                person,
                message_id=message_id,
                label=fields.get("label"),
                data=fields.get("data"),
            )
        if "callback_data" in button:
            callback = acts.tap(self.telegram, chat, person, message, button["callback_data"])
            return await self._answer(callback, fields)
        if "web_app" in button:
            url, way = button["web_app"]["url"], "inline"
            return {"launch": self._launch(fields, person, message.sender, url, way, chat)}
        if button.get("pay"):
            where = {"message_id": message.id}
            invoice = shopping.find_invoice(self.telegram, where, chat)
            return {"paid": await shopping.pay(self.telegram, person, invoice)}
        if "copy_text" in button:
            return {"copied": button["copy_text"]["text"]}
        if "login_url" in button:
            return {"url": button["login_url"]["url"]}
        query = button.get("switch_inline_query", button.get("switch_inline_query_current_chat"))
        if query is not None:
            return {"inline": {"bot": message.sender, "query": query}}
        return {"url": button.get("url", "")}

    async def answer(self, fields: Json) -> Json:
        """POST /sim/answer."""
        callback = self.telegram.callbacks.get(str(fields.get("callback")))
        if callback is None:
            raise ActError("there is no such tap", status=404)
        return await self._answer(callback, fields)

    async def _answer(self, callback: Callback, fields: Json) -> Json:
        seconds = seconds_of(fields.get("wait"))
        if seconds:
            self.telegram.store.commit()
            await self.telegram.hub.bell.until(lambda: callback.answer, seconds)
        return {"callback": callback.id, "answer": callback.answer}

    async def keyboard(self, fields: Json) -> Json:
        """POST /sim/keyboard."""
        person, chat = self._whose(fields)
        label = str(fields.get("label", ""))
        rows = (chat.keyboard or {}).get("keyboard", [])
        button = next((b for row in rows for b in row if b["text"] == label), None)
        if button is None:
            raise ActError("there is no such button", status=404)
        if "web_app" in button and chat.bot is not None:
            url = button["web_app"]["url"]
            return {"launch": self._launch(fields, person, chat.bot, url, "keyboard", chat)}
        if (chat.keyboard or {}).get("one_time_keyboard"):
            chat.keyboard = None
            self.telegram.keep_chat(chat)
            self.telegram.hub.publish("keyboard", chat=chat.key, keyboard=None)
        if button.get("request_contact"):
            user = self.telegram.user(person)
            contact = {
                "phone_number": f"+99900{person}",
                "first_name": user["first_name"],
                "user_id": person,
            }
            return self._said(acts.write(self.telegram, chat, person, {"contact": contact}))
        return self._said(acts.say(self.telegram, chat, person, label))

    async def read(self, fields: Json) -> Json:
        """POST /sim/read."""
        person, chat = self._whose(fields)
        acts.read_up(self.telegram, chat, person)
        return {"read": chat.last_message_id}

    # -- Mini Apps -------------------------------------------------------------------------

    async def launch(self, fields: Json) -> Json:
        """POST /sim/launch."""
        person = acts.find_person(self.telegram, fields.get("person"))
        bot = acts.find_bot(self.telegram, fields.get("bot"))
        way = str(fields.get("way") or ("link" if fields.get("start_param") else "menu"))
        url = str(fields.get("url") or launch.menu_url(bot, person))
        return self._launch(fields, person, bot.id, url, way, None)

    def _launch(
        self, fields: Json, person: int, bot_id: int, url: str, way: str, chat: Chat | None
    ) -> Json:
        return launch.launch(
            self.telegram,
            bot=self.telegram.bots[bot_id],
            person=person,
            url=url,
            way=way,
            chat=chat,
            start_param=str(fields.get("start_param") or ""),
            theme=str(fields.get("theme") or "dark"),
            platform=str(fields.get("platform") or "weba"),
        )

    async def link(self, fields: Json) -> Json:
        """POST /sim/link."""
        person = acts.find_person(self.telegram, fields.get("person"))
        target = launch.read_link(str(fields.get("url", "")))
        if target["kind"] == "invoice":
            return target
        bot = acts.find_bot(self.telegram, target["bot"])
        chat = self.telegram.private_chat(bot_id=bot.id, person_id=person)
        if target["kind"] == "startapp":
            asked = {**fields, "start_param": target["payload"]}
            url = launch.menu_url(bot, person)
            opened = self._launch(asked, person, bot.id, url, "link", None)
            return {"kind": "startapp", "chat": chat.key, "launch": opened}
        if target["kind"] == "start":
            acts.start(self.telegram, chat, person, target["payload"])
        return {"kind": target["kind"], "chat": chat.key}

    async def web_app_data(self, fields: Json) -> Json:
        """POST /sim/web_app_data."""
        person, chat = self._whose(fields)
        label, data = str(fields.get("label", "")), str(fields.get("data", ""))
        launch.send_data(self.telegram, chat, person, label=label, data=data)
        return {"sent": True}

    async def storage(self, fields: Json) -> Json:
        """POST /sim/storage."""
        person = acts.find_person(self.telegram, fields.get("person"))
        bot = acts.find_bot(self.telegram, fields.get("bot"))
        return shopping.storage(self.telegram, person, bot, fields)

    async def share(self, fields: Json) -> Json:
        """POST /sim/share."""
        person, chat = self._whose(fields)
        prepared = str(fields.get("prepared", ""))
        return self._said(shopping.share(self.telegram, person, chat, prepared_id=prepared))

    # -- queries and payments --------------------------------------------------------------

    async def inline(self, fields: Json) -> Json:
        """POST /sim/inline."""
        person = acts.find_person(self.telegram, fields.get("person"))
        bot = acts.find_bot(self.telegram, fields.get("bot"))
        query = str(fields.get("query", ""))
        return await shopping.ask_inline(self.telegram, person, bot, query)

    async def choose(self, fields: Json) -> Json:
        """POST /sim/choose."""
        person, chat = self._whose(fields)
        message = shopping.choose_inline(
            self.telegram,
            person,
            chat,
            query_id=str(fields.get("query_id", "")),
            result_id=str(fields.get("result_id", "")),
        )
        return self._said(message)

    async def pay(self, fields: Json) -> Json:
        """POST /sim/pay."""
        person = acts.find_person(self.telegram, fields.get("person"))
        by_link = bool(fields.get("slug"))
        chat = None if by_link else acts.find_chat(self.telegram, person, fields)
        invoice = shopping.find_invoice(self.telegram, fields, chat)
        return await shopping.pay(self.telegram, person, invoice)

    # -- membership ------------------------------------------------------------------------

    async def block(self, fields: Json) -> Json:
        """POST /sim/block."""
        person, chat = self._whose(fields)
        blocked = fields.get("blocked", True) is True
        acts.set_blocked(self.telegram, chat, person, blocked=blocked)
        return {"blocked": chat.blocked}

    async def join(self, fields: Json) -> Json:
        """POST /sim/join."""
        person = acts.find_person(self.telegram, fields.get("person"))
        return self._said(acts.join(self.telegram, person, int(fields.get("group", 0))))

    async def leave(self, fields: Json) -> Json:
        """POST /sim/leave."""
        person, chat = self._whose(fields)
        acts.leave(self.telegram, person, chat)
        return {"left": chat.id}

    async def invite(self, fields: Json) -> Json:
        """POST /sim/invite."""
        person, chat = self._whose({**fields, "bot": None})
        bot = acts.find_bot(self.telegram, fields.get("add"))
        acts.invite_bot(self.telegram, person, chat, bot)
        return {"added": bot.id}

"""The local Telegram itself: who is where, what was said, and how each side sees it."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable
from typing import Any

from sandbox.telegram.errors import bad_request, forbidden
from sandbox.telegram.hub import Doorbell, Hub
from sandbox.telegram.records import (
    BotRecord,
    Callback,
    Charge,
    Chat,
    InlineQuery,
    Invoice,
    Launch,
    Message,
    PreCheckout,
    Prepared,
    Purse,
)
from sandbox.telegram.store import Store
from sandbox.telegram.views import bot_user, file_id, person_user
from sandbox.telegram.world import BotSpec, PersonSpec, World

Json = dict[str, Any]

FIRST_UPDATE_ID = 500_000_000
CALLBACKS_KEPT = 1000


class Bot:
    """A bot as it runs: its record, the updates that wait for it, and who waits for them."""

    def __init__(self, *, spec: BotSpec, record: BotRecord) -> None:
        self.spec = spec
        self.record = record
        self.updates: list[Json] = []
        self.bell = Doorbell()
        self.webhook_bell = Doorbell()
        self.poll_turn = 0
        self.ended_by = ""

    @property
    def id(self) -> int:
        """The bot's Telegram id."""
        return self.spec.id


class Telegram:
    """All state behind the Bot API and the people; every change is written to the store."""

    def __init__(self, *, world: World, store: Store) -> None:
        self.world = world
        self.store = store
        self.hub = Hub()
        self.people: dict[int, PersonSpec] = {person.id: person for person in world.people}
        # Open for seconds only: a restart ends these, as a lost connection would.
        self.inline_queries: dict[str, InlineQuery] = {}
        self.pre_checkouts: dict[str, PreCheckout] = {}
        self._restore()

    # -- start -----------------------------------------------------------------------------

    def _restore(self) -> None:
        load = self.store.load
        kept = {record.id: record for _, record in load("bot", BotRecord)}
        self.bots: dict[int, Bot] = {}
        for spec in self.world.bots:
            first = FIRST_UPDATE_ID + spec.id * 1_000_000
            record = kept.get(spec.id) or BotRecord(id=spec.id, last_update_id=first)
            self.bots[spec.id] = Bot(spec=spec, record=record)
        self.chats = {chat.key: chat for _, chat in load("chat", Chat)}
        self.messages: dict[str, dict[int, Message]] = {key: {} for key in self.chats}
        for _, message in load("message", Message):
            self.messages.setdefault(message.chat, {})[message.id] = message
        for key, messages in self.messages.items():
            self.messages[key] = dict(sorted(messages.items()))
        self.callbacks = {one.id: one for _, one in load("callback", Callback)}
        self.launches = {one.id: one for _, one in load("launch", Launch)}
        self.prepared = {one.id: one for _, one in load("prepared", Prepared)}
        self.invoices = {one.slug: one for _, one in load("invoice", Invoice)}
        self.charges = {one.id: one for _, one in load("charge", Charge)}
        self.purses = {one.person: one for _, one in load("purse", Purse)}
        self.counters: dict[str, int] = dict(load("counter", int))
        for _, update in load("update", dict[str, Any]):
            bot = self.bots.get(int(update["bot"]))
            if bot is not None:
                bot.updates.append(update["update"])
        for bot in self.bots.values():
            bot.updates.sort(key=lambda update: int(update["update_id"]))
        self.hub.seq = max((m.seq for m in self._all_messages()), default=0)
        self._found_group()
        self.store.commit()

    def _found_group(self) -> None:
        group = self.world.group
        if group is None or str(group.id) in self.chats:
            return
        chat = Chat(
            key=str(group.id), id=group.id, people=list(group.people), bots=list(group.bots)
        )
        self.chats[chat.key] = chat
        self.messages[chat.key] = {}
        self.keep_chat(chat)

    def _all_messages(self) -> Iterable[Message]:
        return (message for chat in self.messages.values() for message in chat.values())

    def reset(self) -> None:
        """Forget all chats, files and settings. Webhooks stay set and all numbers go on rising:
        a bot that remembers ids must not take new updates or taps for old ones."""
        running, counters = self.bots, self.counters
        self.store.clear()
        for counter, number in counters.items():
            self.store.save("counter", counter, number)
        self._restore()
        for bot in running.values():
            fresh = self.bots[bot.id].record
            fresh.webhook = bot.record.webhook
            fresh.allowed_updates = bot.record.allowed_updates
            fresh.last_update_id = bot.record.last_update_id
            bot.record = fresh
            bot.updates = []
            self.keep_bot(bot)
        self.bots = running
        self.hub.publish("reset")

    # -- numbers and names -----------------------------------------------------------------

    def next(self, counter: str) -> int:
        """The next number of a counter; counters survive restarts."""
        number = self.counters.get(counter, 0) + 1
        self.counters[counter] = number
        self.store.save("counter", counter, number)
        return number

    def new_id(self, kind: str) -> str:
        """A name that nobody can guess from the last one, and that a restart does not repeat."""
        number = self.next(kind)
        secret = f"{self.world.seed}:{kind}".encode()
        tail = hmac.new(secret, str(number).encode(), hashlib.sha256).hexdigest()[:12]
        return f"{number}{tail}"

    def draw(self, sides: int) -> int:
        """A throw of a die with so many sides: the seed of the world decides the sequence."""
        number = self.next("dice")
        digest = hashlib.sha256(f"{self.world.seed}:dice:{number}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % sides + 1

    def person(self, person_id: int) -> PersonSpec | None:
        """A person of this world."""
        return self.people.get(person_id)

    def purse(self, person_id: int) -> Purse:
        """A person's stars and stored values."""
        if person_id not in self.purses:
            spec = self.people[person_id]
            self.purses[person_id] = Purse(person=person_id, stars=spec.stars)
        return self.purses[person_id]

    def user(self, user_id: int) -> Json:
        """The User object of a person or a bot."""
        if user_id in self.bots:
            return bot_user(self.bots[user_id].spec)
        return person_user(self.people[user_id])

    # -- chats -----------------------------------------------------------------------------

    def private_chat(self, *, bot_id: int, person_id: int) -> Chat:
        """The chat of a person with a bot, opened if it never was."""
        key = f"{bot_id}:{person_id}"
        chat = self.chats.get(key)
        if chat is None:
            chat = Chat(key=key, id=person_id, bot=bot_id, person=person_id)
            self.chats[key] = chat
            self.messages[key] = {}
            self.keep_chat(chat)
        return chat

    def chat_for_bot(self, bot: Bot, chat_id: int) -> Chat:
        """The chat that a bot names; raises ApiError as Telegram does when it may not write."""
        chat = self.known_chat(bot, chat_id)
        if chat.private:
            if chat.blocked:
                raise forbidden("bot was blocked by the user")
            if not chat.started:
                raise forbidden("bot can't initiate conversation with a user")
        return chat

    def known_chat(self, bot: Bot, chat_id: int) -> Chat:
        """The chat that a bot names, whether or not it may write there now."""
        if chat_id in self.people:
            return self.private_chat(bot_id=bot.id, person_id=chat_id)
        if chat_id in self.bots:
            raise forbidden("the bot can't send messages to the bot")
        chat = self.chats.get(str(chat_id))
        if chat is None or chat.private:
            raise bad_request("chat not found")
        if bot.id not in chat.bots:
            raise forbidden("bot is not a member of the supergroup chat")
        return chat

    def chat_object(self, chat: Chat) -> Json:
        """The Chat object as it stands inside messages."""
        if chat.person is not None:
            user = person_user(self.people[chat.person])
            names = ("first_name", "last_name", "username")
            return {
                "id": chat.id,
                "type": "private",
                **{name: user[name] for name in names if name in user},
            }
        group = self.world.group
        return {"id": chat.id, "type": "supergroup", "title": group.title if group else ""}

    def admins(self, chat: Chat) -> tuple[int, ...]:
        """Who administers a group."""
        group = self.world.group
        return group.admins if group is not None and chat.id == group.id else ()

    # -- keeping ---------------------------------------------------------------------------

    def keep_bot(self, bot: Bot) -> None:
        """Write a bot's record."""
        self.store.save("bot", bot.id, bot.record)

    def keep_chat(self, chat: Chat) -> None:
        """Write a chat."""
        self.store.save("chat", chat.key, chat)

    def keep_message(self, message: Message) -> None:
        """Write a message."""
        self.store.save("message", f"{message.chat}/{message.id}", message)

    def keep_callback(self, callback: Callback) -> None:
        """Write a tap; the oldest are forgotten."""
        self.callbacks[callback.id] = callback
        self.store.save("callback", callback.id, callback)
        if len(self.callbacks) > CALLBACKS_KEPT:
            oldest = next(iter(self.callbacks))
            del self.callbacks[oldest]
            self.store.drop("callback", oldest)

    def keep_purse(self, purse: Purse) -> None:
        """Write a person's stars and stored values."""
        self.store.save("purse", purse.person, purse)

    # -- messages --------------------------------------------------------------------------

    def post(
        self,
        chat: Chat,
        *,
        sender: int,
        content: Json,
        markup: Json | None = None,
        reply_to: int | None = None,
        via_bot: int | None = None,
        receiver: int | None = None,
    ) -> Message:
        """Put a message into a chat and show it to whoever is there."""
        chat.last_message_id += 1
        message = Message(
            id=chat.last_message_id,
            chat=chat.key,
            sender=sender,
            date=int(time.time()),
            content=content,
            markup=markup,
            reply_to=reply_to,
            via_bot=via_bot,
            receiver=receiver,
            seq=self.hub.next_seq(),
        )
        if via_bot is not None:
            message.inline_id = self.new_id("inline")
        self.messages[chat.key][message.id] = message
        if sender in self.people:
            chat.read[str(sender)] = message.id
        self.keep_message(message)
        self.keep_chat(chat)
        self.hub.publish("message", seq=message.seq, **self._told(chat, message))
        return message

    def changed(self, message: Message, *, edited: bool) -> None:
        """Write and show a message that was changed in place."""
        message.seq = self.hub.next_seq()
        if edited:
            message.edit_date = int(time.time())
        self.keep_message(message)
        chat = self.chats[message.chat]
        self.hub.publish("edit", seq=message.seq, **self._told(chat, message))

    def remove(self, message: Message) -> None:
        """Take a message out of its chat."""
        chat = self.chats[message.chat]
        self.messages[message.chat].pop(message.id, None)
        if message.id in chat.pinned:
            chat.pinned.remove(message.id)
            self.keep_chat(chat)
        self.store.drop("message", f"{message.chat}/{message.id}")
        self.hub.publish("delete", chat=message.chat, message_id=message.id)

    def find_message(self, chat: Chat, message_id: int) -> Message | None:
        """A message of a chat, if it is still there."""
        return self.messages[chat.key].get(message_id)

    def find_inline(self, inline_id: str) -> Message | None:
        """A message that was sent through a bot, by its inline id."""
        return next((one for one in self._all_messages() if one.inline_id == inline_id), None)

    def _told(self, chat: Chat, message: Message) -> Json:
        return {"chat": chat.key, "message": self.person_view(message)}

    # -- how each side sees a message ------------------------------------------------------

    def bot_view(self, message: Message, *, bot_id: int, deep: bool = True) -> Json:
        """The Message object for one bot: file ids are his own, reply keyboards are not shown."""
        chat = self.chats[message.chat]
        view: Json = {
            "message_id": message.id,
            "from": self.user(message.sender),
            "chat": self.chat_object(chat),
            "date": message.date,
        }
        if message.edit_date is not None:
            view["edit_date"] = message.edit_date
        if message.via_bot is not None:
            view["via_bot"] = self.user(message.via_bot)
        if message.receiver is not None:
            view["ephemeral_message_id"] = message.id
            view["receiver_user"] = self.user(message.receiver)
        view.update(self._with_file_ids(message.content, bot_id))
        if deep and message.reply_to is not None:
            replied = self.find_message(chat, message.reply_to)
            if replied is not None:
                view["reply_to_message"] = self.bot_view(replied, bot_id=bot_id, deep=False)
        pinned = view.get("pinned_message")
        if isinstance(pinned, int):
            target = self.find_message(chat, pinned)
            shown = self.bot_view(target, bot_id=bot_id, deep=False) if target else None
            view["pinned_message"] = shown or {
                "message_id": pinned,
                "chat": self.chat_object(chat),
                "date": 0,
            }
        if message.markup is not None:
            view["reply_markup"] = message.markup
        return view

    def person_view(self, message: Message) -> Json:
        """A message as the people's side shows it: same facts, addresses of files, its number."""
        view: Json = {
            "message_id": message.id,
            "chat": message.chat,
            "from": self.user(message.sender),
            "date": message.date,
            "seq": message.seq,
            **message.content,
        }
        optional = {
            "edit_date": message.edit_date,
            "reply_markup": message.markup,
            "receiver": message.receiver,
            "reactions": message.reactions or None,
            "via_bot": self.user(message.via_bot) if message.via_bot is not None else None,
        }
        view.update({name: value for name, value in optional.items() if value is not None})
        if message.reply_to is not None:
            replied = self.find_message(self.chats[message.chat], message.reply_to)
            if replied is not None:
                text = replied.content.get("text") or replied.content.get("caption") or "Attachment"
                view["reply_to"] = {
                    "message_id": replied.id,
                    "name": self.user(replied.sender)["first_name"],
                    "text": text[:80],
                }
        return view

    def _with_file_ids(self, thing: Any, bot_id: int) -> Any:
        if isinstance(thing, list):
            return [self._with_file_ids(one, bot_id) for one in thing]
        if not isinstance(thing, dict):
            return thing
        view = {name: self._with_file_ids(value, bot_id) for name, value in thing.items()}
        if "file_unique_id" in view:
            view["file_id"] = file_id(bot_id=bot_id, unique_id=str(view["file_unique_id"]))
        return view

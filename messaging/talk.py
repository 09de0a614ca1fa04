"""One person's private chat during one update: a living message for a task, edited in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiogram.types import CallbackQuery, Message

from messaging.screens import edit, remove, send

if TYPE_CHECKING:
    from aiogram import Bot

    from messaging.screens import Screen


class Talk:
    """One person's private chat during one update.

    `show` edits the message whose button was tapped, or sends a new one when there is none, when
    it is too old to edit, or when text has to become a picture or the other way round. `send`
    always sends a new one: for what is not the answer to a tap, and may change on its own later.
    """

    def __init__(self, bot: Bot, *, chat_id: int, tapped: Message | None) -> None:
        self.bot = bot
        self.chat_id = chat_id
        self.tapped = tapped
        self._living = tapped

    @classmethod
    def about(cls, bot: Bot, event: Message | CallbackQuery) -> Talk:
        """The talk with the author of `event`, in private wherever he wrote."""
        if isinstance(event, CallbackQuery):
            tapped = event.message if isinstance(event.message, Message) else None
            return cls(bot, chat_id=event.from_user.id, tapped=tapped)
        author = event.from_user.id if event.from_user else event.chat.id
        return cls(bot, chat_id=author, tapped=None)

    async def show(self, screen: Screen, *, instead_of: int | None = None) -> int:
        """Show a screen and return its message id. `instead_of` is an older message of the same
        task, which goes when a new one was sent."""
        old = self._living
        if old is not None and screen.picture is None and not old.photo:
            edited = await edit(self.bot, old.chat.id, old.message_id, screen)
            if edited:
                return old.message_id
        sent = await send(self.bot, self.chat_id, screen)
        self._living = sent
        for gone in {old.message_id if old else None, instead_of} - {None, sent.message_id}:
            if gone is not None:
                await remove(self.bot, self.chat_id, gone)
        return sent.message_id

    async def send(self, screen: Screen) -> int:
        """Send a screen as a new message and return its id."""
        return (await send(self.bot, self.chat_id, screen)).message_id

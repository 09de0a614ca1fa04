"""Who is in a chat, and where a file lies: getChat, getChatMember, getFile and their kin."""

from __future__ import annotations

from typing import Any

from sandbox.telegram.delivery import push
from sandbox.telegram.errors import bad_request
from sandbox.telegram.params import Call
from sandbox.telegram.records import Chat
from sandbox.telegram.state import Telegram
from sandbox.telegram.store import StoredFile
from sandbox.telegram.views import file_id, find_unique_id

Json = dict[str, Any]

DOWNLOAD_BYTES_MAX = 20 * 2**20
_ADMIN_RIGHTS = (
    "can_be_edited",
    "is_anonymous",
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)


async def get_chat(telegram: Telegram, call: Call) -> Json:
    """Answers getChat."""
    chat = telegram.known_chat(call.bot, call.chat_id())
    if chat.private and not chat.started:
        raise bad_request("chat not found")
    full: Json = {
        **telegram.chat_object(chat),
        "accent_color_id": abs(chat.id) % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": {
            "unlimited_gifts": True,
            "limited_gifts": True,
            "unique_gifts": True,
            "premium_subscription": True,
            "gifts_from_channels": True,
        },
    }
    if chat.pinned:
        pinned = telegram.find_message(chat, chat.pinned[-1])
        if pinned is not None:
            full["pinned_message"] = telegram.bot_view(pinned, bot_id=call.bot.id, deep=False)
    if not chat.private:
        full["permissions"] = {"can_send_messages": True}
    return full


async def get_member(telegram: Telegram, call: Call) -> Json:
    """Answers getChatMember."""
    chat = telegram.known_chat(call.bot, call.chat_id())
    user_id = call.need_integer("user_id")
    if user_id not in telegram.people and user_id not in telegram.bots:
        raise bad_request("PARTICIPANT_ID_INVALID")
    return member(telegram, chat, user_id)


def member(telegram: Telegram, chat: Chat, user_id: int) -> Json:
    """The ChatMember object of somebody: owner, administrator, member or gone."""
    user = telegram.user(user_id)
    here = {chat.id, chat.bot} if chat.private else {*chat.people, *chat.bots}
    if user_id not in here:
        return {"status": "left", "user": user}
    admins = telegram.admins(chat)
    if admins and user_id == admins[0]:
        return {"status": "creator", "user": user, "is_anonymous": False}
    if user_id in admins:
        rights = {name: name != "is_anonymous" for name in _ADMIN_RIGHTS}
        return {"status": "administrator", "user": user, **rights}
    return {"status": "member", "user": user}


async def get_administrators(telegram: Telegram, call: Call) -> list[Json]:
    """Answers getChatAdministrators."""
    chat = telegram.known_chat(call.bot, call.chat_id())
    if chat.private:
        raise bad_request("there are no administrators in the private chat")
    return [member(telegram, chat, user_id) for user_id in telegram.admins(chat)]


async def get_member_count(telegram: Telegram, call: Call) -> int:
    """Answers getChatMemberCount."""
    chat = telegram.known_chat(call.bot, call.chat_id())
    return 2 if chat.private else len(chat.people) + len(chat.bots)


async def leave_chat(telegram: Telegram, call: Call) -> bool:
    """Answers leaveChat."""
    chat = telegram.known_chat(call.bot, call.chat_id())
    if chat.private:
        raise bad_request("chat member status can't be changed in private chats")
    before = member(telegram, chat, call.bot.id)
    chat.bots.remove(call.bot.id)
    telegram.keep_chat(chat)
    telegram.hub.publish("chat", chat=chat.key)
    push(
        telegram,
        call.bot,
        "my_chat_member",
        {
            "chat": telegram.chat_object(chat),
            "from": telegram.user(call.bot.id),
            "date": 0,
            "old_chat_member": before,
            "new_chat_member": member(telegram, chat, call.bot.id),
        },
    )
    return True


async def get_file(telegram: Telegram, call: Call) -> Json:
    """Answers getFile."""
    file = file_of_bot(telegram, bot_id=call.bot.id, given=call.text("file_id"))
    if file is None:
        raise bad_request("invalid file_id")
    if len(file.body) > DOWNLOAD_BYTES_MAX:
        raise bad_request("file is too big")
    return {
        "file_id": file_id(bot_id=call.bot.id, unique_id=file.unique_id),
        "file_unique_id": file.unique_id,
        "file_size": len(file.body),
        "file_path": f"{file.kind}s/{file.unique_id}",
    }


def file_of_bot(telegram: Telegram, *, bot_id: int, given: str) -> StoredFile | None:
    """The file behind a file id, if it is one of this bot's."""
    unique_id = find_unique_id(bot_id=bot_id, given=given)
    return telegram.store.find_file(unique_id) if unique_id else None


async def get_user_photos(telegram: Telegram, call: Call) -> Json:
    """Answers getUserProfilePhotos: nobody here has one."""
    if telegram.person(call.need_integer("user_id")) is None:
        raise bad_request("user not found")
    return {"total_count": 0, "photos": []}

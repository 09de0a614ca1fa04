"""Members of staff: let in, given roles, let go; by owners only."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import Go, MemberCard, MemberRemove, MemberRole, NewMember
from admin_bot.desk import Desk
from casino import clock
from casino.errors import BadChoice, IllegalMove
from casino.staff import people
from casino.staff.people import Member
from casino.staff.roles import Permission, Role
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs

MANAGE = Permission.STAFF_MANAGE
DRAFT = "new_member"
ID_DIGITS_MAX = 18


async def overview(
    _tap: CallbackQuery, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> None:
    """Everybody on the list."""
    await state.clear()
    await talk.show(await _list_screen(words=words, desk=desk))


async def one(
    _tap: CallbackQuery, callback_data: MemberCard, words: Words, talk: Talk, desk: Desk
) -> None:
    """One member and his roles."""
    await talk.show(await _member_screen(callback_data.member, words=words, desk=desk))


async def change_role(
    _tap: CallbackQuery,
    callback_data: MemberRole,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> Toast:
    """Give or take one role; somebody without any is no member."""
    role = _role(callback_data.role)
    async with desk.database.transaction() as session:
        found = await people.get_member(session, member_id=callback_data.member)
        roles = found.roles | {role} if callback_data.grant else found.roles - {role}
        if roles != found.roles:
            await people.set_roles(
                session, member_id=found.id, roles=roles, actor=member, now=clock.utc_now()
            )
    await talk.show(await _member_screen(found.id, words=words, desk=desk))
    return Toast(words.plain("admin.team.roles_set"))


async def ask_remove(
    _tap: CallbackQuery, callback_data: MemberRemove, words: Words, talk: Talk, desk: Desk
) -> None:
    """Really let go?"""
    async with desk.database.transaction() as session:
        found = await people.get_member(session, member_id=callback_data.member)
    sure = MemberRemove(member=found.id, sure=True)
    await talk.show(
        Screen(
            words.say("admin.team.remove_sure", name=found.name),
            (
                (tap(words.plain("admin.button.remove"), sure, style=buttons.DANGER),),
                buttons.back(words, "team"),
            ),
        )
    )


async def remove(
    _tap: CallbackQuery,
    callback_data: MemberRemove,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> Toast:
    """Let a member go: his next tap is already a stranger's."""
    async with desk.database.transaction() as session:
        await people.remove_member(
            session, member_id=callback_data.member, actor=member, now=clock.utc_now()
        )
    await talk.show(await _list_screen(words=words, desk=desk))
    return Toast(words.plain("admin.team.removed"))


async def ask_new(_tap: CallbackQuery, words: Words, talk: Talk, state: FSMContext) -> None:
    """Who is to come? The next message names him."""
    await state.set_state(Ask.member)
    await talk.show(Screen(words.say("admin.team.ask"), (buttons.back(words, "team"),)))


async def new_given(message: Message, words: Words, talk: Talk, state: FSMContext) -> None:
    """A Telegram id and a name; the first role is picked next."""
    number, _, name = (message.text or "").strip().partition(" ")
    plain = number.isascii() and number.isdigit() and len(number) <= ID_DIGITS_MAX
    if not plain or not name.strip():
        raise BadChoice(field="member")
    await state.set_data({DRAFT: {"id": int(number), "name": name.strip()}})
    rows = tuple(
        (
            tap(
                words.plain("admin.team.as", role=words.plain(f"admin.role.{role}")),
                NewMember(role=role.value),
            ),
        )
        for role in Role
    )
    text = words.say("admin.team.which_role", name=name.strip(), id=number)
    await talk.send(Screen(text, (*rows, buttons.back(words, "team"))))


async def add(
    _tap: CallbackQuery,
    callback_data: NewMember,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast:
    """Let the person in."""
    draft = (await state.get_data()).get(DRAFT)
    await state.clear()
    if not isinstance(draft, dict):
        return Toast(words.plain("admin.forgotten"), alert=True)
    try:
        async with desk.database.transaction() as session:
            await people.add_member(
                session,
                telegram_id=int(draft["id"]),
                name=str(draft["name"]),
                roles=[_role(callback_data.role)],
                actor=member,
                now=clock.utc_now(),
            )
    except IllegalMove:
        return Toast(words.plain("admin.team.known"), alert=True)
    await talk.show(await _list_screen(words=words, desk=desk))
    return Toast(words.plain("admin.team.added"))


async def _list_screen(*, words: Words, desk: Desk) -> Screen:
    async with desk.database.transaction() as session:
        members = await people.list_members(session)
    rows = tuple(
        (
            tap(
                words.plain("admin.team.line", name=each.name, roles=_roles(each, words)),
                MemberCard(member=each.id),
            ),
        )
        for each in members
    )
    new = (buttons.go(words, "team_new"),)
    return Screen(
        paragraphs(words.say("admin.team.title"), words.say("admin.team.body")),
        (*rows, new, buttons.back(words)),
    )


async def _member_screen(member_id: int, *, words: Words, desk: Desk) -> Screen:
    async with desk.database.transaction() as session:
        found = await people.get_member(session, member_id=member_id)
    rows = tuple(
        (
            tap(
                words.plain(
                    "admin.team.has" if role in found.roles else "admin.team.has_not",
                    role=words.plain(f"admin.role.{role}"),
                ),
                MemberRole(member=found.id, role=role.value, grant=role not in found.roles),
            ),
        )
        for role in Role
    )
    out = MemberRemove(member=found.id, sure=False)
    return Screen(
        paragraphs(
            words.say("admin.team.member", name=found.name),
            words.say("admin.player.telegram", id=str(found.telegram_id)),
            words.say("admin.team.tap_roles"),
        ),
        (
            *rows,
            (tap(words.plain("admin.button.remove"), out, style=buttons.DANGER),),
            buttons.back(words, "team"),
        ),
    )


def _roles(member: Member, words: Words) -> str:
    return ", ".join(words.plain(f"admin.role.{role}") for role in sorted(member.roles))


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise BadChoice(field="roles") from error


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    view = allowed(MANAGE)
    router = Router(name="team")
    taps = router.callback_query
    taps.register(overview, Go.filter(F.to == "team"), flags=view)
    taps.register(one, MemberCard.filter(), flags=view)
    taps.register(change_role, MemberRole.filter(), flags=allowed(MANAGE, audits="staff.roles_set"))
    taps.register(ask_remove, MemberRemove.filter(~F.sure), flags=view)
    taps.register(
        remove, MemberRemove.filter(F.sure), flags=allowed(MANAGE, audits="staff.removed")
    )
    taps.register(ask_new, Go.filter(F.to == "team_new"), flags=view)
    router.message.register(new_given, StateFilter(Ask.member), TYPED, flags=view)
    taps.register(add, NewMember.filter(), flags=allowed(MANAGE, audits="staff.added"))
    return router

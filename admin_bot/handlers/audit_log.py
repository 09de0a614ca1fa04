"""The audit log: newest first, narrowed by person, action or thing, and its chain proven."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message
from sqlalchemy.ext.asyncio import AsyncSession

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import AuditPage, Go
from admin_bot.desk import Desk
from casino import audit, clock, ids
from casino.audit import Entry
from casino.errors import NotFound
from casino.staff import cards, people
from casino.staff.people import Member
from casino.staff.roles import Permission
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Markup, Words, code, paragraphs

VIEW = Permission.AUDIT_VIEW
PAGE = 6
FACTS_MAX = 160
ALL, ACTOR, ACTION, SUBJECT = "all", "actor", "action", "subject"
ACTIONS = (
    "withdrawal.",
    "deposit.",
    "unclaimed.",
    "token_case.",
    "kyc.",
    "player.",
    "limit.",
    "flag.",
    "staff.",
    "support.",
    "capital.",
    "hot_thresholds.",
)
SUBJECTS = ("withdrawal", "player", "kyc_case", "deposit", "unclaimed", "token_case", "staff")


async def newest(
    _event: Message | CallbackQuery, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> None:
    """The newest lines."""
    await state.clear()
    await _show(AuditPage(by=ALL, what="", before=0), words=words, talk=talk, desk=desk)


async def page(
    _tap: CallbackQuery, callback_data: AuditPage, words: Words, talk: Talk, desk: Desk
) -> None:
    """A page of the log, or of the part that was asked for."""
    await _show(callback_data, words=words, talk=talk, desk=desk)


async def people_asked(_tap: CallbackQuery, words: Words, talk: Talk, desk: Desk) -> None:
    """Whose actions?"""
    async with desk.database.transaction() as session:
        members = await people.list_members(session)
    rows = tuple(
        (tap(member.name, AuditPage(by=ACTOR, what=f"staff:{member.id}", before=0)),)
        for member in members
    )
    system = (tap(words.plain("admin.did.system"), AuditPage(by=ACTOR, what="system", before=0)),)
    await talk.show(
        Screen(words.say("admin.audit.whose"), (*rows, system, buttons.back(words, "audit")))
    )


async def actions_asked(_tap: CallbackQuery, words: Words, talk: Talk) -> None:
    """Which actions?"""
    choices = [
        tap(
            words.plain(f"admin.audit.family.{family.rstrip('.')}"),
            AuditPage(by=ACTION, what=family, before=0),
        )
        for family in ACTIONS
    ]
    rows = tuple(tuple(choices[at : at + 2]) for at in range(0, len(choices), 2))
    await talk.show(Screen(words.say("admin.audit.which"), (*rows, buttons.back(words, "audit"))))


async def subject_asked(_tap: CallbackQuery, words: Words, talk: Talk, state: FSMContext) -> None:
    """About which thing or person? The next message says."""
    await state.set_state(Ask.subject)
    await talk.show(Screen(words.say("admin.audit.about"), (buttons.back(words, "audit"),)))


async def subject_given(
    message: Message, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> Toast | None:
    """A public id as cards show it, or a subject or actor as the log writes it."""
    given = (message.text or "").strip()[:60]
    async with desk.database.transaction() as session:
        wanted = await _find(session, given)
    if wanted is None:
        return Toast(words.plain("admin.audit.nothing"))
    await state.clear()
    await _show(wanted, words=words, talk=talk, desk=desk)
    return None


async def verify(
    _tap: CallbackQuery, member: Member, words: Words, talk: Talk, desk: Desk
) -> Toast:
    """Walk the whole chain, say whether it is sound, and write down that this was done."""
    async with desk.database.transaction() as session:
        count, fault = await audit.verify(session)
    async with desk.acting(member, VIEW) as session:
        await audit.append(
            session,
            actor=f"staff:{member.id}",
            action="audit.verified",
            subject="audit:1",
            after={"lines": count, "fault": fault},
            now=clock.utc_now(),
        )
    await _show(AuditPage(by=ALL, what="", before=0), words=words, talk=talk, desk=desk)
    if fault is None:
        return Toast(words.plain("admin.audit.sound", count=count), alert=True)
    return Toast(words.plain("admin.audit.broken", fault=fault), alert=True)


async def _find(session: AsyncSession, given: str) -> AuditPage | None:
    """The first kind of thing of this id that the log speaks of."""
    try:
        inner = ids.internal(given)
    except NotFound:
        candidates = [given] if ":" in given else []
    else:
        candidates = [f"{kind}:{inner}" for kind in SUBJECTS]
    for by in (SUBJECT, ACTOR):
        for what in candidates:
            wanted = AuditPage(by=by, what=what.replace("|", ""), before=0)
            if await _lines(session, wanted, limit=1):
                return wanted
    return None


async def _lines(session: AsyncSession, wanted: AuditPage, *, limit: int) -> list[Entry]:
    found = await audit.search(
        session,
        actor=wanted.what if wanted.by == ACTOR else None,
        action=wanted.what if wanted.by == ACTION else None,
        subject=wanted.what if wanted.by == SUBJECT else None,
        before_id=wanted.before or None,
        limit=limit,
    )
    return list(found)


async def _show(wanted: AuditPage, *, words: Words, talk: Talk, desk: Desk) -> None:
    async with desk.database.transaction() as session:
        found = await _lines(session, wanted, limit=PAGE + 1)
        names = await cards.names(session)
    shown = found[:PAGE]
    older = shown[-1].id if len(found) > PAGE else None
    page = partial(AuditPage, by=wanted.by, what=wanted.what)
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.audit.title"),
                words.say("admin.audit.narrowed", what=_name(wanted.what, names))
                if wanted.by != ALL
                else None,
                *(_line(entry, words, names=names) for entry in shown),
                None if shown else words.say("admin.audit.nothing"),
            ),
            (
                buttons.turning(words, page, before=wanted.before, older=older),
                (buttons.go(words, "audit_people"), buttons.go(words, "audit_actions")),
                (buttons.go(words, "audit_subject"), buttons.go(words, "audit_verify")),
                buttons.back(words, "menu" if wanted.by == ALL else "audit"),
            ),
        )
    )


def _line(entry: Entry, words: Words, *, names: Mapping[int, str]) -> Markup:
    facts = json.dumps(entry.after, ensure_ascii=False, sort_keys=True) if entry.after else ""
    return paragraphs(
        words.say(
            "admin.audit.line",
            id=entry.id,
            who=_name(entry.actor, names),
            action=entry.action,
            moment=words.moment(entry.at),
        ),
        code(entry.subject),
        words.say("admin.audit.facts", facts=facts[:FACTS_MAX]) if facts else None,
    )


def _name(actor: str, names: Mapping[int, str]) -> str:
    kind, _, number = actor.partition(":")
    return names.get(int(number), actor) if kind == "staff" and number.isdigit() else actor


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="audit_log")
    view = allowed(VIEW)
    router.message.register(newest, Command("audit"), flags=view)
    router.callback_query.register(newest, Go.filter(F.to == "audit"), flags=view)
    router.callback_query.register(page, AuditPage.filter(), flags=view)
    router.callback_query.register(people_asked, Go.filter(F.to == "audit_people"), flags=view)
    router.callback_query.register(actions_asked, Go.filter(F.to == "audit_actions"), flags=view)
    router.callback_query.register(subject_asked, Go.filter(F.to == "audit_subject"), flags=view)
    router.message.register(subject_given, StateFilter(Ask.subject), TYPED, flags=view)
    router.callback_query.register(
        verify, Go.filter(F.to == "audit_verify"), flags=allowed(VIEW, audits="audit.verified")
    )
    return router

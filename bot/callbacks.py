"""What the buttons carry: small, versioned, never trusted with an amount of money.

The digit in a prefix is the version of its fields. A button of another version matches nothing
here and is answered as outdated. Amounts and addresses of a withdrawal stay on our side; its
button carries only the token of the one reference under which it can happen.
"""

from __future__ import annotations

from aiogram.filters.callback_data import CallbackData

from casino.clock import Window
from casino.players.rules import LimitKind


class Go(CallbackData, prefix="go1"):
    """Show a screen; navigation is never outdated."""

    to: str


class Accept(CallbackData, prefix="accept1"):
    """Of age, and the terms of this version are accepted."""

    terms: str


class Speak(CallbackData, prefix="speak1"):
    """Change the language."""

    code: str


class DepositTo(CallbackData, prefix="dep1"):
    """Show where to send coins of a rail."""

    rail: str


class WithdrawFrom(CallbackData, prefix="wd1"):
    """Begin a withdrawal on a rail."""

    rail: str


class WithdrawShare(CallbackData, prefix="wdpart1"):
    """Withdraw this part of what can be withdrawn."""

    rail: str
    percent: int


class WithdrawTo(CallbackData, prefix="wdto1"):
    """Withdraw to the known address that has this mark."""

    mark: str


class WithdrawConfirm(CallbackData, prefix="wdyes1"):
    """Confirm the withdrawal whose reference has this token."""

    token: str


class WithdrawCancel(CallbackData, prefix="wdno1"):
    """Take back a withdrawal that the sender has not claimed yet."""

    withdrawal: int


class BookOpen(CallbackData, prefix="book1"):
    """Show a saved address."""

    address: int


class BookAdd(CallbackData, prefix="bookadd1"):
    """Save an address for a rail."""

    rail: str


class BookRename(CallbackData, prefix="bookname1"):
    """Give a saved address another name."""

    address: int


class BookRemove(CallbackData, prefix="bookdel1"):
    """Forget a saved address; asks first, then acts when `sure`."""

    address: int
    sure: bool


class SavedOnlySwitch(CallbackData, prefix="only1"):
    """Be paid to saved addresses only, or no longer; `sure` is needed to begin."""

    on: bool
    sure: bool


class HistoryPage(CallbackData, prefix="his1"):
    """A page of history: `shelf` is money or rounds, `before` an id or 0 for the newest."""

    shelf: str
    before: int


class LimitPick(CallbackData, prefix="lim1"):
    """Show one limit."""

    kind: LimitKind
    window: Window


class LimitSet(CallbackData, prefix="limset1"):
    """Set a limit to whole units of the reference currency; 0 removes it."""

    kind: LimitKind
    window: Window
    whole: int


class TimeOut(CallbackData, prefix="pause1"):
    """Take a time-out; asks first, then acts when `sure`."""

    hours: int
    sure: bool


class Exclude(CallbackData, prefix="stop1"):
    """Self-exclude for so many months, 0 for life; asks first, then acts when `sure`."""

    months: int
    sure: bool


class SendDocument(CallbackData, prefix="doc1"):
    """The next picture is a document of this kind."""

    kind: str

"""What the buttons carry: ids and what the card showed, never an amount or an address.

The digit in a prefix is the version of its fields; a button of another version matches nothing
here and is answered as outdated. `seen` is a mark of the facts that the card showed: a decision
about other facts than these is refused.
"""

from __future__ import annotations

from aiogram.filters.callback_data import CallbackData

SEPARATOR = "|"  # names of switches and subjects hold colons
MARK_LENGTH = 24
"""So much of a hash fits a button and names one transaction."""


class Go(CallbackData, prefix="go1", sep=SEPARATOR):
    """Show a screen; navigation is never outdated."""

    to: str


class OpenCard(CallbackData, prefix="card1", sep=SEPARATOR):
    """Show the card of a subject as a new message."""

    subject: str


class Unfreeze(CallbackData, prefix="unfreeze1", sep=SEPARATOR):
    """Let a player withdraw again whose deposit had vanished; asked once more first."""

    player: int
    sure: bool


class Approve(CallbackData, prefix="wdyes1", sep=SEPARATOR):
    """Say yes to a withdrawal."""

    withdrawal: int
    seen: str


class Retry(CallbackData, prefix="wdagain1", sep=SEPARATOR):
    """Let a dead payment be tried again."""

    withdrawal: int
    seen: str


class AskWhy(CallbackData, prefix="ask1", sep=SEPARATOR):
    """Offer the reasons of a task on the card; an empty task puts the card's buttons back."""

    task: str
    subject: str
    seen: str


class Because(CallbackData, prefix="why1", sep=SEPARATOR):
    """A reason from the list, or one to be written by hand."""

    task: str
    subject: str
    seen: str
    reason: str


class ShowDocuments(CallbackData, prefix="kycdoc1", sep=SEPARATOR):
    """Send the documents of a case to whoever asks."""

    case: int


class Grant(CallbackData, prefix="kycyes1", sep=SEPARATOR):
    """Grant a verification level; `documents` is how many the card showed."""

    case: int
    level: int
    documents: int


class OpenPlayer(CallbackData, prefix="pl1", sep=SEPARATOR):
    """Show a player's file, as a new message when asked from a card."""

    player: int
    apart: bool


class PlayerPage(CallbackData, prefix="plpage1", sep=SEPARATOR):
    """A page about a player: money, rounds or limits; `before` is an id or 0 for the newest."""

    player: int
    shelf: str
    before: int


class Switch(CallbackData, prefix="sw1", sep=SEPARATOR):
    """Show a kill switch."""

    name: str


class SwitchSure(CallbackData, prefix="swyes1", sep=SEPARATOR):
    """Throw a kill switch for the reason that was given."""

    name: str
    stop: bool


class UnclaimedPage(CallbackData, prefix="unp1", sep=SEPARATOR):
    """A page of transfers without an owner."""

    before: int


class FindOwner(CallbackData, prefix="unfind1", sep=SEPARATOR):
    """Ask whose a transfer is."""

    unclaimed: int


class Assign(CallbackData, prefix="unyes1", sep=SEPARATOR):
    """Give a transfer to a player; asks first, then acts when `sure`."""

    unclaimed: int
    player: int
    sure: bool


class Adopt(CallbackData, prefix="unhouse1", sep=SEPARATOR):
    """Book a transfer as the house's capital; asks first, then acts when `sure`."""

    unclaimed: int
    sure: bool


class WriteNote(CallbackData, prefix="unnote1", sep=SEPARATOR):
    """The next message is what is known of a transfer without an owner."""

    unclaimed: int


class TokenCasePage(CallbackData, prefix="tokp1", sep=SEPARATOR):
    """A page of tokens that the house does not take."""

    before: int


class Release(CallbackData, prefix="held1", sep=SEPARATOR):
    """Make a held deposit playable."""

    deposit: int


class SendBack(CallbackData, prefix="back1", sep=SEPARATOR):
    """Ask where a held deposit goes back to."""

    deposit: int


class BackToSender(CallbackData, prefix="backto1", sep=SEPARATOR):
    """Show what sending a held deposit back to its sender comes to."""

    deposit: int


class BackElsewhere(CallbackData, prefix="backask1", sep=SEPARATOR):
    """The next message is the address that a held deposit goes back to."""

    deposit: int


class BackSure(CallbackData, prefix="backyes1", sep=SEPARATOR):
    """Send a held deposit back as it was shown."""

    deposit: int
    seen: str


class ForeignSendCard(CallbackData, prefix="fs1", sep=SEPARATOR):
    """Show something that left an account without a payout; `mark` begins its hash."""

    mark: str


class ExplainSend(CallbackData, prefix="fswhy1", sep=SEPARATOR):
    """Ask what it was; `every` for all that wait for the same account."""

    mark: str
    every: bool


class SentPaymentCard(CallbackData, prefix="fspay1", sep=SEPARATOR):
    """Show one payment of something that left without us, by its place."""

    mark: str
    position: int


class WasWithdrawal(CallbackData, prefix="fswd1", sep=SEPARATOR):
    """That payment was this withdrawal; asks first, then acts when `sure`."""

    mark: str
    position: int
    withdrawal: int
    sure: bool


class WasCold(CallbackData, prefix="fscold1", sep=SEPARATOR):
    """That payment went to cold storage; asks first, then acts when `sure`."""

    mark: str
    position: int
    sure: bool


class WasLost(CallbackData, prefix="fslost1", sep=SEPARATOR):
    """Ask why what is left of it is lost; the next message is the answer."""

    mark: str


class AnswerUnclear(CallbackData, prefix="unclear1", sep=SEPARATOR):
    """Say what a payout with another amount was; asks first, then acts when `sure`."""

    payout: int
    answer: str
    sure: bool


class FromCold(CallbackData, prefix="uncold1", sep=SEPARATOR):
    """A transfer without an owner came back from cold storage; asks first, acts when `sure`."""

    unclaimed: int
    sure: bool


class AskMove(CallbackData, prefix="hotmove1", sep=SEPARATOR):
    """The next message is the hash of a move by hand between this rail's hot and cold."""

    rail: str


class ReturnSure(CallbackData, prefix="hotback1", sep=SEPARATOR):
    """Book the transaction that was shown as coming back from cold storage."""

    rail: str


class ColdAddressCard(CallbackData, prefix="cold1", sep=SEPARATOR):
    """Show an address of cold storage; `mark` ends it."""

    mark: str


class ForgetCold(CallbackData, prefix="coldno1", sep=SEPARATOR):
    """Have the address forgotten that was shown."""

    mark: str


class HotWalletCard(CallbackData, prefix="hot1", sep=SEPARATOR):
    """Show what a rail's wallets hold."""

    rail: str


class AskThresholds(CallbackData, prefix="hotask1", sep=SEPARATOR):
    """The next message is the thresholds of this rail's hot wallet."""

    rail: str


class ThresholdsSure(CallbackData, prefix="hotyes1", sep=SEPARATOR):
    """Set the thresholds that were shown, or switch them `off`."""

    rail: str
    off: bool


class AuditPage(CallbackData, prefix="aud1", sep=SEPARATOR):
    """A page of the audit log, narrowed `by` actor, action, subject or nothing."""

    by: str
    what: str
    before: int


class Reply(CallbackData, prefix="sup1", sep=SEPARATOR):
    """The next message is an answer to this player."""

    player: int


class MemberCard(CallbackData, prefix="mem1", sep=SEPARATOR):
    """Show a member of staff."""

    member: int


class MemberRole(CallbackData, prefix="memrole1", sep=SEPARATOR):
    """Give or take one role."""

    member: int
    role: str
    grant: bool


class MemberRemove(CallbackData, prefix="memout1", sep=SEPARATOR):
    """Take a member's rights away; asks first, then acts when `sure`."""

    member: int
    sure: bool


class NewMember(CallbackData, prefix="memnew1", sep=SEPARATOR):
    """Let the person in, whose id and name were typed, with this role."""

    role: str

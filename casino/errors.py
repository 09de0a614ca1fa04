"""Every error raised on purpose, drawn as one tree.

CasinoError                      carries `code` (a message key) and data, never sentences
├── Refusal                      a rule said no; the person can act; not an alert
│   ├── InsufficientFunds   StakeOutOfRange      RoundClosed      BadChoice     BadAmount
│   ├── LimitReached        SelfExcluded         CoolingOff       StaleReference
│   ├── KycRequired         RegionNotServed      AccountClosed    ConsentRequired
│   ├── WageringIncomplete  BonusUnavailable     QuoteExpired     SeedInUse
│   ├── AddressInvalid      BelowMinimum         Paused           DocumentInvalid
│   ├── ExposureReached     RateStale            LoginRefused     WithdrawalsFrozen
│   ├── AddressNotSaved     AddressCooling       WithdrawalDelayed  AddressBookFull
│   ├── WithdrawalUnderWay
│   └── TooManyRequests     NotPermitted (staff)
├── NotFound
├── Conflict                     the world moved on; read again
│   ├── IdempotencyConflict      same reference, different content
│   └── IllegalMove              from this status to that one
├── OutsideError                 another machine
│   ├── OutsideUnavailable       try again
│   ├── OutsideRefused           do not try again
│   └── BadSignature             log, count, answer nothing useful
└── InvariantViolation           a bug: alert, stop the command, never caught by name
    ├── LedgerUnbalanced   CurrencyMismatch   NegativeBalance
    └── NetworkInsideTransaction
"""

from __future__ import annotations


class CasinoError(Exception):
    """Base of all errors raised on purpose; `code` names the message, `data` fills it."""

    code = "error.internal"

    def __init__(self, **data: object) -> None:
        super().__init__(self.code)
        self.data = data

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={fact}" for name, fact in self.data.items())
        return f"{self.code}({facts})"


class Refusal(CasinoError):
    """A rule said no; tell the person what to do next."""

    code = "refusal.general"


class InsufficientFunds(Refusal):
    """The wallet holds less than asked; data: available (units), asset."""

    code = "refusal.insufficient_funds"


class StakeOutOfRange(Refusal):
    """Below the smallest or above the largest stake; data: minimum, maximum (units), asset."""

    code = "refusal.stake_out_of_range"


class BadAmount(Refusal):
    """Not a positive whole number of units that 64 bits can hold."""

    code = "refusal.bad_amount"


class BadChoice(Refusal):
    """The game does not offer this choice; data: field."""

    code = "refusal.bad_choice"


class RoundClosed(Refusal):
    """The round is settled, void or already open elsewhere; data: status."""

    code = "refusal.round_closed"


class LimitReached(Refusal):
    """A limit of the player; data: kind, window, limit, used (reference micro-units), resets_at."""

    code = "refusal.limit_reached"


class SelfExcluded(Refusal):
    """The player excluded himself; data: until (None means for life)."""

    code = "refusal.self_excluded"


class CoolingOff(Refusal):
    """A time-out is running; data: until."""

    code = "refusal.cooling_off"


class StaleReference(Refusal):
    """The reference is not a time-ordered id of the last two months; make a new one."""

    code = "refusal.stale_reference"


class KycRequired(Refusal):
    """A higher verification level is needed; data: level, required, ceiling."""

    code = "refusal.kyc_required"


class RegionNotServed(Refusal):
    """We may not serve this region; data: region."""

    code = "refusal.region_not_served"


class AccountClosed(Refusal):
    """The account is blocked or closed; data: reason."""

    code = "refusal.account_closed"


class ConsentRequired(Refusal):
    """Age and the current terms must be accepted first; data: terms_version."""

    code = "refusal.consent_required"


class WageringIncomplete(Refusal):
    """A bonus still has a wagering requirement; data: remaining."""

    code = "refusal.wagering_incomplete"


class BonusUnavailable(Refusal):
    """This bonus cannot be claimed now."""

    code = "refusal.bonus_unavailable"


class QuoteExpired(Refusal):
    """The quote is too old, used, or not for this: nothing was asked for; ask for a new quote."""

    code = "refusal.quote_expired"


class SeedInUse(Refusal):
    """Seeds cannot change while a round under them is open; data: round."""

    code = "refusal.seed_in_use"


class AddressInvalid(Refusal):
    """Not an address we can pay on this rail; data: reason, `wanted` (the rail's chain), and
    `network` where it looks like an address of another one."""

    code = "refusal.address_invalid"


class AddressNotSaved(Refusal):
    """The player is paid to saved addresses only, and this is none."""

    code = "refusal.address_not_saved"


class AddressCooling(Refusal):
    """The address was saved too recently to be paid; data: until."""

    code = "refusal.address_cooling"


class AddressBookFull(Refusal):
    """No more addresses can be saved for this rail; data: count."""

    code = "refusal.address_book_full"


class WithdrawalDelayed(Refusal):
    """The account changed: until then only to addresses known before; data: until."""

    code = "refusal.withdrawal_delayed"


class WithdrawalUnderWay(Refusal):
    """The sender has it already: it can no longer be taken back; data: status."""

    code = "refusal.withdrawal_under_way"


class DepositNotFinal(Refusal):
    """Its chain may still take the deposit back: nothing is sent back before it is final."""

    code = "refusal.deposit_not_final"


class DepositGoesBack(Refusal):
    """Staff are sending a deposit back: that is not the player's to stop."""

    code = "refusal.deposit_goes_back"


class BelowMinimum(Refusal):
    """Smaller than the rail's minimum; data: minimum (units), asset."""

    code = "refusal.below_minimum"


class Paused(Refusal):
    """A kill switch is on; data: switch."""

    code = "refusal.paused"


class AddressesUsedUp(Refusal):
    """No deposit address is free; the watcher makes more by itself. Data: rail."""

    code = "refusal.addresses_used_up"


class WithdrawalsFrozen(Refusal):
    """A credited deposit vanished from its chain: staff decide before anything is paid out."""

    code = "refusal.withdrawals_frozen"


class DocumentInvalid(Refusal):
    """Not a picture or PDF of allowed size; data: reason."""

    code = "refusal.document_invalid"


class ExposureReached(Refusal):
    """The house cannot risk this much now; data: maximum (units), asset."""

    code = "refusal.exposure_reached"


class RateStale(Refusal):
    """No fresh exchange rate for this asset; try again later."""

    code = "refusal.rate_stale"


class LoginRefused(Refusal):
    """Log in again from Telegram; data: reason."""

    code = "refusal.login_refused"


class TooManyRequests(Refusal):
    """Slow down; data: retry_after_seconds."""

    code = "refusal.too_many_requests"


class NotPermitted(Refusal):
    """This member of staff may not do that; data: permission."""

    code = "refusal.not_permitted"


class NotFound(CasinoError):
    """No such thing; data: thing, key."""

    code = "error.not_found"


class Conflict(CasinoError):
    """The world moved on; read again."""

    code = "error.conflict"


class IdempotencyConflict(Conflict):
    """Same reference, different content: alert and refuse; data: reference."""

    code = "error.idempotency_conflict"


class IllegalMove(Conflict):
    """The status table has no such move; data: thing, current, wanted."""

    code = "error.illegal_move"


class OutsideError(CasinoError):
    """Another machine answered badly or not at all."""

    code = "error.outside"


class OutsideUnavailable(OutsideError):
    """Try again; nothing is known about the effect."""

    code = "error.outside_unavailable"


class OutsideRefused(OutsideError):
    """The other machine said no; trying again changes nothing."""

    code = "error.outside_refused"


class BadSignature(OutsideError):
    """A message that its claimed author did not sign: log, count, answer nothing useful."""

    code = "error.bad_signature"


class InvariantViolation(CasinoError):
    """A bug: alert, stop the command, never catch it by name."""

    code = "error.invariant"


class LedgerUnbalanced(InvariantViolation):
    """Balances and transfers disagree."""

    code = "error.ledger_unbalanced"


class CurrencyMismatch(InvariantViolation):
    """Two assets met in one sum."""

    code = "error.currency_mismatch"


class NegativeBalance(InvariantViolation):
    """A balance would go below zero past the rules."""

    code = "error.negative_balance"


class NetworkInsideTransaction(InvariantViolation):
    """A network call was made while a database transaction was open."""

    code = "error.network_inside_transaction"

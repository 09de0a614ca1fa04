"""Invoices, pre-checkout answers, Telegram Stars and their refunds."""

from __future__ import annotations

import time
from typing import Any

from sandbox.telegram.botapi.compose import reply, send
from sandbox.telegram.botapi.queries import TOO_OLD
from sandbox.telegram.delivery import push_message
from sandbox.telegram.entities import utf16_length
from sandbox.telegram.errors import bad_request
from sandbox.telegram.params import Call
from sandbox.telegram.records import Charge, Invoice
from sandbox.telegram.state import Telegram

Json = dict[str, Any]

STARS = "XTR"
LINK = "https://t.me/$"


async def send_invoice(telegram: Telegram, call: Call) -> Json:
    """Answers sendInvoice."""
    telegram.chat_for_bot(call.bot, call.chat_id())
    invoice = _invoice(telegram, call)
    shown = {
        "title": invoice.title,
        "description": invoice.description,
        "start_parameter": call.text("start_parameter"),
        "currency": invoice.currency,
        "total_amount": invoice.amount,
    }
    message = send(telegram, call, {"invoice": shown}, invoice=True)
    if message.markup is None:
        label = "Pay" if invoice.currency != STARS else f"Pay ⭐{invoice.amount}"
        message.markup = {"inline_keyboard": [[{"text": label, "pay": True}]]}
        telegram.changed(message, edited=False)
    invoice.chat, invoice.message_id = message.chat, message.id
    _keep(telegram, invoice)
    return reply(telegram, call, message)


async def create_link(telegram: Telegram, call: Call) -> str:
    """Answers createInvoiceLink."""
    invoice = _invoice(telegram, call)
    _keep(telegram, invoice)
    return LINK + invoice.slug


def _invoice(telegram: Telegram, call: Call) -> Invoice:
    title, description = call.text("title"), call.text("description")
    payload, currency = call.text("payload"), call.text("currency")
    if not 1 <= utf16_length(title) <= 32:
        raise bad_request("INVOICE_TITLE_INVALID")
    if not 1 <= utf16_length(description) <= 255:
        raise bad_request("INVOICE_DESCRIPTION_INVALID")
    if not 1 <= len(payload.encode()) <= 128:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    if len(currency) != 3:
        raise bad_request("CURRENCY_INVALID")
    prices = call.find_list("prices") or []
    amounts = [price["amount"] for price in prices if type(price.get("amount")) is int]
    if not amounts or len(amounts) != len(prices):
        raise bad_request("can't parse prices JSON array")
    if currency == STARS and (len(amounts) != 1 or call.text("provider_token")):
        raise bad_request("STARS_INVOICE_INVALID")
    total = sum(amounts)
    if total < 1:
        raise bad_request("CURRENCY_TOTAL_AMOUNT_INVALID")
    return Invoice(
        slug=telegram.new_id("invoice"),
        bot=call.bot.id,
        title=title,
        description=description,
        payload=payload,
        currency=currency,
        amount=total,
    )


def _keep(telegram: Telegram, invoice: Invoice) -> None:
    telegram.invoices[invoice.slug] = invoice
    telegram.store.save("invoice", invoice.slug, invoice)


async def answer_pre_checkout(telegram: Telegram, call: Call) -> bool:
    """Answers answerPreCheckoutQuery: within ten seconds."""
    asked = telegram.pre_checkouts.get(call.text("pre_checkout_query_id"))
    late = telegram.world.pre_checkout_seconds
    if (
        asked is None
        or asked.bot != call.bot.id
        or asked.ok is not None
        or time.time() - asked.asked_at > late
    ):
        raise bad_request(TOO_OLD)
    ok = call.flag("ok")
    if not ok and not call.has("error_message"):
        raise bad_request("ERROR_TEXT_EMPTY")
    asked.error = call.text("error_message")
    asked.ok = ok
    telegram.hub.bell.ring()
    return True


async def refund(telegram: Telegram, call: Call) -> bool:
    """Answers refundStarPayment: once for each charge."""
    charge = telegram.charges.get(call.text("telegram_payment_charge_id"))
    person = call.need_integer("user_id")
    if charge is None or charge.bot != call.bot.id or charge.person != person:
        raise bad_request("CHARGE_NOT_FOUND")
    if charge.currency != STARS:
        raise bad_request("CHARGE_ID_INVALID")
    if charge.refunded:
        raise bad_request("CHARGE_ALREADY_REFUNDED")
    charge.refunded = True
    purse = telegram.purse(person)
    purse.stars += charge.amount
    call.bot.record.stars -= charge.amount
    telegram.keep_purse(purse)
    telegram.keep_bot(call.bot)
    telegram.store.save("charge", charge.id, charge)
    chat = telegram.private_chat(bot_id=call.bot.id, person_id=person)
    refunded = {
        "currency": charge.currency,
        "total_amount": charge.amount,
        "invoice_payload": charge.payload,
        "telegram_payment_charge_id": charge.id,
    }
    message = telegram.post(chat, sender=person, content={"refunded_payment": refunded})
    push_message(telegram, chat, message)
    return True


async def star_balance(_telegram: Telegram, call: Call) -> Json:
    """Answers getMyStarBalance."""
    return {"amount": call.bot.record.stars}


async def star_transactions(telegram: Telegram, call: Call) -> Json:
    """Answers getStarTransactions: what people paid in Stars, oldest first."""
    start, limit = call.integer("offset"), call.integer("limit", 100)
    mine = [one for one in telegram.charges.values() if one.bot == call.bot.id]
    paid = sorted((one for one in mine if one.currency == STARS), key=_paid_at)
    return {"transactions": [_line(telegram, one) for one in paid[start : start + limit]]}


def _paid_at(charge: Charge) -> int:
    return charge.paid_at


def _line(telegram: Telegram, charge: Charge) -> Json:
    return {
        "id": charge.id,
        "amount": charge.amount,
        "date": charge.paid_at,
        "source": {
            "type": "user",
            "transaction_type": "invoice_payment",
            "user": telegram.user(charge.person),
            "invoice_payload": charge.payload,
        },
    }

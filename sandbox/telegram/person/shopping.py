"""What a person pays and shares: invoices, inline results, prepared messages, stored values."""

from __future__ import annotations

import time
from typing import Any

from sandbox.telegram.botapi.queries import result_content
from sandbox.telegram.delivery import push, push_message
from sandbox.telegram.errors import ActError
from sandbox.telegram.params import Call
from sandbox.telegram.records import Charge, Chat, InlineQuery, Invoice, Message, PreCheckout
from sandbox.telegram.state import Bot, Telegram

Json = dict[str, Any]

INLINE_SECONDS = 10.0
STORED_KEYS_MAX = {"cloud": 1024, "device": 100_000, "secure": 10}
STORED_VALUE_MAX = {"cloud": 4096, "device": 5_000_000, "secure": 5_000_000}
STORED_KEY_MAX = 128


def find_invoice(telegram: Telegram, fields: Json, chat: Chat | None) -> Invoice:
    """An invoice by the slug of its link, or by the message that shows it."""
    slug = str(fields.get("slug") or "").removeprefix("$")
    if slug:
        found = telegram.invoices.get(slug)
    else:
        key = chat.key if chat else None
        message_id = int(fields.get("message_id") or 0)
        found = next(
            (
                one
                for one in telegram.invoices.values()
                if one.chat == key and one.message_id == message_id
            ),
            None,
        )
    if found is None:
        raise ActError("there is no such invoice", status=404)
    return found


async def pay(telegram: Telegram, person: int, invoice: Invoice) -> Json:
    """Pay: the bot is asked first and has ten seconds, then the money moves."""
    bot = telegram.bots[invoice.bot]
    purse = telegram.purse(person)
    if invoice.currency == "XTR" and purse.stars < invoice.amount:
        return {"status": "failed", "error": "not enough Stars"}
    asked = PreCheckout(
        id=telegram.new_id("pre_checkout"),
        bot=bot.id,
        person=person,
        slug=invoice.slug,
        asked_at=time.time(),
    )
    telegram.pre_checkouts[asked.id] = asked
    push(
        telegram,
        bot,
        "pre_checkout_query",
        {
            "id": asked.id,
            "from": telegram.user(person),
            "currency": invoice.currency,
            "total_amount": invoice.amount,
            "invoice_payload": invoice.payload,
        },
    )
    telegram.store.commit()
    await telegram.hub.bell.until(lambda: asked.ok, telegram.world.pre_checkout_seconds)
    del telegram.pre_checkouts[asked.id]
    if not asked.ok:
        return {"status": "failed", "error": asked.error or "the bot did not answer in time"}
    if invoice.currency == "XTR":
        if purse.stars < invoice.amount:
            return {"status": "failed", "error": "not enough Stars"}
        purse.stars -= invoice.amount
        bot.record.stars += invoice.amount
        telegram.keep_purse(purse)
        telegram.keep_bot(bot)
    return {"status": "paid", "charge": _charged(telegram, person, invoice).id}


def _charged(telegram: Telegram, person: int, invoice: Invoice) -> Charge:
    chat = telegram.private_chat(bot_id=invoice.bot, person_id=person)
    charge = Charge(
        id="stx" + telegram.new_id("charge"),
        bot=invoice.bot,
        person=person,
        chat=chat.key,
        payload=invoice.payload,
        currency=invoice.currency,
        amount=invoice.amount,
        paid_at=int(time.time()),
    )
    telegram.charges[charge.id] = charge
    telegram.store.save("charge", charge.id, charge)
    paid = {
        "currency": charge.currency,
        "total_amount": charge.amount,
        "invoice_payload": charge.payload,
        "telegram_payment_charge_id": charge.id,
        "provider_payment_charge_id": charge.id,
    }
    message = telegram.post(chat, sender=person, content={"successful_payment": paid})
    push_message(telegram, chat, message)
    return charge


async def ask_inline(telegram: Telegram, person: int, bot: Bot, query: str) -> Json:
    """Type a query after the bot's name and wait for its results."""
    asked = InlineQuery(id=telegram.new_id("inline_query"), bot=bot.id, person=person, query=query)
    telegram.inline_queries[asked.id] = asked
    push(
        telegram,
        bot,
        "inline_query",
        {
            "id": asked.id,
            "from": telegram.user(person),
            "query": query,
            "offset": "",
            "chat_type": "sender",
        },
    )
    telegram.store.commit()
    results = await telegram.hub.bell.until(lambda: asked.results, INLINE_SECONDS)
    return {"query_id": asked.id, "results": results or []}


def choose_inline(
    telegram: Telegram, person: int, chat: Chat, *, query_id: str, result_id: str
) -> Message:
    """Send one of the results into a chat."""
    asked = telegram.inline_queries.get(query_id)
    results = asked.results if asked else None
    chosen = next((one for one in results or [] if one.get("id") == result_id), None)
    if asked is None or asked.person != person or chosen is None:
        raise ActError("there is no such result", status=404)
    bot = telegram.bots[asked.bot]
    message = _post_result(telegram, person, chat, bot, chosen)
    push(
        telegram,
        bot,
        "chosen_inline_result",
        {
            "result_id": result_id,
            "from": telegram.user(person),
            "query": asked.query,
            "inline_message_id": message.inline_id,
        },
    )
    return message


def share(telegram: Telegram, person: int, chat: Chat, *, prepared_id: str) -> Message:
    """Share a message that a bot prepared."""
    prepared = telegram.prepared.get(prepared_id)
    if prepared is None or prepared.person != person or prepared.expires_at < time.time():
        raise ActError("this message has expired", status=404)
    bot = telegram.bots[prepared.bot]
    return _post_result(telegram, person, chat, bot, prepared.result)


def _post_result(telegram: Telegram, person: int, chat: Chat, bot: Bot, result: Json) -> Message:
    call = Call(bot=bot, method="answerInlineQuery", fields={})
    content, markup = result_content(telegram, call, result)
    message = telegram.post(chat, sender=person, content=content, markup=markup, via_bot=bot.id)
    push_message(telegram, chat, message)
    return message


def storage(telegram: Telegram, person: int, bot: Bot, fields: Json) -> Json:
    """A Mini App's values: `area` cloud, device or secure; `op` get, set, delete, keys, clear."""
    area, op = str(fields.get("area", "cloud")), str(fields.get("op", "get"))
    if area not in STORED_KEYS_MAX:
        raise ActError("there is no such storage")
    purse = telegram.purse(person)
    values = purse.storage.setdefault(f"{bot.id}/{area}", {})
    keys = [str(key) for key in fields.get("keys") or []]
    if fields.get("key") is not None:
        keys.append(str(fields["key"]))
    match op:
        case "keys":
            return {"keys": list(values)}
        case "get":
            return {"values": {key: values.get(key) for key in keys}}
        case "set":
            _set_value(values, area, keys[0] if keys else "", fields.get("value"))
        case "delete":
            for key in keys:
                values.pop(key, None)
        case "clear":
            values.clear()
        case _:
            raise ActError("there is no such operation")
    telegram.keep_purse(purse)
    return {"values": {}}


def _set_value(values: dict[str, str], area: str, key: str, value: object) -> None:
    if not 1 <= len(key) <= STORED_KEY_MAX:
        raise ActError("KEY_INVALID")
    if not isinstance(value, str) or len(value) > STORED_VALUE_MAX[area]:
        raise ActError("VALUE_INVALID")
    if key not in values and len(values) >= STORED_KEYS_MAX[area]:
        raise ActError("QUOTA_EXCEEDED")
    values[key] = value

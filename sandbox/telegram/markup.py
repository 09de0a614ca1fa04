"""Checks keyboards before anybody sees them: what Telegram refuses is refused here."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from sandbox.telegram.entities import utf16_length
from sandbox.telegram.errors import ApiError, bad_request

Json = dict[str, Any]

CALLBACK_DATA_BYTES_MAX = 64
BUTTONS_MAX = 100
ROW_MAX = 8
COPY_TEXT_MAX = 256
STYLES = frozenset({"danger", "success", "primary"})
_LOOKS = frozenset({"text", "style", "icon_custom_emoji_id"})
_ACTIONS = frozenset(
    {
        "url",
        "callback_data",
        "web_app",
        "login_url",
        "switch_inline_query",
        "switch_inline_query_current_chat",
        "switch_inline_query_chosen_chat",
        "copy_text",
        "callback_game",
        "pay",
        "disabled",
    }
)


def check_url(url: object, *, what: str, secure: bool) -> str:
    """A usable address; `secure` asks for https, except on this machine itself."""
    if not isinstance(url, str) or not url:
        raise _bad_url(what, url, "URL is empty")
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme in {"tg", "ton"} and not secure:
        return url
    if parts.scheme not in {"http", "https"}:
        raise _bad_url(what, url, "Unsupported URL protocol")
    host = parts.hostname or ""
    if not host or ("." not in host and ":" not in host and not is_loopback(host)):
        raise _bad_url(what, url, "Wrong HTTP URL")
    if secure and parts.scheme != "https" and not is_loopback(host):
        raise _bad_url(what, url, "Only HTTPS links are allowed")
    return url


def is_loopback(host: str) -> bool:
    """Does the name mean this very machine?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_inline_keyboard(markup: Json, *, private: bool, invoice: bool = False) -> Json | None:
    """The keyboard as it is kept, or None when it has no buttons."""
    rows = _rows(markup.get("inline_keyboard"), "inline keyboard")
    kept: list[list[Json]] = []
    count = 0
    for row in rows:
        buttons = [_inline_button(button, private=private) for button in row]
        if len(buttons) > ROW_MAX:
            raise bad_request("BUTTON_ROW_TOO_LONG")
        count += len(buttons)
        if buttons:
            kept.append(buttons)
    if count > BUTTONS_MAX:
        raise bad_request("reply markup is too long")
    if invoice and kept and not kept[0][0].get("pay"):
        raise bad_request("the first button of an invoice must be a Pay button")
    return {"inline_keyboard": kept} if kept else None


def _inline_button(button: object, *, private: bool) -> Json:
    if not isinstance(button, dict):
        raise bad_request(
            "can't parse inline keyboard button: InlineKeyboardButton must be an Object"
        )
    text = button.get("text")
    if not isinstance(text, str):
        raise bad_request(
            'can\'t parse inline keyboard button: Field "text" must be of type String'
        )
    if not text.strip():
        raise bad_request("BUTTON_TEXT_INVALID")
    given = {name: value for name, value in button.items() if value is not None}
    actions = [name for name in given if name not in _LOOKS]
    _check_actions(actions)
    _check_style(given)
    _check_action(actions[0], given[actions[0]], private=private)
    return given


def _check_actions(actions: list[str]) -> None:
    if not [name for name in actions if name in _ACTIONS]:
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    if len(actions) > 1:
        raise bad_request(
            "can't parse inline keyboard button: exactly one action must be specified,"
            f" found {', '.join(sorted(actions))}"
        )


def _check_style(button: Json) -> None:
    if "style" in button and button["style"] not in STYLES:
        raise bad_request("can't parse inline keyboard button: invalid button style specified")


def _check_action(name: str, value: Any, *, private: bool) -> None:
    match name:
        case "callback_data":
            if (
                not isinstance(value, str)
                or not 1 <= len(value.encode()) <= CALLBACK_DATA_BYTES_MAX
            ):
                raise bad_request("BUTTON_DATA_INVALID")
        case "url":
            check_url(value, what="inline keyboard button URL", secure=False)
        case "login_url":
            url = value.get("url") if isinstance(value, dict) else None
            check_url(url, what="inline keyboard button login URL", secure=True)
        case "web_app":
            if not private:
                raise bad_request("BUTTON_TYPE_INVALID")
            check_web_app(value, what="inline keyboard button Web App URL")
        case "copy_text":
            text = value.get("text") if isinstance(value, dict) else None
            if not isinstance(text, str) or not 1 <= utf16_length(text) <= COPY_TEXT_MAX:
                raise bad_request("BUTTON_COPY_TEXT_INVALID")
        case _:
            return


def check_web_app(value: object, *, what: str) -> Json:
    """A WebAppInfo with an address that a client would open."""
    url = value.get("url") if isinstance(value, dict) else None
    return {"url": check_url(url, what=what, secure=True)}


def check_reply_markup(markup: Json, *, private: bool) -> Json:
    """A reply keyboard, its removal or a forced reply, as the person's client shows it."""
    if markup.get("remove_keyboard"):
        return {"remove_keyboard": True}
    if markup.get("force_reply"):
        return dict(markup)
    rows = _rows(markup.get("keyboard"), "keyboard")
    kept: list[list[Json]] = []
    for row in rows:
        buttons = [_reply_button(button, private=private) for button in row]
        if buttons:
            kept.append(buttons)
    if not kept:
        raise bad_request("reply keyboard markup must have at least one button")
    return {**markup, "keyboard": kept}


def _reply_button(button: object, *, private: bool) -> Json:
    if isinstance(button, str):
        button = {"text": button}
    if not isinstance(button, dict) or not isinstance(button.get("text"), str):
        raise bad_request('can\'t parse keyboard button: Field "text" must be of type String')
    given = {name: value for name, value in button.items() if value is not None}
    _check_style(given)
    if "web_app" in given:
        if not private:
            raise bad_request("web App buttons can be used in private chats only")
        check_web_app(given["web_app"], what="keyboard button Web App URL")
    if not private and {"request_contact", "request_location"} & given.keys():
        raise bad_request("phone number can be requested in private chats only")
    return given


def _rows(rows: object, what: str) -> list[list[object]]:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request(f"can't parse {what}: must be an Array of Arrays")
    return rows


def _bad_url(what: str, url: object, why: str) -> ApiError:
    return bad_request(f"{what} '{url}' is invalid: {why}")

"""The Bot API over HTTP: finds the bot and the method, answers in Telegram's envelope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.telegram.botapi import (
    chats,
    editing,
    lifecycle,
    payments,
    queries,
    sending,
    settings,
)
from sandbox.telegram.errors import ApiError, too_many_requests
from sandbox.telegram.params import Call, read_request
from sandbox.telegram.pressure import Fault, Pressure
from sandbox.telegram.state import Bot, Telegram
from sandbox.telegram.world import SANDBOX_TOKEN

Json = dict[str, Any]
Method = Callable[[Telegram, Call], Awaitable[object]]

METHODS: dict[str, Method] = {
    "getme": lifecycle.get_me,
    "getupdates": lifecycle.updates,
    "setwebhook": lifecycle.set_webhook,
    "deletewebhook": lifecycle.delete_webhook,
    "getwebhookinfo": lifecycle.get_webhook_info,
    "logout": lifecycle.leave_server,
    "close": lifecycle.leave_server,
    "sendmessage": sending.send_message,
    "sendrichmessage": sending.send_rich_message,
    "sendphoto": sending.send_photo,
    "senddocument": sending.send_document,
    "sendanimation": sending.send_animation,
    "sendmediagroup": sending.send_media_group,
    "senddice": sending.send_dice,
    "sendchataction": sending.send_chat_action,
    "copymessage": sending.copy_message,
    "forwardmessage": sending.forward_message,
    "editmessagetext": editing.edit_text,
    "editmessagecaption": editing.edit_caption,
    "editmessagemedia": editing.edit_media,
    "editmessagereplymarkup": editing.edit_reply_markup,
    "editephemeralmessagetext": editing.edit_ephemeral_text,
    "editephemeralmessagereplymarkup": editing.edit_ephemeral_reply_markup,
    "deleteephemeralmessage": editing.delete_ephemeral,
    "deletemessage": editing.delete_message,
    "deletemessages": editing.delete_messages,
    "pinchatmessage": editing.pin,
    "unpinchatmessage": editing.unpin,
    "unpinallchatmessages": editing.unpin_all,
    "setmessagereaction": editing.set_reaction,
    "answercallbackquery": queries.answer_callback,
    "answerinlinequery": queries.answer_inline,
    "answerwebappquery": queries.answer_web_app,
    "savepreparedinlinemessage": queries.save_prepared,
    "sendinvoice": payments.send_invoice,
    "createinvoicelink": payments.create_link,
    "answerprecheckoutquery": payments.answer_pre_checkout,
    "refundstarpayment": payments.refund,
    "getmystarbalance": payments.star_balance,
    "getstartransactions": payments.star_transactions,
    "setmycommands": settings.set_commands,
    "getmycommands": settings.get_commands,
    "deletemycommands": settings.delete_commands,
    "setchatmenubutton": settings.set_menu_button,
    "getchatmenubutton": settings.get_menu_button,
    "setmyname": settings.set_text,
    "getmyname": settings.get_text,
    "setmydescription": settings.set_text,
    "getmydescription": settings.get_text,
    "setmyshortdescription": settings.set_text,
    "getmyshortdescription": settings.get_text,
    "setmydefaultadministratorrights": settings.set_rights,
    "getchat": chats.get_chat,
    "getchatmember": chats.get_member,
    "getchatadministrators": chats.get_administrators,
    "getchatmembercount": chats.get_member_count,
    "leavechat": chats.leave_chat,
    "getfile": chats.get_file,
    "getuserprofilephotos": chats.get_user_photos,
}


class BotApi:
    """Serves `/bot<token>/<method>` and `/file/bot<token>/<path>`."""

    def __init__(self, *, telegram: Telegram, pressure: Pressure) -> None:
        self.telegram = telegram
        self.pressure = pressure
        self._by_token = {bot.spec.token: bot for bot in telegram.bots.values()}

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Both addresses, with the test server's spelling too."""
        for prefix in ("", "/test"):
            router.add_route("*", "/bot{token:[^/]+}" + prefix + "/{method}", self.handle)
        router.add_get("/file/bot{token:[^/]+}/{path:.+}", self.file)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One call, answered in Telegram's envelope."""
        method = request.match_info["method"]
        try:
            bot = self._bot(request.match_info["token"])
            fields, uploads = await read_request(request)
            call = Call(bot=bot, method=method, fields=fields, uploads=uploads)
            fault = self._pressed(call)
            result = await self.run(call)
        except ApiError as error:
            return _refusal(error)
        except _LostError:
            return _hang_up(request)
        if fault is not None:
            return _hang_up(request)
        return web.json_response({"ok": True, "result": result})

    async def run(self, call: Call) -> object:
        """Carry out a call and remember it; raises ApiError when it is refused."""
        method = METHODS.get(call.method.lower(), _unknown)
        try:
            result = await method(self.telegram, call)
        except ApiError as error:
            self._note(call, error)
            raise
        self._note(call, None)
        return result

    async def run_reply(self, bot: Bot, method: str, fields: Json) -> object:
        """A call that came in the body of a webhook's answer."""
        return await self.run(Call(bot=bot, method=method, fields=fields))

    def _bot(self, token: str) -> Bot:
        if not SANDBOX_TOKEN.fullmatch(token):
            raise ApiError(404, "Not Found")
        bot = self._by_token.get(token)
        if bot is None:
            raise ApiError(401, "Unauthorized")
        return bot

    def _pressed(self, call: Call) -> Fault | None:
        """Raise what a fault or a flood limit says; a fault to strike later is returned."""
        fault = self.pressure.strike(call)
        if fault is not None and not fault.after:
            if fault.drop:
                raise _LostError
            if fault.code == 429:
                raise too_many_requests(fault.retry_after or 1)
            raise ApiError(fault.code, fault.description or "Internal Server Error")
        seconds = self.pressure.must_wait(call)
        if seconds:
            raise too_many_requests(seconds)
        return fault

    def _note(self, call: Call, error: ApiError | None) -> None:
        if call.method.lower() == "getupdates":
            return
        self.pressure.calls.append(
            {
                "bot": call.bot.id,
                "method": call.method,
                "fields": call.fields,
                "uploads": {name: upload.name for name, upload in call.uploads.items()},
                "code": error.code if error else 200,
                "description": error.description if error else "",
            }
        )

    async def file(self, request: web.Request) -> web.StreamResponse:
        """The bytes of a file whose path getFile named."""
        try:
            self._bot(request.match_info["token"])
        except ApiError as error:
            return _refusal(error)
        unique_id = request.match_info["path"].rpartition("/")[2]
        file = self.telegram.store.find_file(unique_id)
        if file is None:
            return _refusal(ApiError(404, "Not Found"))
        return web.Response(body=file.body, content_type="application/octet-stream")


async def _unknown(_telegram: Telegram, _call: Call) -> object:
    raise ApiError(404, "Not Found: method not found")


class _LostError(Exception):
    """The call is lost with its connection."""


def _refusal(error: ApiError) -> web.Response:
    body: Json = {"ok": False, "error_code": error.code, "description": error.description}
    if error.parameters:
        body["parameters"] = error.parameters
    return web.json_response(body, status=error.code)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)

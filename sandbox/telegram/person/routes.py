"""The person API: everything that somebody with Telegram in his hand can do, as JSON over HTTP.

All bodies and answers are JSON objects. `person` is an id; a chat is named by `bot` (id or
username, the private chat with it) or by `chat` (a key such as "100:1001", or a group's id).
A mistake is answered with `{"error": "..."}` and 400, 403, 404 or 409.

Looking
  GET  /sim/state?person=              people, bots, groups and, for a person, the chats
  GET  /sim/chat?person=&bot=|chat=    the chat line, `messages`, `seq`
  GET  /sim/wait?person=&bot=|chat=&after=&contains=&timeout=
                                       waits for messages new or changed after `after` (a `seq`)
  GET  /sim/events?after=&timeout=     waits for anything that happened after a `seq`
  GET  /sim/ws                         the same events as a websocket
  GET  /sim/file/{unique_id}           the bytes of a photo or document
  GET  /sim/key                        the Ed25519 public key of this world, hex
Chatting (POST)
  /sim/start      bot, payload?                   press Start, also after a block
  /sim/send       text, reply_to?                 say something
  /sim/upload     multipart: kind (photo|document), caption?, file
  /sim/dice       emoji?                          throw a die
  /sim/tap        label | data, message_id?, wait?, forge?   tap an inline button; `wait`
                  seconds for the answer; `forge` sends data that no button offers. Answers
                  with `callback` and `answer`, or with `url`, `launch`, `copied`, `inline` or
                  `paid` for other buttons
  /sim/answer     callback, wait                  the bot's answer to an earlier tap
  /sim/keyboard   label                           tap a button of the reply keyboard
  /sim/read                                       everything in the chat is seen
Mini Apps (POST)
  /sim/launch     bot, url? | start_param?, way?, theme?, platform?   the signed launch address
  /sim/link       url                             follow a t.me link
  /sim/web_app_data  bot, label, data             what a Mini App sends back to a keyboard
  /sim/storage    bot, area, op, key(s)?, value?  CloudStorage, DeviceStorage, SecureStorage
  /sim/share      prepared                        share a prepared message into a chat
Queries and payments (POST)
  /sim/inline     bot, query       /sim/choose    query_id, result_id
  /sim/pay        slug | message_id               pay an invoice
Membership (POST)
  /sim/block      bot, blocked     /sim/join      group     /sim/leave    chat
  /sim/invite     chat, add        bring a bot (`add`) into a group
Trouble
  GET /sim/calls?bot=&method=&limit=   what the bots called, newest last
  GET|POST|DELETE /sim/faults          method, code, times, retry_after?, contains?, bot?,
                                       after?, drop?
  POST /sim/limits  enabled            flood limits on or off
  POST /sim/reset                      forget every chat
"""

from __future__ import annotations

from aiohttp import web

from sandbox.telegram.person.deeds import Deeds
from sandbox.telegram.person.trouble import Trouble
from sandbox.telegram.person.watching import Watching
from sandbox.telegram.pressure import Pressure
from sandbox.telegram.state import Telegram


def add_routes(router: web.UrlDispatcher, *, telegram: Telegram, pressure: Pressure) -> None:
    """Put the person API on a router."""
    Watching(telegram).add_routes(router)
    Deeds(telegram).add_routes(router)
    Trouble(telegram=telegram, pressure=pressure).add_routes(router)

"""What the application carries: typed keys, filled once in app.py, read by the routes."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from casino.betting.floor import GamingFloor
from casino.db import Database
from casino.players.logins import Login
from games.aggregators.base import Aggregator
from webapp.init_data import InitDataCheck
from webapp.live import Live
from webapp.throttle import Throttle

FLOOR = web.AppKey("floor", GamingFloor)
DATABASE = web.AppKey("database", Database)
LAUNCH_CHECK: web.AppKey[InitDataCheck] = web.AppKey("launch_check")
LIVE = web.AppKey("live", Live)
AGGREGATORS: web.AppKey[Mapping[str, Aggregator]] = web.AppKey("aggregators")
TESTNET = web.AppKey("testnet", bool)
THROTTLE = web.AppKey("throttle", Throttle)

LOGIN = web.RequestKey("login", Login)
REQUEST_ID = web.RequestKey("request_id", str)

"""Is this process alive, and may traffic come to it."""

from __future__ import annotations

import asyncio

from aiohttp import web
from sqlalchemy import text

from webapp.errors import is_database_away
from webapp.keys import DATABASE
from webapp.wire import json_response

READY_SECONDS = 2.0
STOPPING = web.AppKey("stopping", asyncio.Event)

routes = web.RouteTableDef()


@routes.get("/healthz")
async def say_alive(_request: web.Request) -> web.Response:
    """200 as long as the loop turns."""
    return json_response({"alive": True})


@routes.get("/readyz")
async def say_ready(request: web.Request) -> web.Response:
    """200 while the database answers and we are not stopping; Redis is not needed."""
    stopping = request.app[STOPPING].is_set()
    database = not stopping and await _database_answers(request)
    ready = database and not stopping
    return json_response(
        {"ready": ready, "database": database, "stopping": stopping}, status=200 if ready else 503
    )


async def _database_answers(request: web.Request) -> bool:
    try:
        async with asyncio.timeout(READY_SECONDS), request.app[DATABASE].transaction() as session:
            await session.execute(text("SELECT 1"))
    except Exception as error:
        if is_database_away(error):
            return False
        raise
    return True

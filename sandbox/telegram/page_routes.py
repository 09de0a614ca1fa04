"""Serves the page that looks like a Telegram client: its HTML, styles and modules."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

PAGE = Path(__file__).with_name("page")

# The page hosts Mini Apps in a frame from any local address and asks nobody else for anything.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline';"
    " connect-src 'self'; frame-src 'self' http://127.0.0.1:* http://localhost:* https:"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def add_routes(router: web.UrlDispatcher) -> None:
    """The page at `/` and its parts under `/page/`."""
    router.add_get("/", _index)
    router.add_get("/page/{path:[a-z_/]+\\.(?:js|css|svg)}", _part)


async def _index(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE / "index.html", headers=HEADERS)


async def _part(request: web.Request) -> web.FileResponse:
    part = (PAGE / request.match_info["path"]).resolve()
    if not part.is_relative_to(PAGE) or not part.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(part, headers=HEADERS)

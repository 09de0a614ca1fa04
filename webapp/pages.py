"""The built Mini App: one page that is asked again, hashed files that browsers keep for ever."""

from __future__ import annotations

import html
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

STATIC = Path(__file__).parent / "static"
KEPT_FOR_EVER = "public, max-age=31536000, immutable"
ASKED_AGAIN = "no-cache"
NOT_BUILT = "The Mini App is not built yet: run `npm ci && npm run build` in webapp/frontend."


class Pages:
    """Serves one folder of built files; the index is read once and names the parent if any."""

    def __init__(self, folder: Path, *, parent_origin: str, public_url: str) -> None:
        self._folder = folder.resolve()
        self._public_url = public_url
        index = self._folder / "index.html"
        self._index = (
            _with_parent(index.read_text("utf-8"), parent_origin) if index.exists() else None
        )

    async def show_index(self, _request: web.Request) -> web.Response:
        """The page with all screens; always asked again, so that a new build shows at once."""
        if self._index is None:
            return web.Response(status=503, text=NOT_BUILT)
        return web.Response(
            text=self._index, content_type="text/html", headers={"Cache-Control": ASKED_AGAIN}
        )

    async def show_file(self, request: web.Request) -> web.StreamResponse:
        """A built file. Screens have no addresses: the page keeps them in its own history."""
        asked = request.match_info["path"]
        path = self._find(asked)
        if path is None:
            raise web.HTTPNotFound
        hashed = asked.startswith("assets/")
        return web.FileResponse(
            path, headers={"Cache-Control": KEPT_FOR_EVER if hashed else ASKED_AGAIN}
        )

    async def show_wallet_manifest(self, _request: web.Request) -> web.Response:
        """What a TON wallet shows its owner about us before he connects."""
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self._public_url))
        return web.json_response(
            {"url": origin, "name": "Fairhouse", "iconUrl": f"{origin}/icon-180.png"},
            headers={"Cache-Control": ASKED_AGAIN, "Access-Control-Allow-Origin": "*"},
        )

    def _find(self, asked: str) -> Path | None:
        try:
            path = (self._folder / asked).resolve()
        except ValueError:  # a NUL in the address
            return None
        inside = path.is_relative_to(self._folder) and path != self._folder / "index.html"
        return path if inside and path.is_file() else None

    def add_routes(self, app: web.Application) -> None:
        """Serve from the root; to be added after all other routes."""
        app.router.add_get("/", self.show_index)
        app.router.add_get("/tonconnect-manifest.json", self.show_wallet_manifest)
        app.router.add_get("/{path:(?!api/|ws$|telegram/).+}", self.show_file)


def _with_parent(page: str, parent_origin: str) -> str:
    """The page with the origin that may frame it besides Telegram's own; demo and tests only."""
    if not parent_origin:
        return page
    meta = f'<meta name="tma-parent-origin" content="{html.escape(parent_origin, quote=True)}">'
    return page.replace("</head>", f"{meta}</head>", 1)

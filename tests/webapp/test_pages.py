"""Static files: one page with all screens, no way out of the folder, health for the balancer."""

from tests.webapp.conftest import Start


async def test_the_page_is_asked_again_each_time(client):
    async with client.get("/") as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert response.headers["Cache-Control"] == "no-cache"
        assert "tma-parent-origin" not in await response.text()


async def test_hashed_files_are_kept_for_ever(client):
    async with client.get("/assets/app-1a2b.js") as response:
        assert response.status == 200
        assert "immutable" in response.headers["Cache-Control"]
        assert "javascript" in response.content_type


async def test_missing_files_are_missing(client):
    for path in ("/assets/other.js", "/favicon.png", "/index.html", "/wallet", "/assets"):
        async with client.get(path) as response:
            assert (path, response.status) == (path, 404)
    async with client.get("/api/nothing") as response:
        assert response.status == 401


async def test_there_is_no_way_out_of_the_folder(client):
    for path in ("/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt", "/a%00.js"):
        async with client.get(path) as response:
            assert response.status in {400, 404}
            assert "not yours" not in await response.text()


async def test_the_parent_origin_is_named_only_when_it_is_set(start: Start):
    client = await start(parent_origin="http://127.0.0.1:8090")
    async with client.get("/") as response:
        page = await response.text()
        policy = response.headers["Content-Security-Policy"]
    assert '<meta name="tma-parent-origin" content="http://127.0.0.1:8090"></head>' in page
    assert (
        "frame-ancestors 'self' https://telegram.org https://*.telegram.org http://127.0.0.1:8090"
        in policy
    )
    assert "script-src 'self';" in policy


async def test_the_wallets_manifest_names_our_origin(client):
    async with client.get("/tonconnect-manifest.json") as response:
        assert (await response.json())["url"] == "https://play.example"


async def test_an_app_that_is_not_built_says_so(start: Start, tmp_path):
    client = await start(static=tmp_path / "nowhere")
    async with client.get("/") as response:
        assert response.status == 503
        assert "npm run build" in await response.text()


async def test_health(client):
    assert (await client.get("/healthz")).status == 200
    async with client.get("/readyz") as response:
        assert (response.status, (await response.json())["ready"]) == (200, True)

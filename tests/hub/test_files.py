"""Scripts come small, whole, and again only when they have changed."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from mortice.hub.files import Files
from mortice.hub.web import STATIC


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=[Mount("/static", Files(directory=STATIC))]))


def test_a_script_is_packed_for_who_can_unpack_it(client: TestClient) -> None:
    packed = client.get("/static/guest.js")
    plain = client.get("/static/guest.js", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content == (STATIC / "guest.js").read_bytes()
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert packed.headers["vary"] == plain.headers["vary"] == "accept-encoding"
    assert packed.headers["content-type"].startswith("text/javascript")


def test_what_did_not_change_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/static/mortice.css")
    again = client.get("/static/mortice.css", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert first.headers["cache-control"] == "no-cache"
    kept = client.get("/static/mortice.css?abc").headers["cache-control"]
    assert kept == "public, max-age=31536000, immutable"


def test_a_font_is_sent_as_it_is(client: TestClient) -> None:
    fonts = sorted((STATIC / "fonts").glob("*.woff2"))
    assert "content-encoding" not in client.get(f"/static/fonts/{fonts[0].name}").headers

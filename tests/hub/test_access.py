"""Nobody gets anywhere but through the access funnel."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute
from hubs import ORIGIN, Cast, add_place, browser
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from mortice.hub.access import RULES, Role, To, signed_in
from mortice.hub.app import make_app
from mortice.hub.open_paths import OPEN_PATHS
from mortice.hub.pages import ROUTERS

AsRole = Callable[[str], TestClient]


def all_calls(dependant: Dependant) -> list[object]:
    inner = (call for below in dependant.dependencies for call in all_calls(below))
    return [dependant.call, *inner]


def routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def sockets() -> list[APIWebSocketRoute]:
    return [route for router in ROUTERS for route in router.routes
            if isinstance(route, APIWebSocketRoute)]


def test_all_routes_are_walked_here(cast: Cast) -> None:
    """What is no route of a router is one of these two, and no router has another kind of route."""
    loose = {getattr(route, "path", None) for route in make_app(cast.hub).routes} - {None}
    assert loose == {"/api/v1/openapi.json", "/static"}
    assert len(routes()) + len(sockets()) == sum(len(router.routes) for router in ROUTERS) > 0


def to_of(route: APIRoute | APIWebSocketRoute) -> To | None:
    found = [call.to for call in all_calls(route.dependant) if hasattr(call, "to")]
    return found[0] if found else None


def test_every_route_says_who_may() -> None:
    for route in (*routes(), *sockets()):
        guarded = to_of(route) is not None or signed_in in all_calls(route.dependant)
        assert guarded != (route.path in OPEN_PATHS), route.path
        assert ("{place}" in route.path) == (to_of(route) is not None), route.path


def filled(cast: Cast, path: str) -> str:
    """An address for `path`, with names that nothing has where it needs more than the place."""
    parts = [cast.place.ref if part == "{place}" else "zzzzzzzzzz" if "{" in part else part
             for part in path.split("/")]
    return "/".join(parts)


def test_the_wrong_person_is_refused_everywhere(cast: Cast, as_: AsRole) -> None:
    """A stranger sees nothing, a wrong role is told who can, nobody is sent to sign in."""
    clients = {name: as_(name) for name in [*Role, "stranger", "nobody"]}
    tried = 0
    for route in routes():
        to = to_of(route)
        if to is None:
            continue
        for method in route.methods:
            at = filled(cast, route.path)
            assert clients["stranger"].request(method, at).status_code == 404, at
            nobody = clients["nobody"].request(method, at)
            assert nobody.status_code in {303, 401}, at
            for role in set(Role) - RULES[to].roles:
                assert clients[role].request(method, at).status_code == 403, (method, at, role)
                tried += 1
    assert tried


def test_another_place_is_as_if_it_were_not_there(cast: Cast, as_: AsRole) -> None:
    _, other, _, _ = add_place(cast.hub, "Next door", ("Gate",))
    client = as_("owner")
    for route in routes():
        if to_of(route) is not None and "GET" in route.methods:
            theirs = client.get(filled(cast, route.path).replace(cast.place.ref, other.ref))
            none = client.get(filled(cast, route.path).replace(cast.place.ref, "aaaaaaaaaa"))
            assert theirs.status_code == none.status_code == 404
            assert theirs.content == none.content


def answer_to(client: TestClient, path: str, **headers: str) -> int:
    """What a browser that asks for a WebSocket there is told; 101 if it gets one."""
    try:
        with client.websocket_connect(f"ws{ORIGIN[4:]}{path}", headers=headers):
            return 101
    except WebSocketDenialResponse as refused:
        return refused.status_code
    except WebSocketDisconnect:
        return 0  # without a word


def test_the_wrong_person_gets_no_socket(cast: Cast, as_: AsRole) -> None:
    for route in sockets():
        to = to_of(route)
        if to is None:
            continue
        at = filled(cast, route.path)
        assert answer_to(as_("stranger"), at) == 404
        assert answer_to(as_("nobody"), at) == 401
        for role in Role:
            wanted = 404 if role in RULES[to].roles else 403  # no such door
            assert answer_to(as_(role), at) == wanted, (at, role)


def test_no_other_page_gets_a_socket(cast: Cast, as_: AsRole) -> None:
    client = as_("owner")
    del client.headers["sec-fetch-site"], client.headers["origin"]
    for route in sockets():
        at = filled(cast, route.path)
        assert answer_to(client, at, origin="https://evil.example") == 0
        assert answer_to(client, at, **{"sec-fetch-site": "cross-site"}) == 0


@pytest.mark.parametrize("headers", [
    {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    {"origin": "null", "sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {},
], ids=["cross-site", "null", "same-site", "nothing"])
def test_a_form_from_elsewhere_changes_nothing(
    cast: Cast, as_: AsRole, headers: dict[str, str],
) -> None:
    client = as_("owner")
    for name in ("origin", "sec-fetch-site"):
        del client.headers[name]
    for route in routes():
        for method in route.methods - {"GET", "HEAD"}:
            answer = client.request(method, filled(cast, route.path), headers=headers)
            assert answer.status_code == 403, route.path


def test_only_under_its_own_name(cast: Cast) -> None:
    with browser(cast.hub) as client:
        assert client.get("/", headers={"host": "evil.example"}).status_code == 421
        assert client.get("/sign-in", headers={"host": ORIGIN[7:]}).status_code != 421


def test_a_large_body_is_refused(cast: Cast, as_: AsRole) -> None:
    assert as_("owner").post("/sign-out", content=b"x" * 300_000).status_code == 413

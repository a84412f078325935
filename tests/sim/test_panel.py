"""The street's page over real HTTP: who may ask, what it does to a door, what it tells."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from mortice.core.door import Bolt
from mortice.drivers import Happening, InsideButton, KeyPressed
from mortice.drivers.simulated import SimulatedDoor
from mortice.sim.guard import NO_KEY, SECURITY_HEADERS, WRONG_HOST, WRONG_ORIGIN
from mortice.sim.panel import ACTS, BODY_BYTES, HOLD_SECONDS, Panel
from mortice.sim.street import Hint, LogLine, Silent, Street, StreetDoor


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str

    def json(self) -> dict[str, object]:
        answered: dict[str, object] = json.loads(self.body)
        return answered


@dataclass
class Notebook(Silent):
    """A voice whose log a test writes."""

    written: list[LogLine] = field(default_factory=list)

    def size(self) -> int | None:
        return len(self.written)

    def lines(self, since: int) -> list[LogLine]:
        return self.written[since:]

    def write(self, sentence: str) -> None:
        self.written.append(LogLine(len(self.written), 1e9, True, "Noted", "plain", sentence))


class Visitor:
    """Somebody who talks HTTP to a running page, as well or as badly as the test wants."""

    def __init__(self, panel: Panel, street: Street, url: str) -> None:
        parts = urlsplit(url)
        self.panel, self.street, self.url = panel, street, url
        self.host = parts.netloc
        self.token = parts.query.removeprefix("t=")
        self.cookie = f"mortice-street-{parts.port}={self.token}"
        self.door = street.doors["front"].hardware
        self.told: list[Happening] = []
        self.door.listen(self.told.append)

    async def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str | None
    ) -> Answer:
        """A request with everything right, except what `headers` change or take away."""
        sent: dict[str, str | None] = {"host": self.host, "cookie": self.cookie}
        if method == "POST":
            sent |= {"origin": f"http://{self.host}", "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in sent.items() if value is not None}
        return await asyncio.to_thread(_request, self.host, method, path, body, kept)

    async def act(self, act: str, **body: object) -> Answer:
        return await self.ask("POST", f"/door/front/{act}", json.dumps(body).encode())

    async def events(self) -> AsyncIterator[tuple[str, Any]]:
        """What the stream tells, event by event."""
        host, port = self.host.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"GET /events HTTP/1.1\r\nHost: {self.host}\r\nCookie: {self.cookie}\r\n\r\n".encode()
        )
        name = ""
        try:
            while line := (await reader.readline()).decode().rstrip():
                pass  # the headers
            while not reader.at_eof():
                line = (await reader.readline()).decode().rstrip()
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, json.loads(line.removeprefix("data: "))
        finally:
            writer.close()
            await writer.wait_closed()


def _request(
    host: str, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> Answer:
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read().decode())
    finally:
        connection.close()


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
async def visitor(notebook: Notebook) -> AsyncIterator[Visitor]:
    door = StreetDoor("front", "Front door", "14 Alder Road", "14", SimulatedDoor(), notebook)
    street = Street([door], [Hint("a PIN", code="123456")])
    door.hardware.changed = street.changed
    panel = Panel(street)
    url = await panel.start()
    yield Visitor(panel, street, url)
    await panel.stop()


# --- who may ask --------------------------------------------------------------------------------


async def test_the_address_that_the_demo_prints_leads_in(visitor: Visitor) -> None:
    answer = await visitor.ask("GET", f"/?t={visitor.token}", cookie=None)
    assert answer.status == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(visitor.cookie)
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    page = await visitor.ask("GET", "/")
    assert (page.status, "<title>" in page.body) == (200, True)


ALL_PATHS = ["/", "/panel.js", "/events", "/door/front/turn", "/nothing"]


@pytest.mark.parametrize("path", ALL_PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_without_its_token_the_page_says_nothing(
    visitor: Visitor, method: str, path: str
) -> None:
    for cookie in (None, "", f"{visitor.cookie}x", visitor.cookie[:-1], "other=1"):
        answer = await visitor.ask(method, path, b"{}" if method == "POST" else None, cookie=cookie)
        assert (answer.status, NO_KEY in answer.body) == (403, True)
    assert visitor.door.sight().bolt is Bolt.THROWN


async def test_a_token_counts_only_where_the_demo_puts_it(visitor: Visitor) -> None:
    for path in (f"/events?t={visitor.token}", f"/panel.js?t={visitor.token}"):
        assert (await visitor.ask("GET", path, cookie=None)).status == 403
    posted = await visitor.ask("POST", f"/?t={visitor.token}", b"{}", cookie=None)
    assert posted.status == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost", None])
async def test_a_page_under_another_name_is_refused(visitor: Visitor, host: str | None) -> None:
    answer = await visitor.ask("GET", "/", host=host)
    assert answer.status in (400, 403)
    if host is not None:
        assert WRONG_HOST in answer.body


async def test_localhost_is_this_computer_too(visitor: Visitor) -> None:
    host = visitor.host.replace("127.0.0.1", "localhost")
    assert (await visitor.ask("GET", "/", host=host)).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": None},
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": None},
    ],
    ids=str,
)
async def test_another_page_cannot_turn_the_knob(
    visitor: Visitor, wrong: dict[str, str | None]
) -> None:
    answer = await visitor.ask("POST", "/door/front/turn", b"{}", **wrong)
    assert (answer.status, WRONG_ORIGIN in answer.body) == (403, True)
    assert visitor.door.sight().bolt is Bolt.THROWN


async def test_every_answer_forbids_what_the_page_does_not_use(visitor: Visitor) -> None:
    for path in ("/", "/panel.css", "/nothing"):
        for cookie in (visitor.cookie, None):
            headers = (await visitor.ask("GET", path, cookie=cookie)).headers
            for name, value in SECURITY_HEADERS.items():
                assert headers[name.lower()] == value
    assert "unsafe" not in SECURITY_HEADERS["Content-Security-Policy"]


async def test_the_page_listens_on_this_computer_alone(visitor: Visitor) -> None:
    port = int(visitor.host.split(":")[1])
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.2", port), 0.2):
        pytest.fail("it answers at another address")


# --- the page -----------------------------------------------------------------------------------


async def test_everything_that_the_page_names_is_there(visitor: Visitor) -> None:
    page = (await visitor.ask("GET", "/")).body
    for path in ("/panel.css", "/panel.js", "/mark.svg"):
        assert path in page
        assert (await visitor.ask("GET", path)).status == 200


async def test_nothing_else_of_the_folder_is_served(visitor: Visitor) -> None:
    for path in ("/fonts/OFL-next.txt", "/../world.py", "/%2e%2e/world.py", "/index.html", "//"):
        assert (await visitor.ask("GET", path)).status == 404


# --- acts ---------------------------------------------------------------------------------------


async def test_a_key_of_the_keypad_is_pressed(visitor: Visitor) -> None:
    for symbol in ("7", "enter"):
        assert (await visitor.act("press", symbol=symbol)).json() == {"done": True}
    assert visitor.told == [KeyPressed("7"), KeyPressed("enter")]


async def test_the_page_says_whether_the_mechanics_let_it(visitor: Visitor) -> None:
    assert (await visitor.act("open")).json() == {"done": False}
    await visitor.act("turn")
    assert (await visitor.act("open")).json() == {"done": True}


async def test_every_act_is_done_to_the_door(visitor: Visitor) -> None:
    bodies: dict[str, dict[str, object]] = {"press": {"symbol": "1"}}
    for act in ACTS:
        assert (await visitor.act(act, **bodies.get(act, {}))).status == 200


async def test_the_inside_button_is_down_until_it_is_let_go(visitor: Visitor) -> None:
    await visitor.act("push")
    assert visitor.door.gauges().button
    await visitor.act("release")
    assert not visitor.door.gauges().button
    assert [type(told) for told in visitor.told] == [InsideButton]


async def test_a_button_held_for_a_while_is_let_go_by_itself(visitor: Visitor) -> None:
    let_go = asyncio.Event()
    visitor.door.listen(lambda told: isinstance(told, InsideButton) and let_go.set())
    await visitor.act("push", seconds=0.01)
    async with asyncio.timeout(5):
        await let_go.wait()
    assert not visitor.door.gauges().button


async def test_whoever_leaves_in_the_middle_of_a_word_does_no_harm(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = visitor.host.split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /door/front/turn HTTP/1.1\r\nHost: {visitor.host}\r\nCookie: {visitor.cookie}\r\n"
    rest = f"Origin: http://{visitor.host}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}{rest}Content-Length: 10\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await visitor.act("jam")).status == 200  # it listens on
    await visitor.panel.stop()  # and has dealt with everybody
    assert caplog.records == []
    assert visitor.door.sight().bolt is Bolt.THROWN


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("press", b"{}"),
        ("press", b'{"symbol": "10"}'),
        ("press", b'{"symbol": 1}'),
        ("push", b'{"seconds": 0}'),
        ("push", b'{"seconds": true}'),
        ("push", b'{"seconds": "1"}'),
        ("push", b'{"seconds": NaN}'),
        ("push", f'{{"seconds": {HOLD_SECONDS + 1}}}'.encode()),
        ("turn", b""),
        ("turn", b"[]"),
        ("turn", b"{"),
        ("turn", b"\xff"),
        ("turn", b"[" * BODY_BYTES),
        ("turn", b'{"x": "' + b"x" * BODY_BYTES + b'"}'),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_an_act_that_makes_no_sense_is_explained_and_changes_nothing(
    visitor: Visitor, act: str, body: bytes
) -> None:
    answer = await visitor.ask("POST", f"/door/front/{act}", body)
    assert answer.status == 400
    assert "expected" in str(answer.json()["why"])
    assert visitor.told == []
    assert visitor.door.sight().bolt is Bolt.THROWN


@pytest.mark.parametrize("path", ["/door/back/turn", "/door/front/drill", "/door/front/__class__"])
async def test_a_door_or_an_act_that_is_not_there_is_404(visitor: Visitor, path: str) -> None:
    assert (await visitor.ask("POST", path, b"{}")).status == 404


# --- the stream ---------------------------------------------------------------------------------


async def test_the_stream_begins_with_the_whole_street(
    visitor: Visitor, notebook: Notebook
) -> None:
    notebook.write("before the page was opened")
    async for name, news in visitor.events():
        assert name == "street"
        assert [door["slug"] for door in news["doors"]] == ["front"]
        assert news["hints"][0]["code"] == "123456"
        assert news["pictures"][0]["state"] == "locked"
        assert news["lines"]["front"][0]["sentence"] == "before the page was opened"
        break


async def test_what_happens_at_a_door_appears_by_itself(
    visitor: Visitor, notebook: Notebook
) -> None:
    heard = []
    async for name, news in visitor.events():
        heard.append((name, news))
        if name == "street":
            visitor.door.turn_inside()
            notebook.write("somebody turned the knob")
            continue
        break
    name, news = heard[1]
    assert name == "change"
    assert news["pictures"][0]["state"] == "unlocked"
    assert news["lines"]["front"][0]["sentence"] == "somebody turned the knob"


async def test_a_line_is_told_once(visitor: Visitor, notebook: Notebook) -> None:
    told: list[str] = []
    async for _, news in visitor.events():
        told += [line["sentence"] for line in news.get("lines", {}).get("front", [])]
        if len(told) < 5:
            notebook.write(str(len(told)))
            visitor.street.changed()
        if told[-1:] == ["4"]:
            break
    assert told == ["0", "1", "2", "3", "4"]


async def test_a_log_that_was_wiped_begins_anew(visitor: Visitor, notebook: Notebook) -> None:
    for number in range(3):
        notebook.write(f"old {number}")
    async for name, news in visitor.events():
        if name == "street":
            notebook.written.clear()
            notebook.write("new")
            visitor.street.changed()
            continue
        assert news["wiped"] == ["front"]
        assert [line["sentence"] for line in news["lines"]["front"]] == ["new"]
        break


async def test_two_pages_are_told_the_same(visitor: Visitor) -> None:
    async def first_change() -> object:
        async for name, news in visitor.events():
            if name == "street":
                ready.release()
            else:
                return news
        return None

    ready = asyncio.Semaphore(0)
    pages = [asyncio.ensure_future(first_change()) for _ in range(2)]
    for _ in pages:
        await ready.acquire()
    visitor.door.jam()
    first, second = await asyncio.gather(*pages)
    assert first == second


async def test_stopping_ends_open_streams(visitor: Visitor) -> None:
    events = visitor.events()
    await anext(events)
    await visitor.panel.stop()
    rest = [name async for name, _ in events]
    assert set(rest) <= {"change"}


async def test_a_port_that_is_taken_is_an_error(visitor: Visitor) -> None:
    port = int(visitor.host.split(":")[1])
    with pytest.raises(OSError, match="in use"):
        await Panel(visitor.street).start(port)

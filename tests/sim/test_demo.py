"""`mortice demo` as somebody starts it: in a process of its own, stopped by a signal."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mortice.client.home import Home
from mortice.core.refusal import Coarse
from mortice.sim import demo
from mortice.sim.cast import PLACES
from mortice.sim.demo import MARK, READY, DemoOptions
from mortice.sim.world import OWNER, World

SOURCE = Path(__file__).parents[2] / "src"
DOORS = [door.slug for place in PLACES for door in place.doors]
START = """
import sys
from pathlib import Path
from mortice.sim.demo import DemoOptions, run
sys.exit(run(DemoOptions(browser=False, json={json}, data=Path({data!r}), port={port}, history=0)))
"""


class Running:
    """A demo in a process of its own."""

    def __init__(self, data: Path, *, json: bool = True, port: int = 0) -> None:
        command = START.format(json=json, data=str(data), port=port)
        self.process = subprocess.Popen(
            [sys.executable, "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )

    def ready(self) -> dict[str, Any]:
        """The line for scripts."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        told: dict[str, Any] = json.loads(line)
        return told

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit code and what else was printed."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Running]]:
    """Every demo of a test; those still running at its end are killed."""
    running: list[Running] = []
    yield running
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def page(url: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_one_line_when_it_is_ready_and_ends_when_it_is_told(
    tmp_path: Path, started: list[Running], number: int
) -> None:
    started.append(Running(tmp_path / "demo"))
    told = started[0].ready()
    assert page(told["url"]) == 303
    assert [door["name"] for door in told["doors"]] == DOORS
    assert started[0].end(number) == (0, "", "")


def test_its_doors_answer_another_process(tmp_path: Path, started: list[Running]) -> None:
    started.append(Running(tmp_path / "demo"))
    told = started[0].ready()
    assert opened(told["home"], OWNER, "front-door") is None
    assert opened(told["home"], "Mallory", "front-door") is Coarse.NOT_ALLOWED


def opened(home: str, name: str, door: str) -> Coarse | None:
    """Open a door from here, as the command line would; the coarse code if it was refused."""
    from mortice.core.commands import Command  # noqa: PLC0415 - beside its only use

    visit = World(Path(home)).visit(name, door, Command.UNLOCK)
    return asyncio.run(visit).answer.coarse


def test_a_second_start_on_the_same_data_finds_the_same_doors(
    tmp_path: Path, started: list[Running]
) -> None:
    started.append(Running(tmp_path / "demo"))
    first = started[0].ready()
    started[0].end()
    started.append(Running(tmp_path / "demo"))
    second = started[1].ready()
    assert (second["doors"], second["pins"]) == (first["doors"], first["pins"])


def test_a_street_that_was_killed_is_found_again(tmp_path: Path, started: list[Running]) -> None:
    started.append(Running(tmp_path / "demo"))
    first = started[0].ready()
    started[0].end(signal.SIGKILL)
    started.append(Running(tmp_path / "demo"))
    second = started[1].ready()
    assert [door["lock"] for door in second["doors"]] == [door["lock"] for door in first["doors"]]
    assert opened(second["home"], OWNER, "front-door") is None


def test_two_at_once_in_one_folder_are_one_too_many(
    tmp_path: Path, started: list[Running], capsys: pytest.CaptureFixture[str]
) -> None:
    started.append(Running(tmp_path / "demo"))
    started[0].ready()
    for reset in (False, True):
        assert demo.run(DemoOptions(data=tmp_path / "demo", reset=reset)) == 1
        assert "a demo is running in" in capsys.readouterr().err
    assert (tmp_path / "demo" / READY).exists()


def test_a_port_in_use_is_one_clear_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert demo.run(DemoOptions(data=tmp_path / "demo", port=port, history=0)) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"port {port} cannot be used. Choose another with --port, or leave --port out.\n"
    )


def test_without_a_wish_the_next_free_port_is_taken(tmp_path: Path, started: list[Running]) -> None:
    started.extend(Running(tmp_path / name) for name in ("a", "b"))
    ports = {urlsplit(one.ready()["url"]).port for one in started}
    assert len(ports) == 2


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_number_that_is_no_port_is_one_clear_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], port: int
) -> None:
    assert demo.run(DemoOptions(data=tmp_path / "demo", port=port, history=0)) == 1
    assert "is no port" in capsys.readouterr().err


def test_a_folder_of_somebody_elses_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letters").write_text("dear")
    assert demo.run(DemoOptions(data=tmp_path, reset=True)) == 1
    assert "holds something that no demo made" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]


def test_a_place_that_cannot_be_used_is_one_clear_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert demo.run(DemoOptions(data=tmp_path / "file" / "demo")) == 1
    assert "cannot be used" in capsys.readouterr().err


def test_a_start_that_was_cut_off_half_way_begins_anew(
    tmp_path: Path, started: list[Running]
) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "site.json").write_text("half")
    (tmp_path / MARK).touch()
    started.append(Running(tmp_path))
    assert len(started[0].ready()["doors"]) == len(DOORS)


def test_reset_builds_another_street(tmp_path: Path, started: list[Running]) -> None:
    started.append(Running(tmp_path / "demo"))
    before = started[0].ready()["doors"]
    started[0].end()
    demo._prepare(tmp_path / "demo", reset=True)
    assert [path.name for path in (tmp_path / "demo").iterdir()] == [MARK]
    started.append(Running(tmp_path / "demo"))
    assert not {door["lock"] for door in before} & {
        door["lock"] for door in started[1].ready()["doors"]
    }


def test_for_people_it_prints_where_to_look_and_what_to_type(
    tmp_path: Path, started: list[Running]
) -> None:
    started.append(Running(tmp_path / "demo", json=False))
    assert started[0].process.stdout is not None
    said = ""
    while "Ctrl-C" not in said:
        said += started[0].process.stdout.readline()
    pin = Home(tmp_path / "demo").read("demo.json")["pins"][0]["pin"]
    assert "http://127.0.0.1:" in said
    assert f"{pin[:4]} {pin[4:]}" in said
    assert f"export MORTICE_HOME={tmp_path / 'demo'}" in said
    assert "lost-phone" in said


def test_without_the_web_stack_it_says_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("mortice.sim.panel_street", "mortice.sim.panel"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert demo.run(DemoOptions(data=tmp_path / "demo")) == 1
    assert capsys.readouterr().err == (
        "the street's page needs uvicorn, which is not installed.\n"
        "Install it with: pip install 'mortice[demo]'\n"
    )


def test_the_demo_loads_the_web_stack_only_for_the_street() -> None:
    check = "import sys, mortice.sim.demo; sys.exit('starlette' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    subprocess.run([sys.executable, "-c", check], check=True, env=environment)

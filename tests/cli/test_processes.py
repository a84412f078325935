"""The command as a process of its own: a lock that runs, signals, pipes, and the demo."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cli.terminal import PASSPHRASE, Terminal

ROOT = Path(__file__).parents[2]
ENV = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}
MORTICE = (sys.executable, "-m", "mortice")
PATIENCE_SECONDS = 60


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Shells start background jobs with SIGINT ignored, and children would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def mortice(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401 - of subprocess
    """Run the command as a process."""
    return subprocess.run(
        [*MORTICE, *map(str, words)], env=ENV, cwd=ROOT, text=True, check=False,
        capture_output=True, timeout=PATIENCE_SECONDS, stdin=subprocess.DEVNULL, **options)


@contextmanager
def running(*words: object) -> Iterator[subprocess.Popen[str]]:
    """A process that is stopped at the end."""
    process = subprocess.Popen(
        [*MORTICE, *map(str, words)], env=ENV, cwd=ROOT, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


def first_line(process: subprocess.Popen[str]) -> Any:  # noqa: ANN401 - whatever it prints
    """The one line of JSON with which it says that it is ready."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def do(process: subprocess.Popen[str], act: str) -> str:
    """Do something at a simulated door, and wait until the door has answered."""
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(act + "\n")
    process.stdin.flush()
    return process.stderr.readline()


def test_two_homes_and_a_lock_as_three_processes(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text(PASSPHRASE)
    words = ("--passphrase-file", tmp_path / "pass")
    owner, guest = ("--home", tmp_path / "owner"), ("--home", tmp_path / "guest")
    assert mortice(*owner, "site", "create", "Here", "--sheet-file", tmp_path / "sheet",
                   *words).returncode == 0
    with running("lock", "run", "--data", tmp_path / "lock", "--json") as lock:
        ready = first_line(lock)
        where = f"{ready['host']}:{ready['port']}"
        assert ready["owned"] is False
        assert do(lock, "button") == "The door is locked.\n"
        added = mortice(*owner, "door", "add", ready["code"], "--at", where, "--label", "Front",
                        *words)
        assert added.returncode == 0, added
        asked = mortice(*guest, "key", "request", "--as", "Ana").stdout.strip()
        given = mortice(*owner, "key", "give", "Ana", "--doors", "front", "--always", "--request",
                        asked, *words)
        assert mortice(*guest, "key", "add", given.stdout.strip()).returncode == 0

        opened = mortice(*guest, "--json", "door", "unlock", "front")
        assert (opened.returncode, json.loads(opened.stdout)["result"]) == (0, "opened")
        assert do(lock, "open") == "The door is open.\n"
        assert json.loads(mortice(*guest, "--json", "door", "show", "front").stdout)[
            "state"] == "open"

    stopped = mortice(*guest, "--json", "door", "unlock", "front")
    assert (stopped.returncode, json.loads(stopped.stdout)["result"]) == (4, "unreachable")


def test_a_pin_typed_at_a_simulated_door_opens_it(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text(PASSPHRASE)
    owner, words = ("--home", tmp_path / "owner"), ("--passphrase-file", tmp_path / "pass")
    mortice(*owner, "site", "create", "Here", "--sheet-file", tmp_path / "sheet", *words)
    with running("lock", "run", "--data", tmp_path / "lock", "--json") as lock:
        ready = first_line(lock)
        do(lock, "button")
        mortice(*owner, "door", "add", ready["code"], "--at", f"127.0.0.1:{ready['port']}",
                "--label", "Front", *words)
        pin = json.loads(mortice(*owner, "--json", "pin", "give", "Ana", "--door", "front").stdout)
        do(lock, pin["pin"])

        deadline = time.monotonic() + PATIENCE_SECONDS
        state = ""
        while state != "unlocked" and time.monotonic() < deadline:
            state = json.loads(mortice(*owner, "--json", "door", "show", "front").stdout)["state"]
        assert state == "unlocked"


def test_a_lock_keeps_its_owner_over_a_restart(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text(PASSPHRASE)
    owner, words = ("--home", tmp_path / "owner"), ("--passphrase-file", tmp_path / "pass")
    mortice(*owner, "site", "create", "Here", "--sheet-file", tmp_path / "sheet", *words)
    with running("lock", "run", "--data", tmp_path / "lock", "--json") as lock:
        ready = first_line(lock)
        do(lock, "button")
        mortice(*owner, "door", "add", ready["code"], "--at", f"127.0.0.1:{ready['port']}",
                "--label", "Front", *words)
    with running("lock", "run", "--data", tmp_path / "lock", "--json", "--listen",
                 f"127.0.0.1:{ready['port']}") as lock:
        assert first_line(lock)["owned"] is True
        assert mortice(*owner, "door", "unlock", "front").returncode == 0


def test_a_second_daemon_on_one_folder_says_so(tmp_path: Path) -> None:
    with running("lock", "run", "--data", tmp_path / "lock", "--json") as lock:
        first_line(lock)
        second = mortice("--json", "lock", "run", "--data", tmp_path / "lock")

    assert second.returncode == 1
    assert json.loads(second.stdout)["error"]["code"] == "not_started"


def test_a_port_that_is_taken_is_said_so(tmp_path: Path) -> None:
    with running("lock", "run", "--data", tmp_path / "lock", "--json") as lock:
        port = first_line(lock)["port"]
        second = mortice("lock", "run", "--data", tmp_path / "other", "--listen",
                         f"127.0.0.1:{port}")

    assert second.returncode == 1
    assert "listens at that address already" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.usefixtures("_interruptible")
def test_interrupting_exits_130(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text(PASSPHRASE)
    owner, words = ("--home", tmp_path / "owner"), ("--passphrase-file", tmp_path / "pass")
    mortice(*owner, "site", "create", "Here", "--sheet-file", tmp_path / "sheet", *words)
    with running("lock", "run", "--data", tmp_path / "lock", "--json") as lock:
        ready = first_line(lock)
        do(lock, "button")
        mortice(*owner, "door", "add", ready["code"], "--at", f"127.0.0.1:{ready['port']}",
                "--label", "Front", *words)
        with running(*owner, "log", "follow", "--door", "front", "--json") as follow:
            assert follow.stderr is not None
            assert follow.stderr.readline().startswith("Following Front")
            mortice(*owner, "door", "unlock", "front")
            lines = [first_line(follow)["kind"] for _ in range(2)]
            follow.send_signal(signal.SIGINT)
            assert follow.wait(PATIENCE_SECONDS) == 130

    assert lines == ["granted", "moved"]


def test_a_reader_that_has_had_enough_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m mortice -h | head -1", shell=True, env=ENV, cwd=ROOT, text=True,
        capture_output=True, check=True)

    assert done.stdout == "Examples:\n"
    assert done.stderr == ""


def test_a_passphrase_typed_at_a_terminal_is_not_shown(tmp_path: Path) -> None:
    try:
        child, terminal = pty.fork()
    except OSError:
        pytest.skip("needs a terminal: /dev/pts is not mounted here")
    if child == 0:
        os.chdir(ROOT)
        os.execve(sys.executable, [
            *MORTICE, "--home", str(tmp_path / "home"), "site", "create", "Here", "--sheet-file",
            str(tmp_path / "sheet")], ENV)
    seen = b""
    for question in (b"characters): ", b"again: "):
        seen += read_until(terminal, question)
        os.write(terminal, PASSPHRASE.encode() + b"\n")
    seen += read_until(terminal, b"--label NAME")
    _, status = os.waitpid(child, 0)
    os.close(terminal)

    assert os.waitstatus_to_exitcode(status) == 0
    assert PASSPHRASE.encode() not in seen


def read_until(terminal: int, words: bytes) -> bytes:
    """What a terminal shows, up to and with some words."""
    seen = b""
    while words not in seen:
        assert select.select([terminal], [], [], PATIENCE_SECONDS)[0], seen
        seen += os.read(terminal, 4096)
    return seen


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_a_terminal_without_the_letters_is_no_error(tmp_path: Path, locale: str) -> None:
    printed = subprocess.run(
        [*MORTICE, "--home", tmp_path / "home", "doctor"], cwd=ROOT, check=False,
        capture_output=True, env={**ENV, "LC_ALL": locale, "PYTHONUTF8": "0",
                                  "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"})

    assert printed.returncode == 1
    assert b"Traceback" not in printed.stderr


def test_the_demo_is_a_home_for_this_command(tmp_path: Path) -> None:
    with running("demo", "--no-browser", "--json", "--data", tmp_path / "street") as demo:
        ready = first_line(demo)
        home = Terminal(Path(ready["home"]))
        door = next(door for door in ready["doors"] if door["name"] == "front-door")
        opened = home.run("--json", "door", "unlock", "front")
        stranger = home.run("--json", "--as", "mallory", "door", "unlock", "front")
        tested = home.run("--json", "door", "test", "front")
        key = home.run("door", "key", "front").out.strip()

    assert (opened.code, opened.json["result"]) == (0, "opened")
    assert (stranger.code, stranger.json["reason"]) == (3, "not_allowed")
    assert tested.code == 0, tested
    assert key == door["lock_key"]


def test_a_scene_prints_its_steps_and_exits_0() -> None:
    played = mortice("demo", "--scene", "passed-on", "--json")
    shown = json.loads(played.stdout)

    assert (played.returncode, list(shown)) == (0, ["scene", "ok", "steps"])


def test_an_unknown_scene_is_said_so() -> None:
    assert mortice("demo", "--scene", "nosuch").returncode == 2

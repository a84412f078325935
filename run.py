#!/usr/bin/env python3
"""Everything in one command, from a fresh clone, with Python 3.11 or later and nothing else.

  python3 run.py demo [options]      a street of simulated doors, in your browser
  python3 run.py mortice ARGS        the mortice command (try: mortice --help)
  python3 run.py test [options]      the tests; options go to pytest
  python3 run.py bench [options]     the benchmarks
  python3 run.py check               what must pass before a change is merged

The first run makes the folder .venv and installs into it exactly what requirements.lock names,
each file checked against its hash. Delete .venv whenever you like; nothing else is touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "requirements.lock"
VENV = ROOT / ".venv"
STAMP = VENV / "installed"  # written last, so an install that was cut short is done again
PYTHON = VENV / "bin" / "python"
# The Python outside any virtual environment: run.py may be started from the one it replaces.
INTERPRETER = os.path.realpath(sys.executable)
OLDEST = (3, 11)
FAILED, USAGE = 1, 2  # exit codes, as in the mortice command

CHECKS = (
    "ruff check --output-format concise .",
    "mypy",
    "lint-imports --no-logo",
    # of what, and how much at least: pyproject.toml; elsewhere counting takes a third of the time
    "pytest -n auto --dist loadfile tests/core tests/vectors --cov",
    # in the order of folders: else xdist keeps files with few tests, the longest, for the end
    "pytest -n auto --dist loadfile --no-loadscope-reorder --ignore tests/core --ignore tests/vectors",
)


def main(words: list[str]) -> NoReturn:
    if sys.version_info < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        stop(
            f"this is Python {sys.version.split()[0]}, and Mortice needs {wanted} or later.",
            f"Install a newer Python, then start this script with it: python{wanted} run.py …",
        )
    if not words or words[0] in ("help", "-h", "--help"):
        print(__doc__)
        sys.exit(0 if words else USAGE)
    command, options = words[0], words[1:]
    if command == "mortice":
        start(["-m", "mortice", *options])
    if command == "demo":
        start(["-m", "mortice", "demo", *options])
    if command == "test":
        start(["-m", "pytest", *options], at=ROOT)
    if command == "bench":
        start(["-m", "bench", *options], at=ROOT)
    if command == "check" and not options:
        check()
    stop(
        f"there is no command '{' '.join(words)}'.",
        "Choose demo, mortice, test, bench or check; 'python3 run.py help' explains them.",
        USAGE,
    )


def start(arguments: list[str], at: Path | None = None) -> NoReturn:
    """Become the command, so that its signals and exit code are the caller's."""
    install_if_changed()
    if at:
        os.chdir(at)
    sys.stdout.flush()
    os.execve(PYTHON, [str(PYTHON), *arguments], environment())


def check() -> NoReturn:
    install_if_changed()
    failed = []
    for line in CHECKS:
        say(f"{line} …")
        program, *options = line.split()
        if run([str(VENV / "bin" / program), *options], cwd=ROOT, env=environment()):
            failed.append(program)
    if failed:
        say("failed: " + ", ".join(failed))
    sys.exit(FAILED if failed else 0)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def install_if_changed() -> None:
    if is_installed():
        return
    with only_one():
        if not is_installed():  # somebody else may have done it while we waited
            install()


def is_installed() -> bool:
    return STAMP.is_file() and STAMP.read_text() == fingerprint()


def fingerprint() -> str:
    """Change when the pins, the interpreter or the place of this folder change."""
    parts = (LOCK.read_text(), sys.version, INTERPRETER, str(ROOT))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Let one process install at a time; the lock is free when it and its pip have ended."""
    with (ROOT / ".venv.lock").open("w") as file:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003 (how Python named it)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run.py to finish installing …")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install() -> None:
    count = sum("==" in line for line in LOCK.read_text().splitlines())
    say(f"installing {count} packages into .venv (once; about half a minute) …")
    pip = [*new_environment(), "--disable-pip-version-check", "--no-input", "-qq"]
    exact = ["--require-hashes", "--only-binary", ":all:", "--requirement", str(LOCK)]
    if run([*pip, "install", *exact], stdout=sys.stderr):
        stop(
            "the packages could not be installed; pip says why above.",
            "Most often there is no network, or a proxy is not set (HTTPS_PROXY). "
            "Nothing outside .venv was touched: put it right and run the same command again.",
        )
    STAMP.write_text(fingerprint())
    say("installed.")


def new_environment() -> list[str]:
    """Make an empty .venv and return the command that is its pip."""
    STAMP.unlink(missing_ok=True)
    shutil.rmtree(VENV, ignore_errors=True)
    make = [INTERPRETER, "-m", "venv"]
    if not run([*make, str(VENV)], capture_output=True):
        return [str(PYTHON), "-m", "pip"]
    # Debian without python3-venv has no ensurepip, but its own pip can install from outside.
    bare = run([*make, "--clear", "--without-pip", str(VENV)], capture_output=True)
    pip = [INTERPRETER, "-m", "pip", "--python", str(PYTHON)]
    if bare or run([*pip, "--version"], capture_output=True):
        stop(
            "this Python can make no virtual environment: it has neither ensurepip nor pip.",
            "On Debian or Ubuntu: sudo apt install python3-venv. Then run the same command again.",
        )
    return pip


def run(command: list[str], **how: Any) -> int:  # noqa: ANN401 (what subprocess.run takes)
    return subprocess.run(command, check=False, close_fds=False, **how).returncode


def say(line: str) -> None:
    print(f"run.py: {line}", file=sys.stderr, flush=True)


def stop(what: str, next_step: str, code: int = FAILED) -> NoReturn:
    say(what)
    say(next_step)
    sys.exit(code)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)  # what a shell reports for Ctrl-C

"""Makes the environment in which other people's COSE libraries run, once, in a folder git ignores.

They ask for other versions of packages than we do, so they live apart and are spoken to by JSON.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
LOCK = HERE / "requirements.lock"
CACHE = HERE.parents[1] / ".venv-oracles"


def interpreter() -> Path:
    """The Python that has the oracles; made on the first call. Skips the test if it cannot be."""
    CACHE.mkdir(exist_ok=True)
    name = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:16]
    made = CACHE / name
    with (CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # several workers may want it at once
        if not (made / "whole").exists():
            _make(made)
            (made / "whole").touch()
    return made / "bin" / "python"


def _make(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    pip = _empty_environment(folder)
    _run([*pip, "--disable-pip-version-check", "--no-input", "-qq", "install", "--require-hashes",
          "--only-binary", ":all:", "--requirement", str(LOCK)])


def _empty_environment(folder: Path) -> list[str]:
    """As in run.py: Debian without python3-venv has no ensurepip, but a pip that helps out."""
    if subprocess.run([sys.executable, "-m", "venv", folder], check=False,
                      capture_output=True).returncode == 0:
        return [str(folder / "bin" / "python"), "-m", "pip"]
    _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)])
    return [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]


def _run(command: list[str]) -> None:
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if ended.returncode:
        pytest.skip(f"needs the packages of tests/oracles/requirements.lock: {ended.stderr[-200:]}")


def ask(jobs: list[dict[str, Any]]) -> list[Any]:
    """What peer.py answers to each of `jobs`, in order."""
    ended = subprocess.run(
        [str(interpreter()), str(HERE / "peer.py")], input=json.dumps(jobs), check=False,
        capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    answers: list[Any] = json.loads(ended.stdout)
    return answers

r"""The peers' own environment, .venv-bench: other projects' packages, kept out of ours.

Made on the first use from bench/requirements.lock, each file checked against its hash. Delete it
whenever you like. To change a pin, compile the four names in PEERS anew, for Linux:

  uv pip compile --python-platform linux --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-annotate --no-header --only-binary :all: \
    --no-binary chacha20poly1305 PEERS.txt -o bench/requirements.lock
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "bench" / "requirements.lock"
VENV = ROOT / ".venv-bench"
STAMP = VENV / "installed"  # written last
PYTHON = VENV / "bin" / "python"
PEERS = ("aiohomekit==4.*", "hap-python==5.*", "cryptography==50.*", "pynacl==1.6.*")
SOURCE_ONLY = "chacha20poly1305"  # pure Python, published without a wheel


class NoPeers(Exception):
    """The environment could not be made. The message is one line."""


def python() -> Path:
    """The environment's interpreter, made if need be. Raises NoPeers."""
    if not _is_installed():
        print("  installing the peers into .venv-bench (once) …", file=sys.stderr, flush=True)
        _install()
    return PYTHON


def variables() -> dict[str, str]:
    """So that a process in either environment finds the product and these benchmarks.

    Bytecode is kept, as it is of whatever is installed: nothing compiles its source at each start.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}


def _fingerprint() -> str:
    return hashlib.sha256((LOCK.read_text("utf-8") + sys.version + str(ROOT)).encode()).hexdigest()


def _is_installed() -> bool:
    return STAMP.is_file() and STAMP.read_text("utf-8") == _fingerprint()


def _install() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    interpreter = os.path.realpath(sys.executable)
    if _fails([interpreter, "-m", "venv", str(VENV)]):
        _stop("this Python can make no virtual environment (Debian: python3-venv)")
    if _fails([str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", "-qq",
               "install", "--require-hashes", "--only-binary", ":all:",
               "--no-binary", SOURCE_ONLY, "--requirement", str(LOCK)]):
        _stop("the peers' packages could not be installed (no network?)")
    STAMP.write_text(_fingerprint(), "utf-8")


def _fails(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


def _stop(why: str) -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    raise NoPeers(why)

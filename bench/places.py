"""Where a lock's data lies while it is measured: on a disk, or in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # on every Linux
DISKS = (Path("/var/tmp"), Path(__file__).parent, Path(tempfile.gettempdir()))


class NoSuchPlace(Exception):
    """This machine has no folder of that kind. The message says so."""


@contextmanager
def memory_folder() -> Iterator[Path]:
    """A folder in memory: syncing it costs nothing. Gone at the end."""
    if not is_memory(SHARED_MEMORY):
        raise NoSuchPlace(f"{SHARED_MEMORY} is not a memory disk here")
    with tempfile.TemporaryDirectory(prefix="mortice-bench-", dir=SHARED_MEMORY) as folder:
        yield Path(folder)


@contextmanager
def disk_folder() -> Iterator[Path]:
    """A folder on a disk that a sync really reaches. Gone at the end."""
    place = next((path for path in DISKS if path.is_dir() and not is_memory(path)), None)
    if place is None:
        raise NoSuchPlace("every folder for temporary files lies in memory here")
    with tempfile.TemporaryDirectory(prefix="mortice-bench-", dir=place) as folder:
        yield Path(folder)


def is_memory(path: Path) -> bool:
    """Does `path` lie in memory? The longest mount point above it decides."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    above = [
        (len(mount[1]), mount[2]) for mount in mounts if path.resolve().is_relative_to(mount[1])]
    return max(above)[1] in {"tmpfs", "ramfs"}

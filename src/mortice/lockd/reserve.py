"""Room set aside on the disk, so that a full one still records openings by owner and residents.

While the reserve is in use, others are refused and what happens without a decision is only counted.
The count outlives a power cut: its file is there from the start and is overwritten in place, which
a full disk allows.

Spec: spec/log.md, section 8.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

SPARE_BYTES = 2 << 20  # 1,000 entries of up to 1 kB, and the write-ahead file between two foldings
ROOM_BYTES = 2 * SPARE_BYTES  # free again before the reserve is set aside anew
COUNT_BYTES = 8


class Reserve:
    """The spare file of one lock, and how many entries found no room."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spare, self._counter = folder / "spare", folder / "left-off"
        self.in_use = False
        self.left_off = self._begin_count()
        self._set_aside()

    def _begin_count(self) -> int:
        with contextlib.suppress(OSError):
            if self._counter.exists():
                return int.from_bytes(self._counter.read_bytes(), "big")
            self._counter.write_bytes(bytes(COUNT_BYTES))
        return 0

    def _set_aside(self) -> None:
        try:
            if not self._spare.exists() or self._spare.stat().st_size != SPARE_BYTES:
                self._spare.write_bytes(bytes(SPARE_BYTES))
        except OSError:
            self.release()

    def release(self) -> None:
        """Give the reserve back to the disk: from here on only owner and residents are served."""
        self.in_use = True
        with contextlib.suppress(OSError):
            self._spare.unlink(missing_ok=True)

    def regain(self) -> bool:
        """Set a reserve aside again, if the disk has room."""
        if not self.in_use or shutil.disk_usage(self._folder).free < ROOM_BYTES:
            return False
        self.in_use = False
        self._set_aside()
        return not self.in_use

    def leave_off(self) -> None:
        """Count one entry that is not written."""
        self._keep_count(self.left_off + 1)

    def told(self) -> None:
        """The count stands in the log."""
        self._keep_count(0)

    def _keep_count(self, count: int) -> None:
        self.left_off = count
        with contextlib.suppress(OSError), self._counter.open("r+b") as file:
            file.write(count.to_bytes(COUNT_BYTES, "big"))

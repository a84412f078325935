"""The systemd units that are handed out are well formed, and give away little."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs_systemd
UNITS = sorted((Path(__file__).parents[2] / "deploy").glob("*.service"))
EXPOSURE_MAX = 2.0  # of 10, by systemd's own count; an ordinary service has 9.6


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_exposes_little(unit: Path) -> None:
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", unit],
        capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", told.stdout)
    assert found, told.stderr
    assert float(found[1]) <= EXPOSURE_MAX


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_is_read_without_complaint(unit: Path, tmp_path: Path) -> None:
    here = tmp_path / unit.name
    here.write_text(unit.read_text("utf-8").replace("/opt/mortice/bin/mortice", "/bin/true"))
    told = subprocess.run(
        ["systemd-analyze", "verify", here], capture_output=True, text=True, check=False)
    assert unit.name not in told.stderr, told.stderr

"""The worked door sets come out exactly as they were worked."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from mortice.assess.assessment import Assessment, as_json, assess
from mortice.assess.doorset import read_door_sets
from mortice.assess.model import model
from mortice.cli.app import root

DAY = date(2026, 11, 25)
CASES = Path(__file__).parent / "worked.yaml"
WORKED = {  # level, could be, life safety, the insurer's usual clause, what caps
    "X01": (2, 2, "PASS", "met", {"P-DOOR", "P-LOCK", "P-INST"}),
    "X02": (1, 1, "PASS", "met", {"P-LOCK", "P-INST"}),
    "X03": (3, 3, "PASS", "met", None),
    "X04": (1, 2, "PASS", "met", {"P-LOCK"}),
    "X06": (2, 2, "FAIL", "met", None),
    "X09": (0, 0, "PASS", "not met", None),
    "X10": (2, 2, "PASS", "ask", {"E-DEV"}),
}


@pytest.fixture(scope="module")
def judged() -> dict[str, Assessment]:
    doors = read_door_sets(CASES.read_text("utf-8"), "yaml", model())
    return {door.name[:3]: assess(model(), door, DAY) for door in doors}


@pytest.mark.parametrize("name", WORKED)
def test_a_worked_case_has_its_verdict(judged: dict[str, Assessment], name: str) -> None:
    level, could_be, life, insurer, capped = WORKED[name]
    said = as_json(model(), judged[name])
    assert (said["level"], said["could_be"], said["life_safety"]) == (level, could_be, life)
    assert said["insurer"]["reading"] == insurer
    assert capped is None or set(said["capped_by"]) == capped


def test_software_at_its_best_is_worth_nothing_on_a_cylinder_that_snaps(
    judged: dict[str, Assessment]) -> None:
    digital = {name: each.level for name, each in judged["X02"].verdict.layers.items()
               if not name.startswith("P-") and name != "E-DEV"}
    assert set(digital.values()) == {4}
    assert judged["X02"].verdict.level == 1


def test_our_own_controller_is_held_down_by_its_electronics(
    judged: dict[str, Assessment]) -> None:
    verdict = judged["X10"].verdict
    assert (verdict.layers["P-DOOR"].level, verdict.layers["P-LOCK"].level) == (4, 4)
    assert verdict.layers["E-DEV"].level == 2


def test_the_command_prints_what_scripts_read(tmp_path: Path) -> None:
    file = tmp_path / "door.toml"
    file.write_text('[facts]\nleaf_sound = "photo"\ndeadlocking_device = "photo"\n'
                    'bolt_throws_fully = "owner"\n', encoding="utf-8")
    ran = CliRunner().invoke(root, ["assess", "door", str(file), "--json"])
    said = json.loads(ran.output)
    assert {"level", "could_be", "life_safety", "layers", "capped_by", "insurer",
            "advice"} <= said.keys()
    assert (said["level"], said["could_be"], said["life_safety"]) == (1, 4, "UNKNOWN")

"""No everyday task is forgotten, and the page that tells of them is true."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.journeys.tasks import BUSINESS, HOME, LETTING, PAGE, TASKS, table

HERE = Path(__file__).parent


def test_every_task_is_listed_eight_for_each() -> None:
    assert [task.whom for task in TASKS] == [HOME] * 8 + [LETTING] * 8 + [BUSINESS] * 8
    assert len({task.words for task in TASKS}) == len(TASKS)


def test_each_task_has_a_test_that_exists_or_a_reason() -> None:
    for task in TASKS:
        assert bool(task.test) is not bool(task.not_yet), task.words
        assert bool(task.test) is bool(task.goes_wrong) is bool(task.taps), task.words
    named = {task.test for task in TASKS if task.test}
    assert named == set(_tests("test_homeowner.py", "test_landlord.py", "test_business.py"))


def _tests(*files: str) -> list[str]:
    return [each.name for file in files
            for each in ast.parse((HERE / file).read_text(encoding="utf-8")).body
            if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")]


def test_the_page_of_tasks_is_what_the_list_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == table(), "run python tests/journeys/tasks.py"

"""The pages on conformity are what their data says, and what they promise stands in one place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.assess.test_conformity import is_there
from tests.cli.terminal import run

import mortice
from mortice.assess.conformity import TITLES, conformity_as_text
from mortice.assess.model import read_data
from mortice.cli.sbom import read_sbom, sbom
from mortice.hub.access import READS, RULES, Role, To
from mortice.hub.privacy import KINDS, LEAST, MOST

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "conformity"
LOCK = ROOT / "requirements.lock"
BILL = PAGES / "sbom.cdx.json"
PSTI = read_data("conformity/psti")
POLICY = " ".join((ROOT / "SECURITY.md").read_text("utf-8").split())
EXAMPLES = sorted(PAGES.glob("dpia-*.md"))


@pytest.mark.parametrize("name", TITLES)
def test_the_page_is_what_its_data_says(name: str) -> None:
    """To make it again: mortice conformity NAME > docs/conformity/NAME.md."""
    assert (PAGES / f"{name}.md").read_text("utf-8") == conformity_as_text(name)


def test_the_policy_says_whom_to_tell_and_when_they_answer() -> None:
    report = PSTI["report"]
    assert "Report a vulnerability" in POLICY
    assert f"within **{report['acknowledged_within_working_days']} working days**" in POLICY
    assert f"every **{report['news_every_days']} days**" in POLICY
    assert "not say who you are" in POLICY


def test_the_end_of_support_is_one_date_everywhere() -> None:
    until = PSTI["support"]["until"]
    assert f"promised until **{until.day} {until:%B %Y}**" in POLICY
    assert re.findall(r"\d+ \w+ 20\d\d", POLICY) == [f"{until.day} {until:%B %Y}"]
    assert until.isoformat() in PSTI["statement"]["the defined support period"]
    assert f"- until: {until.isoformat()}\n" in (PAGES / "psti.md").read_text("utf-8")


def test_nobody_says_that_there_is_a_product() -> None:
    assert PSTI["placed_on_market"] is False
    assert PSTI["statement"]["signature, name and function of the signatory"] == ""
    text = (PAGES / "psti.md").read_text("utf-8")
    assert "for the manufacturer to fill in" in text


# --- the examples of assessments ------------------------------------------------------------------


def keeping(page: Path) -> dict[str, tuple[int, int]]:
    """The table of what is kept: the hub's own days, and those of the example."""
    found = re.findall(r"(?m)^\| ([^|]+) \| (\d+) \| (\d+) \| [^|]+ \|$", page.read_text("utf-8"))
    return {label: (int(default), int(here)) for label, default, here in found}


def test_the_examples_say_what_the_hub_really_does() -> None:
    assert [page.stem for page in EXAMPLES] == ["dpia-hmo", "dpia-home", "dpia-office"]
    for page in EXAMPLES:
        table = keeping(page)
        assert {label: days for label, (days, _) in table.items()} == {
            kind.label: kind.days for kind in KINDS}, page.name
        assert all(LEAST <= here <= MOST for _, here in table.values())


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.stem)
def test_an_example_says_that_it_is_one_and_what_shows_its_measures(page: Path) -> None:
    text = page.read_text("utf-8")
    assert "> **An example.**" in text
    assert text.splitlines()[0].endswith("(an example)")
    named = re.findall(r"`(tests/[^`]+)`", text)
    assert len(named) >= 5
    assert [each for each in named if "::" not in each or not is_there(each)] == []
    assert [int(step) for step in re.findall(r"(?m)^## (\d)", text)] == [1, 2, 3, 4, 5, 7]


def test_who_sees_what_in_the_examples_is_the_funnels_word() -> None:
    """An auditor reads what happened, and no people or settings; a member reads their own."""
    assert Role.AUDITOR in RULES[To.SEE_ACTIVITY].roles & RULES[To.EXPORT].roles
    assert Role.AUDITOR not in RULES[To.SEE_PEOPLE].roles | RULES[To.SEE_SETTINGS].roles
    assert Role.MEMBER not in READS


# --- what it is built on --------------------------------------------------------------------------


def bill() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(BILL.read_text("utf-8"))
    return made


def test_the_bill_is_what_the_lock_and_the_packages_say() -> None:
    """To make it again: mortice conformity sbom > docs/conformity/sbom.cdx.json."""
    assert bill() == read_sbom(LOCK, mortice.__version__)


def test_every_pin_is_on_the_bill_with_its_hashes() -> None:
    text = LOCK.read_text("utf-8")
    pins = dict(re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", text))
    parts = {part["name"]: part for part in bill()["components"]}
    assert {name: part["version"] for name, part in parts.items()} == pins
    assert sum(len(hashes(part)) for part in parts.values()) == text.count("--hash=sha256:")


def hashes(part: dict[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = part["externalReferences"][0]["hashes"]
    return found


def test_the_bill_has_what_its_format_asks_for() -> None:
    """By hand, field by field: CycloneDX 1.6's own schema is not among the developers' packages."""
    made = bill()
    assert (made["bomFormat"], made["specVersion"], made["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                        made["serialNumber"])
    main = made["metadata"]["component"]
    assert (main["type"], main["name"], main["version"]) == (
        "application", "mortice", mortice.__version__)
    assert "timestamp" not in made["metadata"]
    parts = made["components"]
    refs = [main["bom-ref"], *(part["bom-ref"] for part in parts)]
    assert len(set(refs)) == len(refs)
    for part in parts:
        assert part["type"] == "library"
        assert part["name"]
        assert part["scope"] in {"required", "optional", "excluded"}
        assert part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}"
        assert all(each["alg"] == "SHA-256" and re.fullmatch(r"[0-9a-f]{64}", each["content"])
                   for each in hashes(part))
        assert all(ok(each) for each in part.get("licenses", ()))
        assert len(part.get("licenses", ())) == 1 or not any(
            "expression" in each for each in part.get("licenses", ()))
    assert [each["ref"] for each in made["dependencies"]] == refs
    assert {ref for each in made["dependencies"] for ref in each["dependsOn"]} <= set(refs)


def ok(licence: dict[str, Any]) -> bool:
    return list(licence) == ["expression"] or list(licence.get("license", ())) == ["name"]


def test_what_runs_is_told_from_what_only_developers_need() -> None:
    scopes = {part["name"]: part["scope"] for part in bill()["components"]}
    assert scopes["cryptography"] == scopes["cffi"] == scopes["click"] == "required"
    assert scopes["sqlalchemy"] == scopes["starlette"] == scopes["psycopg-binary"] == "optional"
    assert scopes["pytest"] == scopes["ruff"] == scopes["mypy"] == "excluded"
    runs = {name for name, scope in scopes.items() if scope != "excluded"}
    assert [name for name in written_about() if name not in runs] == []
    unlicensed = [part["name"] for part in bill()["components"]
                  if part["scope"] != "excluded" and "licenses" not in part]
    assert unlicensed == []


def written_about() -> Iterator[str]:
    """The packages that the decision on dependencies lists before those of developers."""
    page = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text("utf-8")
    for row in re.findall(r"(?m)^\| (`.*?) \|", page.partition("## What only developers need")[0]):
        yield from re.findall(r"`([\w-]+)`", row)


def test_another_lock_has_another_serial_number_and_the_same_lock_the_same() -> None:
    text = LOCK.read_text("utf-8")
    project = {"name": "mortice", "license": "Apache-2.0", "dependencies": ["click>=8"],
               "optional-dependencies": {"hub": ["jinja2>=3"]}}
    first, again = sbom(text, project, "1"), sbom(text, project, "1")
    assert first == again
    other = sbom(re.sub(r"(?m)^click==\S+", "click==0.0.1", text), project, "1")
    assert other["serialNumber"] != first["serialNumber"]
    part = next(part for part in other["components"] if part["name"] == "click")
    assert part["version"] == "0.0.1"
    assert "licenses" not in part  # what is installed here is another one


def test_the_command_prints_the_bill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert run("--json", "conformity", "sbom").json == bill()
    printed = run("conformity", "sbom", LOCK)
    assert printed.out == BILL.read_text("utf-8")
    assert "without a licence" in printed.err


@pytest.mark.parametrize("project", [None, "", "[project]\nname = 'x'\n", "= 1"],
                         ids=["none", "empty", "another", "broken"])
def test_a_lock_that_is_none_is_said_so(tmp_path: Path, project: str | None) -> None:
    lock = tmp_path / "requirements.lock"
    if project is not None:
        lock.write_text("click==8\n", "utf-8")
        (tmp_path / "pyproject.toml").write_text(project, "utf-8")
    said = run("--json", "conformity", "sbom", lock)
    assert said.code == 1
    assert said.problem["code"] == "no_lock"

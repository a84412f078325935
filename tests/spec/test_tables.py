"""Tables in the text that repeat a table of the code: each is compared row by row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.spec.pages import SPEC, pages, table

from mortice.core import limits
from mortice.core.commands import COMMANDS, Command
from mortice.core.door import MOVING, STATES, Bolt, Leaf
from mortice.core.errors import Untrusted
from mortice.core.grant import ALL_FACTORS, ALL_RIGHTS, CredentialKind, KeyClass, Rights
from mortice.core.log import About, Kind, Result
from mortice.core.messages import COARSE_NUMBERS, Carried
from mortice.core.pin import Entry, PinPolicy, Spent, digits_needed, weakness
from mortice.core.refusal import WORDS, Reason
from mortice.core.site import Role
from mortice.core.stages import Factors, TimeState, Towards
from mortice.lockd.deliver import TAKERS
from mortice.lockd.reasons import BY_CHECK, reason_of
from mortice.lockd.record import READERS

PAGES = pages()
CODE = Path(limits.__file__).parents[1]


def words(cell: str) -> str:
    return cell.strip("`").replace(" ", "_")


def numbered(page: str, heading: str, name: int = 1) -> dict[int, str]:
    """A table of numbers in the first column and names in another."""
    return {int(cells[0]): words(cells[name]) for cells in table(PAGES[page], heading)}


def names_of(enumeration: object) -> dict[int, str]:
    return {int(each): each.name.lower() for each in enumeration}  # type: ignore[attr-defined]


# --- lists of numbers ----------------------------------------------------------------------------


def test_rights() -> None:
    listed = numbered("grant", "## 3. Rights")
    assert listed == names_of(Rights)
    assert sum(listed) == ALL_RIGHTS


def test_factors() -> None:
    listed = numbered("grant", "## 5. Factors")
    assert listed == names_of(Factors)
    assert sum(listed) == ALL_FACTORS


def test_classes_of_keys() -> None:
    row = next(cells for cells in table(PAGES["grant"], "The limits.") if cells[1] == "class")
    assert dict(re.findall(r"(\d) (\w+)", row[2].split(" (")[0])) == {
        str(number): name for number, name in names_of(KeyClass).items()}


def test_kinds_of_credentials() -> None:
    row = next(cells for cells in table(PAGES["enrolment"], "## 1.") if cells[1] == "kind")
    assert {int(n): name.lower() for n, name in re.findall(r"(\d) (\w+)", row[2])} == names_of(
        CredentialKind)


def test_roles() -> None:
    assert numbered("site", "## 2. Roles") == names_of(Role)


def test_states_of_the_clock() -> None:
    rows = table(PAGES["time"], "`at` is never below the floor.")
    assert {int(cells[1]): cells[0] for cells in rows} == names_of(TimeState)


def test_what_a_request_carries() -> None:
    assert {int(cells[0]) for cells in table(PAGES["messages"], "## 4. What comes along")} == set(
        Carried)


def test_results() -> None:
    assert numbered("messages", "A stranger gets the coarse code and nothing else.") == names_of(
        Result)


def test_kinds_of_entries() -> None:
    rows = table(PAGES["log"], "powered-on seconds. 16 fresh")
    listed = {int(cells[0]): words(cells[1].split(":")[0]) for cells in rows}
    assert listed == names_of(Kind)


def test_what_an_entry_is_about() -> None:
    rows = table(PAGES["log"], "| 25 | checked")
    assert {int(cells[0]): words(cells[1]) for cells in rows} == names_of(About)
    assert [reader.value for reader in READERS] == ["link", "keypad", "inside"]


def test_each_kind_of_entry_names_only_what_entries_are_about() -> None:
    for cells in table(PAGES["log"], "powered-on seconds. 16 fresh"):
        assert {int(n) for n in re.findall(r"(?<!\()\b(\d+)\b(?! \()", cells[2])} <= set(About)


def test_coarse_codes() -> None:
    assert numbered("refusals", "## 2. What a stranger hears") == {
        number: coarse.value for coarse, number in COARSE_NUMBERS.items()}


# --- larger tables -------------------------------------------------------------------------------


def test_commands() -> None:
    rows = {int(cells[0]): cells for cells in table(PAGES["messages"], "## 3. Commands")}
    assert {number: words(cells[1]) for number, cells in rows.items()} == names_of(Command)
    for command, rule in COMMANDS.items():
        cells = rows[command]
        assert cells[2] == (f"`{rule.right.name.lower()}`" if rule.right else "")
        assert cells[3] == ("" if rule.towards is None else rule.towards.value)
    only_at_commissioning = rows.keys() - COMMANDS.keys()
    assert only_at_commissioning == {Command.COMMISSION}


def test_commands_that_move_or_change_are_asked_in_message_3_alone() -> None:
    both = {int(cells[0]) for cells in table(PAGES["messages"], "## 3. Commands")
            if cells[-1] == "both"}
    assert both == {Command.STATUS, Command.READ_LOG, Command.PROVE, Command.DELIVER}
    assert not [number for number in both if COMMANDS[Command(number)].towards in set(Towards)]


def test_kinds_that_a_lock_takes() -> None:
    sentence = PAGES["messages"].split("A lock takes the kinds ")[1].split(". ")[0]
    assert set(re.findall(r"`([^`]+)`", sentence)) == TAKERS.keys()


def test_reasons_and_their_words() -> None:
    listed = {cells[1].strip("`"): cells for cells in table(PAGES["refusals"], "## 3. Reasons")}
    assert listed.keys() == {reason.value for reason in Reason}
    for reason, said in WORDS.items():
        number, _, coarse, sentence, helps = listed[reason.value]
        assert (int(number), coarse.strip("`")) == (said.number, said.coarse.value)
        assert (sentence, helps) == (f"{said.sentence}.", said.helps)


def test_reasons_for_checks() -> None:
    listed: dict[str, str] = {}
    for what, reason in table(PAGES["refusals"], "## 4. Which reason"):
        every = re.findall(r"every (?:other )?([A-Z])$", what)
        for number in every or re.findall(r"[A-Z]\d+", what):
            listed[number] = reason.strip("`")
    assert listed == {check: reason.value for check, reason in BY_CHECK.items()}
    assert reason_of(Untrusted("K8", "")) is Reason.BAD_SIGNATURE


def test_states_of_a_door() -> None:
    rows = table(PAGES["door"], "and while it is still:")
    listed = {
        (Bolt(cells[0]), leaf): cells[at].strip("`") for cells in rows
        for at, leaf in enumerate((Leaf.CLOSED, Leaf.OPEN, Leaf.UNKNOWN), start=1)}
    assert listed == {pair: state.value for pair, state in STATES.items()}
    moving = {cells[0]: cells[1].strip("`") for cells in table(PAGES["door"], "## 2. State")}
    assert moving == {motor.value: state.value for motor, state in MOVING.items()}


def test_every_limit_with_its_value_and_its_reason() -> None:
    source = Path(limits.__file__).read_text("utf-8")
    in_code = dict(re.findall(r"(?m)^([A-Z0-9_]+) = .*?  # (.*)$", source))
    in_text = {}
    for line in PAGES["limits"].splitlines():
        if line.startswith("| `"):
            name, value, why = (cell.strip() for cell in line.strip("|").split("|"))
            in_text[name.strip("`")] = why
            assert float(value.replace(",", "")) == getattr(limits, name.strip("`")), name
    assert in_text == in_code


def test_how_long_a_pin_must_be() -> None:
    for cells in table(PAGES["pin"], "The shortest that does:"):
        most = int(cells[0])
        rest, off = (int(cell.split()[0]) for cell in cells[1:])
        assert rest == digits_needed(PinPolicy(Entry.PLAIN, Spent.REST, most))
        assert rest == digits_needed(PinPolicy(Entry.INDEX, Spent.REST, most))
        assert off == digits_needed(PinPolicy(Entry.INDEX, Spent.OFF, most))


def test_pins_that_the_text_calls_easy_to_guess_are() -> None:
    easy = re.findall(r"\d{6,}", PAGES["pin"].split("## 1. A PIN")[1].split("## 2.")[0])
    assert easy
    assert all(weakness(pin) for pin in easy)
    assert weakness("48291736") is None


# --- references ----------------------------------------------------------------------------------


def sections(page: str) -> set[int]:
    return {int(number) for number in re.findall(r"(?m)^## (\d+)\.", PAGES[page])}


def test_every_page_that_the_code_names_is_there_and_has_that_section() -> None:
    missing = []
    for module in sorted(CODE.rglob("*.py")):
        text = re.sub(r"\s+", " ", module.read_text("utf-8"))
        for page, rest in re.findall(r"spec/([a-z]+)\.md((?:, sections? [\d, and]+)?)", text):
            wanted = {int(number) for number in re.findall(r"\d+", rest)}
            if len(wanted) == 2 and " to " in rest:
                wanted = set(range(min(wanted), max(wanted) + 1))
            if page not in PAGES or not wanted <= sections(page):
                missing.append((str(module.relative_to(CODE)), page, sorted(wanted)))
    assert missing == []


def test_every_link_between_pages_leads_somewhere() -> None:
    missing = []
    for name, text in PAGES.items():
        links = re.findall(r"\[[^\]]*\]\(([^)#]+)\)(?:, section (\d+))?", text)
        for target, section in links:
            file = SPEC / target
            page = Path(target).stem
            if not file.exists() or (section and int(section) not in sections(page)):
                missing.append((name, target, section))
    assert missing == []


def test_every_page_is_listed_and_says_what_it_is() -> None:
    listed = re.findall(r"(?m)^\| \[([a-z]+)\.md\]", PAGES["README"])
    assert sorted(listed) == sorted(PAGES.keys() - {"README"})


def test_everything_that_the_architecture_names_is_there() -> None:
    root = CODE.parents[1]
    text = (root / "ARCHITECTURE.md").read_text("utf-8")
    modules = re.findall(r"`((?:core|lockd|drivers|client|sim)/\w+\.py)`", text)
    assert len(modules) > 30
    assert [name for name in modules if not (CODE / name).exists()] == []
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert [target for target in links if not (root / target).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_page_speaks_of_one_language(page: str) -> None:
    """The text can be built from without having seen ours."""
    told = PAGES[page].replace("src/mortice/core", "")
    assert not re.findall(r"\b[Pp]ython\b|dataclass|\bNone\b|isinstance", told)

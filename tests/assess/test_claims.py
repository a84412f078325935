"""Sellers' words are matched as words, and marks in them are read on their part or refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mortice.assess.claims import flags, named, phrase, raised, words
from mortice.assess.codes import BadCode, read_mark
from mortice.assess.model import model, read_data
from mortice.assess.product import DENIED
from mortice.assess.standards import CONFIDENCE, standards

ROWS = read_data("flags")
LINES = {  # what a seller writes, and the flags of it
    "Military-grade encryption": {"RF01"},
    "BANK LEVEL security": {"RF01"},
    "AES-256 encrypted": {"RF02"},
    "AES128, TLS 1.3": set(),
    "256-bit encryption": {"RF02"},
    "Our own proprietary protocol": {"RF03"},
    "rolling codes": {"RF03"},
    "100% secure and unhackable!": {"RF04"},
    "Free lifetime firmware updates": {"RF05"},
    "Updates for life": {"RF05"},
    "Lifetime technical support": set(),
    "Insurance-approved": {"RF07"},
    "meets all insurance requirements": {"RF07"},
    "Police Preferred Specification": {"RF08"},
    "Secured by Design licence number 123": set(),
    "Anti-snap": {"RF09"},
    "snap-safe euro profile": {"RF09"},
    "anti-snap, TS 007 3 star": {"RF09"},  # the words alone; a product's claims of stars answer it
    "2-star cylinder": {"RF10"},
    "2★ cylinder": {"RF10"},
    "3 star handles": {"RF10"},
    "3-star cylinder": set(),
    "2-star handle": set(),
    "PAS24 lock": {"RF11"},
    "PAS 24:2022 certified smart lock": {"RF11"},
    "PAS 24 door set with a lock": set(),
    "EN 1303 anti-snap cylinder": {"RF09", "RF12"},
    "BS 3621 style deadlock": {"RF13"},
    "equivalent to BS3621": {"RF13"},
    "Sold Secure": {"RF14"},
    "Sold Secure Diamond": set(),
    "CE marked": {"RF15"},
    "ANSI/BHMA Grade 1": {"RF16"},
    "FD30 fire rated": {"RF17"},
    "Fits any door": {"RF18"},
    "fits most UK doors": {"RF18"},
    "no drilling": set(),
    "no drilling on uPVC doors": {"RF19"},
    "locks itself behind you": set(),
    "auto-locking for multipoint doors": {"RF20"},
    "Works offline. Log in with the app first": {"RF21"},
    "account required": {"RF22"},
    "no keyhole": {"RF24"},
    "no keyhole, 9V power contact": set(),
    "4-digit PIN codes": {"RF25"},
    "4 digit PIN, lockout after 5": set(),
    "installer code": {"RF26"},
    "fingerprints are kept in our cloud": {"RF27"},
    "fingerprints stay on the lock. Cloud backup": set(),  # two clauses
    "liveness detection": {"RF28"},
    "unlock your door from anywhere": {"RF29"},
    "remote unlock with two-factor login": set(),
    "Remote control from the app": {"RF29"},
    "delete the whole history": {"RF30"},
    "geofencing": {"RF31"},
    "track your tenants": {"RF32"},
    "tested to EN 1303": {"RF33"},
    "Complies with BS 3621": {"RF33"},
    "tested to EN 1303, report number 55": set(),
    "12 months battery life": {"RF34"},
    "6 AA batteries last up to 12 months": {"RF34"},
    "battery: 8000 openings at 20 degrees": set(),
    "bridge required": {"RF35"},
    "Military strength": {"RF01"},
    "the same encryption banks use": {"RF01"},
    "encryption trusted by banks": {"RF01"},
    "the same size as a bank card": set(),
    "our own in-house cipher": {"RF03"},
    "It can not be hacked": {"RF04"},
    "Hackers can't crack it": {"RF04"},
    "nobody can hack it": {"RF04"},
    "100 per cent secure": {"RF04"},
    "updated for life": {"RF05"},
    "updates for the lifetime of the product": {"RF05"},
    "insurance-company approved": {"RF07"},
    "Ask your insurer whether a lock is accepted": set(),
    "prevents lock snapping": {"RF09"},
    "It cannot be snapped": {"RF09"},
    "cylinder with 2 stars": {"RF10"},
    "two star rated euro cylinder": {"RF10"},
    "3 star security handle": {"RF10"},
    "3-star cylinder and 2-star handle": set(),
    "1-star cylinder with a 2-star handle": set(),
    "This lock is PAS 24 certified": {"RF11"},
    "PAS 24 smart door lock": {"RF11"},
    "lock for PAS 24 doors": set(),
    "EN1303, it cannot be snapped": {"RF09", "RF12"},
    "EN 1303 says nothing about snapping": set(),
    "BS3621 or equivalent": {"RF13"},
    "to BS3621 standard or equivalent": {"RF13"},
    "compatible with any door": {"RF18"},
    "works with all types of door": {"RF18"},
    "a different key for every lock": set(),
    "Check that it fits your door": set(),
    "need to create an account": {"RF22"},
    "sign up required": {"RF22"},
    "you must sign up first": {"RF22"},
    "no key at all": {"RF24"},
    "From inside it opens without any key": set(),
    "fingerprints are backed up to our cloud": {"RF27"},
    "facial data is uploaded to our servers": {"RF27"},
    "one year on a single charge": {"RF34"},
    "needs the SmartHub gateway": {"RF35"},
    "Requires the ACME hub": {"RF35"},
    "comes in red, five star reviews": set(),
    "": set(),
}


def of(*lines: str) -> set[str]:
    return {each["rule"] for each in raised(lines, (), set())}


@pytest.mark.parametrize("line", LINES)
def test_a_line_raises_its_flags_and_no_others(line: str) -> None:
    assert of(line) == LINES[line]


def test_every_flag_of_words_is_raised_by_some_line() -> None:
    assert set().union(*LINES.values()) == {rule for rule, row in ROWS.items() if "any" in row}


def test_the_flag_shows_the_line_and_the_words() -> None:
    [found] = raised(["Solid brass", "With MILITARY-GRADE chips"], (), set())
    assert (found["line"], found["words"]) == ("With MILITARY-GRADE chips", "military grade")
    assert not found["doubt"]


@pytest.mark.parametrize(("line", "doubt"), [
    ("No lock is unhackable", True), ("It isn't unhackable", True), ("unhackable", False),
    ("Not cheap. Unhackable", False), ("not sold in any shop and unhackable", False),
    ("It does not need a cable, and it is unhackable", False),
    ("No lock is unhackable. Ours is unhackable", False), ("No fire rating", True),
    ("No account required", True), ("An account is not required", True), ("no master code", True),
    ("It does not need a hub", True), ("It needs no hub", True), ("It cannot be hacked", False),
    ("not equivalent to BS 3621", True)])
def test_a_line_that_may_say_the_opposite_is_shown_and_doubted(line: str, doubt: bool) -> None:
    assert [each["doubt"] for each in raised([line], (), set())] == [doubt]


def test_stars_that_are_claimed_answer_anti_snap_and_one_star_does_not() -> None:
    assert not raised(["anti-snap"], {"ts007_total3"}, set())
    assert raised(["anti-snap"], {"ts007_1star"}, set())


@pytest.mark.parametrize(("missing", "rules"), [
    ({"support"}, {"RF05"}), ({"contact"}, {"RF06"}), ({"inside_release_without_power"}, {"RF23"}),
    ({"escape_without_key_or_power"}, {"RF23"}), ({"mechanical_override"}, set()),
    ({"mechanical_override", "external_power_port"}, {"RF24"}), ({"account_2fa"}, set()),
    ({"account_2fa", "no_cloud_account"}, {"RF29"}), ({"statement_of_compliance"}, {"RF36"})])
def test_what_was_looked_for_in_vain_is_a_flag(missing: set[str], rules: set[str]) -> None:
    found = raised([], (), missing)
    assert {each["rule"] for each in found} == rules
    assert all(not each["line"] for each in found)


@pytest.mark.parametrize("rule", ROWS)
def test_a_row_is_whole_and_speaks_of_what_is_there(rule: str) -> None:
    row = ROWS[rule]
    assert row.keys() <= {"name", "why", "ask", "source", "confidence", "any", "unless", "beside",
                          "unless_facts", "absent", "but", "voids"}
    assert row["confidence"] in CONFIDENCE
    assert row["confidence"] != "check"
    assert row["ask"].endswith("?")
    assert row["why"].endswith(".")
    assert row["source"]
    assert row.get("any") or row.get("absent") or rule == DENIED
    assert {*row.get("voids", ())} <= standards().keys()
    facts = {*row.get("unless_facts", ()), *(fact for group in row.get("absent", ())
                                             for fact in group)}
    assert facts <= {*model().facts, "support", "contact"}
    assert all(group for group in row.get("absent", ()))


def test_phrases_are_of_words_and_stay_within_a_clause() -> None:
    assert words("Bank-level AES256, 3* (TS007:2014): it\u2019s 100%") == (
        "bank level aes 256 | 3 star | ts 007 | | its 100 %")
    assert not phrase("aes").search(words("daesh phrases"))
    assert phrase("open … remotely").search(words("Open the front door remotely"))
    assert not phrase("open … remotely").search(words("Open it by key. Remotely, no"))
    assert not phrase("open … remotely").search(words("Open a b c d e remotely"))


@settings(deadline=None)  # whichever comes first reads all the data
@given(st.lists(st.text(max_size=80), max_size=4))
def test_whatever_is_written_is_read(lines: list[str]) -> None:
    for found in raised(lines, (), set()):
        assert found["line"] in lines
        assert found["words"] in words(found["line"])


@settings(deadline=None)  # whichever comes first reads all the data
@given(st.text(alphabet="ab.,:! ", max_size=40), st.sampled_from(sorted(flags())))
def test_words_around_a_phrase_do_not_hide_it(around: str, rule: str) -> None:
    row = ROWS[rule]
    if "any" in row:
        said = row["any"][0].replace("…", "").split()
        line = " ".join(word.split("/")[0] for word in said)
        beside = " ".join(word.split("/")[0] for word in row.get("beside", [""])[0].split())
        assert rule in of(f"{around} . {line}", beside)


# --- marks in a line ------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "marks"), [
    ("PAS24 lock", ["PAS24 LOCK"]),
    ("PAS 24 doors, lock is BS8621:2017 Kitemark", ["BS8621:2017 KITEMARK", "PAS 24 DOORS"]),
    ("★★★ TS007 euro cylinder", ["TS007 CYLINDER 3 STAR"]),
    ("a 3-star (TS 007) cylinder", ["TS 007 3-STAR"]),
    ("anti-snap 3★ cylinder (TS 007)", ["3 STAR CYLINDER"]),
    ("TS 007 3 star rated cylinder and 2* handle", ["TS 007 3 STAR CYLINDER", "2 STAR HANDLE"]),
    ("Sold Secure Diamond cylinder", ["SOLD SECURE DIAMOND CYLINDER"]),
    ("LPS 1175 Issue 8 B3 door set", ["LPS 1175 ISSUE 8 B3 DOOR SET"]),
    ("in red, by our crack team", []),
    ("five star reviews", []),
    ("XPAS 24", []),
    ("TS 007-2 3 star cylinder", ["TS 007-2 3 STAR CYLINDER"]),
])
def test_marks_are_found_in_a_line(line: str, marks: list[str]) -> None:
    assert [" ".join(mark.split()) for _, mark in named(line)] == marks


@pytest.mark.parametrize("line", ["2-star cylinder", "PAS 24 lock", "BS 3621 style lock",
                                  "1 star handle", "TS 007 2 star euro cylinder", "5-star cylinder",
                                  "Sold Secure"])
def test_a_mark_that_cannot_be_is_refused_also_in_a_line(line: str) -> None:
    [(_, mark)] = named(line)
    with pytest.raises(BadCode):
        read_mark(mark)


@settings(deadline=None)  # whichever comes first reads all the data
@given(st.text(max_size=80))
def test_whatever_is_written_names_marks_or_none(line: str) -> None:
    for known, mark in named(line):
        assert known is None or mark

"""What a seller's own words say: which red flags they raise, and which marks they name.

Words are matched as words, in their order, and never as meaning: each flag shows the line and the
words that raised it, so that whoever reads it can judge. What matches nothing is said so.

Spec: spec/assess.md, rules B32 to B36.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from mortice.assess.codes import DASHES, EDITION, PART, names
from mortice.assess.model import read_data
from mortice.assess.standards import Standard

PHRASES = ("any", "unless", "beside", "but")
SAYS = ("name", "why", "ask", "source", "confidence")
GAP = r"(?: [^| ]+){0,4}"  # what `…` in a phrase stands for
NOT = frozenset({"no", "not", "never", "without", "nothing", "nobody", "nor", "neither", "cannot",
                 "cant", "isnt", "arent", "dont", "doesnt", "wont", "wasnt", "didnt", "hasnt",
                 "havent", "non", "lacks"})
NEAR = 3  # words before a phrase in which one of these turns it round
FILLING = "RATED|EURO|PROFILE"  # between the words of a mark
ONE_PART = re.compile(r"\b(?:(?P<CYLINDER>CYLINDER|BARREL)|(?P<HANDLE>HANDLE|ESCUTCHEON)|"
                      r"(?P<LOCK>(?:DEAD)?LOCK|(?:NIGHT)?LATCH))(?:E?S)?\b")
WHOLE = re.compile(r"\bDOORSETS?\b|"
                   r"\bDOORS?\b(?!\W+(?:LOCK|HANDLE|LATCH|CYLINDER|HARDWARE|FURNITURE))")
AROUND = 300  # characters of a line on either side of a mark, in which it is looked at
SENTENCE = re.compile(r"[!?;\n]|\.(?!\d)")
BESIDE = rf"STYLE|TYPE|EQUIVALENT|KITEMARK|CLASS|GRADE|RATING|STARS?|{FILLING}"
STARS = re.compile(r"(?<![A-Z0-9])([1-5]|ONE|TWO|THREE|FOUR|FIVE)[\s-]*STARS?(?:[\s-]+RATED)?")
STARRED = re.compile(STARS.pattern + r"(?:[\s-]+(?:EURO|SECURITY|PROFILE|SNAP|ANTI|DOOR))*"
                     r"[\s-]+(CYLINDER|HANDLE|ESCUTCHEON)")
BARE = ("TS 007", "TS007", "TS 007-1")  # where its stars stand elsewhere in the line


@lru_cache(maxsize=1)
def flags() -> dict[str, dict[str, Any]]:
    """The rows of data/flags.toml with their phrases as patterns, by rule, in their order."""
    return {rule: row | {key: [phrase(each) for each in row.get(key, ())] for key in PHRASES}
            for rule, row in read_data("flags").items()}


def words(text: str) -> str:
    """Text as lower-case words with one space between them, and `|` where a clause ends."""
    text = re.sub(r"['\u2019`]", "", _stars(text).casefold().translate(DASHES))
    text = re.sub(r":\s*(?:19|20)\d\d\b", "", text)  # an edition, which no phrase needs
    text = re.sub(r"[.,;!?()\n]+|:(?!\d)", " | ", text)
    text = re.sub(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])|(?=%)|(?<=%)", " ", text)
    return " ".join(re.findall(r"[\w%|]+", text))


def _stars(text: str) -> str:
    """`3*` and `★★★` as `3 star`."""
    text = re.sub(r"(?<=\d)\s*[*★](?![*★])", " star ", text)
    return re.sub(r"[*★]+", lambda found: f" {len(found[0])} star ", text)


def phrase(text: str) -> re.Pattern[str]:
    """A phrase of the data: `a/b` is either word, and `…` up to four more in the same clause.

    `a~b` are two words that are one of these.
    """
    parts = [GAP if word == "…" else f" (?:{'|'.join(map(words, word.split('/')))})"
             for word in text.split()]
    return re.compile(rf"(?<!\S){''.join(parts).removeprefix(' ')}(?!\S)")


def raised(lines: Sequence[str], facts: Collection[str], missing: set[str]) -> list[dict[str, Any]]:
    """The flags of these lines, of claims to these `facts`, and of what was looked for in vain.

    Each says its `rule`, `name`, `why`, `ask`, `source` and `confidence`, and the `line` and
    `words` that raised it, which are empty where something is missing. `doubt`: a word such as
    *not* stands shortly before, so that the line may say the opposite.
    """
    said, found = [words(line) for line in lines], []
    for rule, flag in flags().items():
        if any(missing.issuperset(group) for group in flag.get("absent", ())):
            found.append(row(rule))
        answered = _said(flag["unless"], said) or not set(facts).isdisjoint(
            flag.get("unless_facts", ()))
        if not answered and (not flag["beside"] or _said(flag["beside"], said)):
            for line, text in zip(lines, said, strict=True):
                hits = [(_doubted(each, clause), each[0]) for clause in text.split("|")
                        for each in _hits(flag, clause)]
                if hits:
                    doubt, match = min(hits, key=lambda hit: hit[0])  # the first without a doubt
                    found.append(row(rule, line, match, doubt=doubt))
    return found


def row(rule: str, line: str = "", match: str = "", *, doubt: bool = False) -> dict[str, Any]:
    """One flag as it is told, raised by these words of this line."""
    return {"rule": rule} | {key: flags()[rule][key] for key in SAYS} | {
        "line": line, "words": match, "doubt": doubt}


def voided(line: str) -> dict[str, str]:
    """Standards of which a mark in this line is none, each with the flag that says so (B36)."""
    clauses = words(line).split("|")
    return {standard: rule for rule, flag in flags().items() if "voids" in flag and any(
        _hits(flag, clause) for clause in clauses) for standard in flag["voids"]}


def _hits(flag: dict[str, Any], clause: str) -> list[re.Match[str]]:
    """The first match of each phrase, unless the clause answers itself."""
    hits = [match for each in flag["any"] if (match := each.search(clause))]
    return [] if hits and _said(flag["but"], [clause]) else hits


def _doubted(match: re.Match[str], clause: str) -> bool:
    """Does *no* or *not* stand shortly before it, or in a gap of it?"""
    own = set(re.findall(r"\w+", match.re.pattern))
    near = {*clause[:match.start()].split()[-NEAR:], *({*match[0].split()} - own)}
    return not NOT.isdisjoint(near)


def _said(phrases: Sequence[re.Pattern[str]], said: Sequence[str]) -> re.Match[str] | None:
    return next((found for text in said for each in phrases if (found := each.search(text))), None)


# --- standards and marks in a line ----------------------------------------------------------------


@lru_cache(maxsize=1_000)  # a product's lines are asked for again
def named(line: str) -> tuple[tuple[Standard | None, str], ...]:
    """The standards that a line names, each with the words of a mark that stand with it.

    None is for stars on a part without a name: only TS 007 has them.
    """
    said = _stars(line).upper().translate(DASHES)
    found: list[tuple[Standard | None, str]] = []
    for pattern, known in names():
        if not re.search(r"\d", known.name) and not known.marks:
            continue  # a short name without a number, such as RED, is an ordinary word as well
        here, end = re.compile(rf"(?<![A-Z0-9]){pattern.pattern}"), 0
        while match := here.search(said, end):
            start, end = _extent(known, said, match)
            mark = f"{said[match.start():end]} {said[start:match.start()]}"
            if not _denied(said[max(0, start - AROUND):start]):
                found.append((known, re.sub(rf"[ (-]+(?:{FILLING})|[ (:-]+$", "", mark)
                              + _on_part(known, said, start, end)))
            said = said[:start] + "_" * (end - start) + said[end:]
    starred = [f"{each[1]} STAR {each[2]}" for each in STARRED.finditer(said)]
    return (*(each for each in found if not starred or each[1] not in BARE),
            *((None, mark) for mark in starred))


def _denied(before: str) -> bool:
    return not NOT.isdisjoint(words(before).rpartition("|")[2].split()[-NEAR:])


def _on_part(known: Standard, said: str, start: int, end: int) -> str:
    """The part that a sentence gives a mark which only a whole door set can have."""
    if known.parts != ("set",) or PART.search(said[start:end]):
        return ""
    sentence = (SENTENCE.split(said[max(0, start - AROUND):start])[-1] + "_"
                + SENTENCE.split(said[end:end + AROUND])[0])
    part = ONE_PART.search(sentence)
    return f" {part.lastgroup}" if part and not WHOLE.search(sentence) else ""


def _extent(known: Standard, said: str, match: re.Match[str]) -> tuple[int, int]:
    """From the stars before a name to the edition, the grade and the part that follow it."""
    grades = {word.upper() for row in known.marks for grade in row.grades for word in grade.split()}
    follows = re.compile(rf"[ :-]*(?:{'|'.join(map(re.escape, sorted(grades, reverse=True)))}"
                         rf"{'|' * bool(grades)}{BESIDE}|{PART.pattern})(?![A-Z0-9])")
    year = EDITION.match(said, match.end())
    end = year.end() if year else match.end()
    while more := follows.match(said, end):
        end = more.end()
    from_ = max(0, match.start() - AROUND)
    before = re.search(STARS.pattern + r"[ (-]*$", said[from_:match.start()])
    return from_ + before.start() if before and "STAR" in grades else match.start(), end

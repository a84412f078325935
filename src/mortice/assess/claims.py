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

PHRASES = ("any", "unless", "beside")
SAYS = ("name", "why", "ask", "source", "confidence")
GAP = r"(?: [^| ]+){0,4}"  # what `…` in a phrase stands for
NOT = frozenset({"no", "not", "never", "without", "nothing", "nobody", "nor", "neither", "cannot",
                 "cant", "isnt", "arent", "dont", "doesnt", "wont"})
NEAR = 3  # words before a phrase in which one of these turns it round
FILLING = "RATED|EURO|PROFILE"  # between the words of a mark
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
    """A phrase of the data: `a/b` is either word, `…` up to four more in the same clause."""
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
        row = {"rule": rule} | {key: flag[key] for key in SAYS}
        if any(missing.issuperset(group) for group in flag.get("absent", ())):
            found.append(row | {"line": "", "words": "", "doubt": False})
        answered = _said(flag["unless"], said) or not set(facts).isdisjoint(
            flag.get("unless_facts", ()))
        if not answered and (not flag["beside"] or _said(flag["beside"], said)):
            for line, text in zip(lines, said, strict=True):
                if match := _said(flag["any"], [text]):
                    before = text[:match.start()].rpartition("|")[2].split()[-NEAR:]
                    found.append(row | {"line": line, "words": match[0],
                                        "doubt": not NOT.isdisjoint(before)})
    return found


def _said(phrases: Sequence[re.Pattern[str]], said: Sequence[str]) -> re.Match[str] | None:
    return next((found for text in said for each in phrases if (found := each.search(text))), None)


# --- standards and marks in a line ----------------------------------------------------------------


def named(line: str) -> list[tuple[Standard | None, str]]:
    """The standards that a line names, each with the words of a mark that stand with it.

    None is for stars on a part without a name: only TS 007 has them.
    """
    said = _stars(line).upper().translate(DASHES)
    found: list[tuple[Standard | None, str]] = []
    for pattern, known in names():
        if not re.search(r"\d", known.name) and not known.marks:
            continue  # a short name without a number, such as RED, is an ordinary word as well
        while match := re.search(rf"(?<![A-Z0-9]){pattern.pattern}", said):
            start, end = _extent(known, said, match)
            mark = f"{said[match.start():end]} {said[start:match.start()]}"
            found.append((known, re.sub(rf"[ (-]+(?:{FILLING})|[ (:-]+$", "", mark)))
            said = said[:start] + "_" * (end - start) + said[end:]
    starred = [f"{each[1]} STAR {each[2]}" for each in STARRED.finditer(said)]
    return [*(each for each in found if not starred or each[1] not in BARE),
            *((None, mark) for mark in starred)]


def _extent(known: Standard, said: str, match: re.Match[str]) -> tuple[int, int]:
    """From the stars before a name to the edition, the grade and the part that follow it."""
    grades = {word.upper() for row in known.marks for grade in row.grades for word in grade.split()}
    follows = re.compile(rf"[ :-]*(?:{'|'.join(map(re.escape, sorted(grades, reverse=True)))}"
                         rf"{'|' * bool(grades)}{BESIDE}|{PART.pattern})(?![A-Z0-9])")
    year = EDITION.match(said, match.end())
    end = year.end() if year else match.end()
    while more := follows.match(said, end):
        end = more.end()
    before = re.search(STARS.pattern + r"[ (-]*$", said[:match.start()])
    return before.start() if before and "STAR" in grades else match.start(), end

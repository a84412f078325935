"""How everything here is measured: two ways of doing one thing, in turns, round after round.

Other work on the machine slows both sides of a round alike, so a ratio taken within a round says
more than a time. A figure is the median of those ratios. Where nothing waits, time is the CPU time
of this thread; where a disk or a network is part of the question, it is the wall clock.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

ROUNDS = 31  # odd, so that the median is a round that happened
QUICK_ROUNDS = 7  # to see that everything runs; the figures mean little
WARM_UP = 3  # rounds dropped: caches, branch prediction, the first collections
SLICE_SECONDS = 0.006  # of one side in one round: long beside the clock's step

Work = Callable[[], object]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Plan:
    """How thorough to be."""

    quick: bool = False

    @property
    def rounds(self) -> int:
        return QUICK_ROUNDS if self.quick else ROUNDS

    def count(self, full: int, quick: int) -> int:
        """A size: `full`, unless a quick look was asked for."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. Without a bar it is for the record."""

    question: str
    value: float | None  # None: could not be measured here, and `note` says why
    unit: str = "x"
    bar: float | None = None  # an upper bound, unless `exact`
    aim: float | None = None
    note: str = ""
    spread: tuple[float, float] | None = None  # first and third quartile
    exact: bool = False  # neither more nor less than the bar will do

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "SKIPPED"
        if self.bar is None:
            return ""
        met = self.value == self.bar if self.exact else self.value <= self.bar
        return "MET" if met else "NOT MET"


def skipped(question: str, why: str) -> Figure:
    return Figure(question, None, note=why)


def progress(text: str) -> None:
    """Show somebody who watches how far it is; nobody else gets a word."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K  {text}", end="\r", file=sys.stderr, flush=True)


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    first, _, third = statistics.quantiles(values, n=4)
    return first, third


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(slots=True)
class Turns:
    """Seconds for each side in each round."""

    rows: list[dict[str, float]] = field(default_factory=list)

    def ratios(self, side: str, other: str) -> list[float]:
        return [row[side] / row[other] for row in self.rows]

    def median(self, side: str) -> float:
        """Seconds."""
        return statistics.median(row[side] for row in self.rows)

    def figure(  # noqa: PLR0913 — as many as a line of the table has columns
        self, question: str, side: str, other: str, *, bar: float | None = None,
        aim: float | None = None, note: str = "",
    ) -> Figure:
        """How many times as long `side` takes as `other`."""
        ratios = self.ratios(side, other)
        times = f"{show_time(self.median(side))} to {show_time(self.median(other))}"
        return Figure(
            question, statistics.median(ratios), "x", bar, aim,
            f"{times}; {note}" if note else times, quartiles(ratios))


class Watch:
    """A clock that counts CPU time of this thread, but only within its `with` blocks.

    For a side of a comparison that cannot be run without running its peer as well.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0

    def __call__(self) -> float:
        return self.seconds

    def __enter__(self) -> None:
        self._since = time.thread_time()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds += time.thread_time() - self._since


def show_time(seconds: float) -> str:
    """Three figures and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def in_turns(
    sides: Mapping[str, Work], plan: Plan, *, clock: Clock = time.thread_time,
    seconds: float = SLICE_SECONDS,
) -> Turns:
    """Time all `sides` in each round, the order turned about each time."""
    counts = {name: _calls_in(work, clock, seconds) for name, work in sides.items()}
    gc.collect()
    gc.freeze()  # what is alive already is not this benchmark's rubbish
    turns = Turns()
    order = list(sides)
    for number in range(WARM_UP + plan.rounds):
        progress(f"round {number + 1} of {WARM_UP + plan.rounds}")
        row = {name: _seconds_per_call(sides[name], counts[name], clock) for name in order}
        if number >= WARM_UP:
            turns.rows.append(row)
        order.reverse()
    gc.unfreeze()
    progress("")
    return turns


def _seconds_per_call(work: Work, count: int, clock: Clock) -> float:
    start = clock()
    for _ in range(count):
        work()
    return (clock() - start) / count


def _calls_in(work: Work, clock: Clock, seconds: float) -> int:
    count = 1
    while True:
        taken = _seconds_per_call(work, count, clock) * count
        if taken >= seconds / 4:
            return max(1, round(count * seconds / taken))
        count *= 4

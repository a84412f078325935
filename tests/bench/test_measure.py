"""How a figure is made of what was measured, and when its bar is met."""

from __future__ import annotations

from bench.__main__ import median_run
from bench.measure import Figure, Plan, Turns, Watch, in_turns, skipped
from bench.syncs import syncs_in


def test_a_figure_is_the_median_of_the_ratios_within_each_round() -> None:
    rows = [{"ours": 2.0, "floor": 1.0}, {"ours": 30.0, "floor": 10.0}, {"ours": 8.0, "floor": 2.0}]
    assert Turns(rows).figure("how long?", "ours", "floor").value == 3.0


def test_the_run_that_is_kept_is_the_median_one_as_a_whole() -> None:
    runs = [[Figure("?", value), Figure("!", 10 * value)] for value in (3.0, 1.0, 2.0)]
    answer = median_run(runs)
    assert [figure.value for figure in answer.figures] == [2.0, 20.0]
    assert answer.leading == [1.0, 2.0, 3.0]


def test_a_bar_is_met_by_what_does_not_exceed_it() -> None:
    assert Figure("?", 1.5, bar=1.5).verdict == "MET"
    assert Figure("?", 1.51, bar=1.5).verdict == "NOT MET"


def test_an_exact_bar_is_missed_by_less_as_well_as_by_more() -> None:
    verdicts = [Figure("syncs", value, "", 1, exact=True).verdict for value in (0, 1, 2)]
    assert verdicts == ["NOT MET", "MET", "NOT MET"]


def test_what_could_not_be_measured_meets_no_bar() -> None:
    assert skipped("?", "no disk here").verdict == "SKIPPED"


def test_a_figure_for_the_record_has_no_verdict() -> None:
    assert not Figure("?", 99.0).verdict


def test_sides_are_taken_in_turns_the_order_turned_about() -> None:
    order: list[str] = []
    clock = iter(range(1_000_000))
    in_turns(
        {"one": lambda: order.append("one"), "other": lambda: order.append("other")},
        Plan(quick=True), clock=lambda: float(next(clock)), seconds=1.0)
    rounds = order[2:]  # each was called once to see how long it takes
    assert rounds[:8] == ["one", "other", "other", "one", "one", "other", "other", "one"]


def test_a_watch_counts_only_what_is_done_under_it() -> None:
    watch = Watch()
    with watch:
        sum(range(100_000))
    seen = watch()
    sum(range(100_000))
    assert watch() == seen > 0


TRACE = """\
1 write(1, "{\\"port\\": 1}", 11) = 11
1 fdatasync(5) = 0
1 accept4(7, {sa_family=AF_INET}, [16], SOCK_CLOEXEC) = 9
1 fdatasync(5) = 0
1 write(1, "{\\"driven\\": 1}", 13) = 13
1 fdatasync(5) = 0
1 write(1, "{\\"typed\\": 1}", 12) = 12
2 fdatasync(5) = 0
1 fsync(5) = 0
1 write(1, "{\\"driven\\": 2}", 13) = 13
"""


def test_syncs_are_counted_between_a_request_and_the_bolt() -> None:
    assert syncs_in(TRACE) == [1, 2]

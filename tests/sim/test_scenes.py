"""Every scene goes as promised, and every scene notices a door that does not keep its promise."""

from __future__ import annotations

import asyncio
import json

import pytest

from mortice.client.audit import Audit, audit
from mortice.core import decision, pin
from mortice.core.keys import PublicKey
from mortice.lockd.store import Change
from mortice.sim import demo, scenes
from mortice.sim.demo import DemoOptions
from mortice.sim.running import RunningDoor
from mortice.sim.scenes import NAMES, play


def silently(line: str) -> None:
    """Say nothing."""


async def broken(name: str) -> list[str]:
    """Play `name`; the promises that were not kept."""
    stage = await play(name, silently)
    assert stage.ok == all(step["ok"] for step in stage.steps)
    return [str(step["step"]) for step in stage.steps if not step["ok"]]


def drop_rule(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    kept = tuple(rule for rule in decision.RULES if rule.__name__ != name)
    assert len(kept) == len(decision.RULES) - 1
    monkeypatch.setattr(decision, "RULES", kept)


@pytest.mark.parametrize("name", NAMES)
async def test_a_scene_goes_as_promised(name: str) -> None:
    assert await broken(name) == []


# --- each can fail ------------------------------------------------------------------------------


async def test_wrong_pin_notices_a_keypad_that_never_rests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pin.Tries, "rest", lambda self, uptime: 0)
    assert await broken("wrong-pin") == [
        "the right PIN forgave nobody's tries: nine more",
        "then the keypad rests, even for the right PIN",
    ]


async def test_wrong_pin_notices_a_right_pin_that_forgives_a_strangers_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Change, "give_back", lambda self, tried: self.clear_tries())
    assert await broken("wrong-pin") == ["the right PIN forgave nobody's tries: nine more"]


async def test_lost_phone_notices_a_door_that_does_not_care_what_was_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drop_rule(monkeypatch, "_not_revoked")
    assert await broken("lost-phone") == ["now the lost phone is refused"]


async def test_guest_too_early_notices_a_door_without_a_calendar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drop_rule(monkeypatch, "_window")
    assert await broken("guest-too-early") == [
        "the guest is told 'not now', and nothing else",
        "the owner reads why",
        "the bolt has not moved",
    ]


async def test_passed_on_notices_a_door_that_does_not_ask_whether_a_key_is_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drop_rule(monkeypatch, "_door")
    assert "it does not open the street door" in await broken("passed-on")


async def test_passed_on_notices_a_door_that_forgets_to_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Change, "count", lambda self, count: None)
    assert await broken("passed-on") == ["once"]


async def test_power_cut_notices_a_daemon_that_runs_on_without_power(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(RunningDoor, "_powered", lambda self, alive: None)
    assert "the lock is gone from the network" in await broken("power-cut")


async def test_power_cut_notices_a_door_that_forgets_to_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Change, "count", lambda self, count: None)
    assert await broken("power-cut") == ["the one-visit key is not given back"]


async def test_tampered_log_notices_an_audit_that_believes_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest: list[Audit] = []

    def believe(export: bytes, lock: PublicKey) -> Audit:
        honest.append(audit(export, lock))
        return honest[0]

    monkeypatch.setattr(scenes, "audit", believe)
    assert len(await broken("tampered-log")) == 3


# --- from the command line ------------------------------------------------------------------------


def test_a_scene_prints_one_line_of_json_and_exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.run(DemoOptions(scene="guest-too-early", json=True)) == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said) == {"scene", "ok", "steps"}
    assert (said["scene"], said["ok"]) == ("guest-too-early", True)
    assert all(set(step) == {"step", "ok", "saw"} for step in said["steps"])


def test_a_scene_that_goes_wrong_exits_1_and_says_which_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_rule(monkeypatch, "_window")
    assert demo.run(DemoOptions(scene="guest-too-early", json=True)) == 1
    said = json.loads(capsys.readouterr().out)
    assert not said["ok"]
    assert not said["steps"][0]["ok"]


def test_for_people_a_scene_is_told_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.run(DemoOptions(scene="guest-too-early")) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("guest-too-early: ")
    assert [line[:3] for line in said[1:-1]] == ["  ✓"] * 3
    assert said[-1] == "as promised"


def test_a_scene_that_does_not_exist_is_answered_with_those_that_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert demo.run(DemoOptions(scene="burglary", json=True)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "there is no scene called 'burglary'" in said.err
    assert all(name in said.err for name in NAMES)


async def test_a_scene_leaves_nothing_running() -> None:
    before = asyncio.all_tasks()
    await play("power-cut", silently)
    assert asyncio.all_tasks() == before


async def test_internet_down_notices_a_door_that_asks_its_hub(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drop_rule(monkeypatch, "_hours")
    assert await broken("internet-down") == [
        "and the cleaner is refused outside his hours, as always"]


async def test_hub_stolen_notices_a_lock_that_asks_for_no_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drop_rule(monkeypatch, "_right")
    assert await broken("hub-stolen") == [
        "the hub's own link is shown to open", "Ben's bytes, played again, open nothing",
        "the bolt has not moved"]


async def test_leaver_notices_a_lock_that_forgets_what_was_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drop_rule(monkeypatch, "_not_revoked")
    assert "her phone is refused" in await broken("leaver")

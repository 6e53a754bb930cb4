import json

import pytest
from play_cases import QUICK

from longlag.live import lessons
from longlag.live.lessons import LESSONS, Lesson, Side
from longlag.live.recording import MOMENTS, record
from longlag.live.session import Session
from longlag.stop import StopToken

PIECES = QUICK | {"framing": "chunks", "timesteps": "2"}


@pytest.fixture
def quick(monkeypatch):
    """A lesson that trains in no time."""
    lesson = Lesson(
        name="quick",
        title="Quick",
        text=("One.",),
        breaks=Side(PIECES, "at chance", "unreachable"),
        works=Side(PIECES | {"carry": "true"}, "solved"),
        attempt="",
        question="",
        answer="",
    )
    monkeypatch.setitem(LESSONS, "quick", lesson)
    assert lessons.LESSONS is LESSONS
    return lesson


def test_a_recording_answers_what_the_page_asks_about_both_sides(quick):
    recording = json.loads(json.dumps(record(Session("quick")), allow_nan=False))
    assert recording["describe"]["start"] == {"knobs": PIECES, "lesson": "quick"}
    assert [each["knobs"] for each in recording["audits"]] == [
        quick.breaks.knobs,
        quick.works.knobs,
    ]
    assert [each["answer"]["verdict"] for each in recording["audits"]] == [
        "unreachable",
        "learnable",
    ]
    assert [run["state"] for run in recording["runs"]] == ["done", "done"]
    for run in recording["runs"]:
        places = [f"{run['run']}:{each['index']}:0" for each in run["snapshots"]]
        assert len(places) == MOMENTS
        assert {key for key in recording["views"] if key.startswith(f"{run['run']}:")} == {*places}
        assert recording["views"][places[0]]["predicted"] is not None
        assert recording["uses"][places[-1]]["uses"]
        assert run["snapshots"][0]["updates"] == 0
        assert run["snapshots"][-1]["updates"] == run["total"]


def test_a_recording_that_is_stopped_ends(quick):
    stop = StopToken()
    stop.stop()
    assert len(record(Session(quick.name), stop)["runs"]) == 1

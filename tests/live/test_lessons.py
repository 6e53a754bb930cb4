"""Every lesson says what its two setups do: audited and trained as the page trains them."""

import re
from pathlib import Path

import pytest

from longlag.live.lessons import LESSONS
from longlag.live.setup import Setup
from longlag.trials.fit import finish, fit

MOST_WORDS = 60
TWO_KNOBS = {"beginners-mistake": ["timesteps", "rows"]}
SIDES = [
    pytest.param(getattr(lesson, side), id=f"{name}-{side}")
    for name, lesson in LESSONS.items()
    for side in ("breaks", "works")
]
LESSON = pytest.mark.parametrize("lesson", LESSONS.values(), ids=list(LESSONS))
SIDE = pytest.mark.parametrize("side", SIDES)


@SIDE
def test_the_audit_is_that_on_record(side):
    assert Setup.of(side.knobs).setting().audit().verdict == side.audit


@SIDE
def test_training_ends_with_the_verdict_on_record(side):
    setup = Setup.of(side.knobs)
    run = finish(fit(setup.setting(), range(setup.seeds)))
    assert run.verdict == side.verdict, run.reason


@LESSON
def test_the_sides_differ_in_one_knob(lesson):
    assert len(lesson.differs) == len(TWO_KNOBS.get(lesson.name, ["one"]))
    assert lesson.differs == TWO_KNOBS.get(lesson.name, lesson.differs)


@LESSON
def test_what_differs_is_in_use(lesson):
    breaks, works = (Setup.of(side.knobs).knobs for side in (lesson.breaks, lesson.works))
    for name in lesson.differs:
        assert breaks[name] != works[name]


@LESSON
def test_one_side_fails_where_the_other_does_not(lesson):
    assert "diverged" not in (lesson.breaks.verdict, lesson.works.verdict)
    if lesson.name != "seeing-the-future":  # about a score that is good on both sides
        assert lesson.breaks.verdict != lesson.works.verdict


@LESSON
def test_texts_are_short(lesson):
    assert len(lesson.text) == 2
    for text in (*lesson.text, lesson.attempt, lesson.question, lesson.answer):
        assert len(text.split()) <= MOST_WORDS, text
    assert len(lesson.title) <= 50
    assert lesson.question.endswith("?")
    assert lesson.question.count("?") == 1


def test_the_documentation_lists_the_lessons():
    page = (Path(__file__).parents[2] / "docs" / "howto" / "play.md").read_text(encoding="utf-8")
    for lesson in LESSONS.values():
        assert f"| `{lesson.name}` | {lesson.title} |" in page


def test_names_are_lower_case_words():
    assert len(LESSONS) == 14
    assert list(LESSONS) == [lesson.name for lesson in LESSONS.values()]
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in LESSONS)


def test_the_audit_warns_of_the_future():
    ahead, causal = LESSONS["seeing-the-future"].breaks, LESSONS["seeing-the-future"].works
    assert Setup.of(ahead.knobs).setting().audit().not_causal
    assert not Setup.of(causal.knobs).setting().audit().not_causal

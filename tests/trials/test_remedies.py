"""Remedies: what a diagnosis says to change can be typed, and leads somewhere."""

import re

import pytest

import longlag as ll
from longlag.cli._flags import as_flags
from longlag.trials.diagnosis import diagnose
from longlag.trials.remedies import remedy

PROBLEM = ll.EchoLag(length=8, values=4)
FRAMINGS = [ll.Whole(), ll.Chunks(), ll.Chunks(timesteps=2, carry=True), ll.Window(timesteps=1)]
MODELS = [ll.LSTM(hidden_size=4), ll.MLP(hidden_size=4)]
REASONS = ["unreachable", "unstable", "at chance", "undertrained", "stuck", "unclear"]


def settings():
    for framing in FRAMINGS:
        for model in MODELS:
            for rate in (1e-3, 1e-1):
                recipe = ll.Recipe(sequences=20, learning_rate=rate)
                yield ll.Setting(problem=PROBLEM, framing=framing, model=model, recipe=recipe)


@pytest.mark.parametrize("reason", REASONS)
def test_each_argument_of_a_remedy_is_one_of_its_setting(reason):
    for setting in settings():
        text = remedy(reason, setting)
        for name, value in re.findall(r"(\w+)='?([\w.-]*\w)", text):
            parts = [setting.framing, setting.model, setting.recipe]
            (owner,) = [each for each in parts if name in {k.name for k in type(each).knobs()}]
            assert str(getattr(owner, name)) != value  # it changes something
        assert "=" not in as_flags(text)
        assert "_" not in as_flags(text)


def test_what_is_out_of_reach_is_never_said_to_need_longer_training():
    setting = ll.Setting(problem=PROBLEM, framing=ll.Chunks(), model=ll.LSTM(hidden_size=4))
    for reason in ("unreachable", "at chance", "undertrained", "stuck", "unclear"):
        assert (
            remedy(reason, setting)
            == setting.audit().remedy
            == ("Use carry=True, and timesteps=2 or more.")
        )


@pytest.mark.parametrize("reason", ["stuck", "at chance"])
def test_a_rate_that_a_remedy_leads_to_is_not_left_for_the_one_before_alone(reason):
    """Else `stuck` at 0.01 and `undertrained` at 0.001 would send a reader to and fro."""

    def at(rate, reason=reason):
        recipe = ll.Recipe(sequences=20, learning_rate=rate)
        model = ll.LSTM(hidden_size=4)
        return remedy(
            reason, ll.Setting(problem=PROBLEM, framing=ll.Whole(), model=model, recipe=recipe)
        )

    assert "learning_rate=0.01" in at(0.001)
    assert "learning_rate=0.01" in at(0.1)
    assert "learning_rate=0.01" in at(0.001, "undertrained")
    choices, together = at(0.01).split("; ")
    assert "sequences=80" in choices
    assert "learning_rate" not in choices
    assert together == "with more sequences also learning_rate=0.001."


def test_a_run_that_still_learned_is_solved_by_its_remedy():
    framing, model = ll.Window(timesteps=2), ll.LSTM(hidden_size=12)
    short = ll.train(PROBLEM, framing, model, sequences=300, seeds=2)
    first = diagnose(short)[0]
    assert (short.verdict, first.reason) == ("partly learned", "undertrained")
    assert first.remedy == "Use sequences=1200 or learning_rate=0.01."
    assert str(first).endswith(f". {first.remedy}")
    longer = ll.train(PROBLEM, framing, model, sequences=1200, seeds=2)
    faster = ll.train(PROBLEM, framing, model, sequences=300, learning_rate=0.01, seeds=2)
    assert diagnose(longer) == diagnose(faster) == ()


def test_a_seed_of_a_run_is_diagnosed_by_its_number():
    run = ll.train(PROBLEM, ll.Chunks(), ll.MLP(hidden_size=4), sequences=10, seeds=[3, 5])
    assert diagnose(run)[0].reason == diagnose(run, seed=5)[0].reason == "unreachable"
    with pytest.raises(ValueError, match=r"`seed` must be one of \[3, 5\], got 4"):
        diagnose(run, seed=4)


def test_a_rate_far_too_high_is_lowered_before_anything_is_trained_longer():
    recipe = ll.Recipe(learning_rate=0.5)
    setting = ll.Setting(problem=ll.EchoLag(), framing=ll.Whole(), model=ll.LSTM(), recipe=recipe)
    assert remedy("undertrained", setting).startswith("Use learning_rate=0.01;")


def test_a_tiny_network_at_chance_gets_more_units():
    small, usual = (
        ll.Setting(problem=ll.EchoLag(), framing=ll.Whole(), model=ll.LSTM(hidden_size=size))
        for size in (2, 50)
    )
    assert ", hidden_size=20, or an easier version" in remedy("at chance", small)
    assert "hidden_size" not in remedy("at chance", usual)

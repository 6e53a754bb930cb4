"""Remedies: what a diagnosis says to change can be typed, and leads somewhere."""

import ast
import dataclasses
import re

import numpy as np
import pytest

import longlag as ll
from longlag.adapters.models.user_model import as_factory
from longlag.cli._remedies import as_flags
from longlag.trials.diagnosis import diagnose
from longlag.trials.remedies import remedy

PROBLEM = ll.EchoLag(length=8, values=4)
FRAMINGS = [ll.Whole(), ll.Chunks(), ll.Chunks(timesteps=2, carry=True), ll.Window(timesteps=1)]
MODELS = [ll.LSTM(hidden_size=4), ll.MLP(hidden_size=4)]
REASONS = ["unreachable", "unstable", "at chance", "undertrained", "stuck", "unclear", "stopped"]
REASONS += ["below chance"]


def settings():
    for framing in FRAMINGS:
        for model in MODELS:
            for rate in (1e-3, 1e-1):
                recipe = ll.Recipe(sequences=20, learning_rate=rate)
                yield ll.Setting(problem=PROBLEM, framing=framing, model=model, recipe=recipe)


@pytest.mark.parametrize("reason", REASONS)
def test_changes_that_belong_together_can_be_pasted(reason):
    """A word between two flags is refused by every command."""
    for setting in settings():
        text = as_flags(remedy(reason, setting))
        assert " and --" not in text
        assert "(" not in text


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
            == ("Use carry=True and timesteps=2. Timesteps up to 8 work too.")
        )


@pytest.mark.parametrize(
    ("knobs", "remedies"),
    [
        ({"optimizer": "adamw", "weight_decay": 100.0}, {"Use weight_decay=0.01."}),
        ({"clip_norm": 1e-6}, {"Use clip_norm=1."}),
        (
            {"optimizer": "adamw", "weight_decay": 50.0, "clip_norm": 1e-3},
            {"Use weight_decay=0.01 and clip_norm=1."},
        ),
        ({"learning_rate": 1e-8}, {"Use learning_rate=0.01."}),
        ({"learning_rate": 5.0}, {"Use learning_rate=0.01."}),
        (
            {"optimizer": "sgd", "learning_rate": 1e-6, "clip_norm": 1e-6},
            {"Use learning_rate=1 and clip_norm=1."},
        ),
    ],
)
def test_what_lets_nothing_be_learned_comes_first(knobs, remedies):
    setting = ll.Setting(
        problem=PROBLEM, framing=ll.Whole(), model=ll.LSTM(), recipe=ll.Recipe(**knobs)
    )
    reasons = "at chance", "below chance", "undertrained", "stuck", "unclear"
    assert {remedy(each, setting) for each in reasons} == remedies
    early = dataclasses.replace(setting, recipe=ll.Recipe(**knobs, stop_at=0.5))
    also = next(iter(remedies)).removeprefix("Use ")
    assert remedy("stopped", early) == f"Use stop_at=0.9982 and {also}"


def test_a_decay_of_all_weights_at_once_is_the_cause_of_divergence():
    recipe = ll.Recipe(optimizer="adamw", weight_decay=1000.0, learning_rate=0.01)
    setting = ll.Setting(problem=PROBLEM, framing=ll.Whole(), model=ll.LSTM(), recipe=recipe)
    assert remedy("unstable", setting) == "Use weight_decay=0.01."


def test_an_accuracy_that_ends_a_run_too_early_is_raised():
    """The accuracy named ends it only when it is solved: chance is 0.25, a skill of 0.9975."""
    for stop_at, named in ((0.5, "0.9982"), (0.9982, "1")):
        recipe = ll.Recipe(stop_at=stop_at)
        setting = ll.Setting(problem=PROBLEM, framing=ll.Whole(), model=ll.LSTM(), recipe=recipe)
        assert remedy("stopped", setting) == f"Use stop_at={named}, or none."


def test_a_wider_model_has_heads_of_equal_size():
    for model, width in (
        (ll.Transformer(hidden_size=8, heads=8), 24),
        (ll.LSTM(hidden_size=8), 20),
    ):
        setting = ll.Setting(problem=PROBLEM, framing=ll.Whole(), model=model)
        assert f"hidden_size={width}" in remedy("below chance", setting)


def nothing(*_):
    return None


def test_only_code_of_a_user_s_own_is_searched_for_a_fault():
    ours = ll.Setting(problem=PROBLEM, framing=ll.Whole(), model=ll.LSTM(hidden_size=1))
    theirs = dataclasses.replace(ours, model=as_factory(nothing))
    assert "systematic error" not in remedy("below chance", ours)
    assert "hidden_size=20" in remedy("below chance", ours)
    assert "systematic error" in remedy("below chance", theirs)


def changed(setting, text, alternative):
    """A setting with one alternative of a remedy; None where it names no argument."""
    words = text.partition("; ")[0].removesuffix(".")
    choices = [each for each in re.split(r",? or |, ", words) if "=" in each]
    if not choices:
        return None
    parts = {"framing": setting.framing, "model": setting.model, "recipe": setting.recipe}
    for name, value in re.findall(r"(\w+)=('?[\w.-]*\w'?)", choices[alternative]):
        (own,) = [part for part, each in parts.items() if name in {k.name for k in each.knobs()}]
        parts[own] = dataclasses.replace(parts[own], **{name: ast.literal_eval(value)})
    return dataclasses.replace(setting, **parts)


@pytest.mark.parametrize("alternative", [0, -1])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_remedies_come_to_an_end_whatever_is_found_on_the_way(alternative, optimizer):
    """Else one would send a reader to and fro, or to ever longer training."""
    learned = ll.Setting(
        problem=ll.EchoLag(),
        framing=ll.Whole(),
        model=ll.LSTM(),
        recipe=ll.Recipe(optimizer=optimizer),
    )
    decoded = dataclasses.replace(
        learned, problem=ll.EchoSubsequence(), framing=ll.EncoderDecoder(), model=ll.Seq2Seq()
    )
    rng = np.random.default_rng(0)
    usual = ["undertrained", "stuck", "at chance", "unclear", "below chance", "unstable"]
    for start, reasons in ((learned, usual), (decoded, [*usual, "exposure bias"])):
        for _ in range(10):
            seen, setting = set(), start
            while (text := remedy(str(rng.choice(reasons)), setting)) and (
                after := changed(setting, text, alternative)
            ):
                seen.add(setting)
                setting = after
                assert setting not in seen, text
                assert len(seen) < 30, text
                assert setting.recipe.sequences <= 200_000


@pytest.mark.parametrize("reason", ["stuck", "at chance"])
@pytest.mark.parametrize("alternative", [0, -1])
@pytest.mark.parametrize("model", [ll.LSTM(), ll.LSTM(hidden_size=20), ll.GRU(hidden_size=4)])
def test_a_rate_that_was_raised_is_lowered_again_before_the_end(reason, alternative, model):
    """At a rate of 0.01 a lag may stay out of reach that 0.003 learns."""
    setting = ll.Setting(problem=ll.EchoValue(), framing=ll.Whole(), model=model)
    last = ""
    while after := changed(setting, last := remedy(reason, setting), alternative):
        setting = after
    assert setting.recipe.learning_rate == 0.003
    assert last.startswith("No further change")


def test_where_nothing_is_known_to_help_a_remedy_says_so():
    recipe = ll.Recipe(sequences=100_000, learning_rate=0.01, schedule="cosine")
    model = ll.LSTM(hidden_size=50)
    setting = ll.Setting(problem=ll.EchoLag(), framing=ll.Whole(), model=model, recipe=recipe)
    assert remedy("stuck", setting) == "Use learning_rate=0.003 and schedule='constant'."
    text = "No further change is known to help but more than 100000 sequences."
    assert remedy("undertrained", setting) == text
    assert remedy("at chance", setting).startswith("Use learning_rate=0.003 or an easier")
    lower = dataclasses.replace(recipe, learning_rate=0.003)  # still with the cosine
    setting = dataclasses.replace(setting, recipe=lower)
    assert remedy("stuck", setting) == "No further change is known to help."
    assert remedy("at chance", setting) == (
        "No further change is known to help but an easier version of the problem."
    )


def test_chunks_whose_gradients_reach_some_outputs_alone_get_more_timesteps_at_the_end():
    problem = ll.CumulativeThreshold()
    recipe = ll.Recipe(sequences=128_000, learning_rate=0.01, schedule="cosine")
    framing = ll.Chunks(timesteps=4, carry=True)
    setting = ll.Setting(problem=problem, framing=framing, model=ll.LSTM(), recipe=recipe)
    assert remedy("undertrained", setting) == "Use timesteps=8."
    whole = dataclasses.replace(setting, framing=dataclasses.replace(framing, timesteps=10))
    assert remedy("undertrained", whole).startswith("No further change is known to help but more")


def test_a_decoder_that_does_worse_alone_gets_attention_and_more_sequences():
    problem, framing = ll.EchoSubsequence(), ll.EncoderDecoder()
    for attention, text in ((False, "attention=True and sequences=8000"), (True, "sequences=8000")):
        model = ll.Seq2Seq(attention=attention)
        setting = ll.Setting(problem=problem, framing=framing, model=model)
        assert remedy("exposure bias", setting) == f"Use {text}."


def test_an_overfit_forecast_gets_decay_and_not_fewer_sequences():
    """After fewer sequences it would be told to train longer."""
    series = ll.Setting(problem=ll.Series(range(100)), framing=ll.Whole(), model=ll.LSTM())
    assert remedy("overfit", series) == "Use optimizer='adamw' and weight_decay=1."
    recipe = ll.Recipe(optimizer="adamw", weight_decay=1.0)
    decayed = dataclasses.replace(series, recipe=recipe)
    assert remedy("overfit", decayed) == "No further change is known to help."


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


def test_fewer_sequences_than_a_batch_count_as_a_batch():
    """Else the remedy would train on as many as before."""
    recipe = ll.Recipe(sequences=1, batch_size=8)
    setting = ll.Setting(problem=PROBLEM, framing=ll.Whole(), model=ll.LSTM(), recipe=recipe)
    assert remedy("below chance", setting).startswith("Use sequences=32,")


def test_a_rate_far_too_high_is_lowered_before_anything_is_trained_longer():
    recipe = ll.Recipe(learning_rate=0.5)
    setting = ll.Setting(problem=ll.EchoLag(), framing=ll.Whole(), model=ll.LSTM(), recipe=recipe)
    assert remedy("undertrained", setting).startswith("Use learning_rate=0.01;")


def test_a_tiny_network_at_chance_gets_more_units():
    small, usual = (
        ll.Setting(problem=ll.EchoLag(), framing=ll.Whole(), model=ll.LSTM(hidden_size=size))
        for size in (2, 50)
    )
    assert ", hidden_size=20 or an easier version" in remedy("at chance", small)
    assert "hidden_size" not in remedy("at chance", usual)


def test_a_stuck_model_of_ones_own_may_be_the_limit_itself():
    """Its width has no name here that a remedy could change."""
    own = as_factory(lambda *_: None)
    setting = ll.Setting(problem=PROBLEM, framing=ll.Whole(), model=own)
    assert remedy("stuck", setting).endswith(" or another model.")


def test_few_units_are_named_first_where_a_decoder_does_worse_by_itself():
    small = ll.Setting(
        problem=ll.EchoSubsequence(length=3),
        framing=ll.EncoderDecoder(),
        model=ll.Seq2Seq(hidden_size=2),
    )
    text = "Use hidden_size=20, or attention=True and sequences=8000."
    assert remedy("exposure bias", small) == text


@pytest.mark.parametrize("reason", ["undertrained", "stuck"])
def test_whole_sequences_are_the_last_change_of_carried_pieces(reason):
    recipe = ll.Recipe(learning_rate=0.01, sequences=150_000, schedule="cosine")
    for framing, whole in ((ll.Chunks(timesteps=5, carry=True), True), (ll.Whole(), False)):
        setting = ll.Setting(
            problem=ll.EchoValue(lag=4), framing=framing, model=ll.GRU(), recipe=recipe
        )
        assert ("framing Whole()" in remedy(reason, setting)) == whole


def test_an_unstable_run_is_clipped_before_its_rate_is_lowered():
    """At a tenth of the rate, what the fast one had learned was not learned at all."""
    setting = ll.Setting(problem=ll.EchoLag(), framing=ll.Whole(), model=ll.LSTM())
    for rate, norm, text in (
        (0.1, None, "Use learning_rate=0.01."),
        (0.01, None, "Use clip_norm=1."),
        (0.01, 1.0, "Use learning_rate=0.003."),
        (0.003, 1.0, "Use learning_rate=0.0009."),
    ):
        recipe = ll.Recipe(learning_rate=rate, clip_norm=norm)
        assert remedy("unstable", dataclasses.replace(setting, recipe=recipe)) == text
    hidden = dataclasses.replace(setting, framing=ll.Chunks(carry=True))
    assert remedy("unstable", hidden) == hidden.audit().remedy

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_cases import curve, outcome, seed_score

import longlag as ll
from longlag.trials.diagnosis import diagnose
from longlag.trials.outcome import Bounds, learning_curve, noise
from longlag.trials.seed_score import Tally

FALLING = curve([5.0] * 20 + [1.0 - 0.02 * step for step in range(40)], [0.6] * 60)
SPIKED = curve([1.0, 0.5, 0.2, 0.1, 0.9, 0.2, 0.1, 0.1], [0.6] * 8)
FLAT = curve([0.7] * 40, [0.6] * 40)


def at_accuracy(accuracy, **fields):
    return outcome((accuracy - 0.25) / 0.75, **{"curve": FLAT, **fields})


@pytest.mark.parametrize(
    ("came", "reason", "evidence"),
    [
        (
            at_accuracy(0.6, reachable=0.62, audit="unreachable"),
            "unreachable",
            "the inputs that some outputs need never get to the model's output; "
            "best possible score 0.62, a skill of 0.493",
        ),
        (
            at_accuracy(0.6, ended="diverged", diverged_at=77),
            "unstable",
            "the loss diverged at update 77",
        ),
        (
            at_accuracy(0.6, curve=SPIKED),
            "unstable",
            "the loss rose from 0.1 to 0.9 by update 500; 1 of 8 points of the curve are spikes",
        ),
        (
            at_accuracy(0.6, curve=curve([0.2] * 20, [0.95] * 20), fresh=False),
            "overfit",
            "accuracy 0.950 in training, 0.600 in evaluation",
        ),
        (
            at_accuracy(
                0.6, curve=curve([0.2] * 20, [0.95] * 20), fresh=False, teacher_forcing=True
            ),
            "exposure bias",
            "accuracy 0.950 after the right values, in training, 0.600 after its own",
        ),
        (
            at_accuracy(0.26, curve=curve([1.4] * 20, [0.25] * 20)),
            "at chance",
            "accuracy 0.260, chance 0.25, p = 0.24",
        ),
        (
            at_accuracy(0.1, curve=curve([1.4] * 20, [0.1] * 20)),
            "below chance",
            "accuracy 0.100, chance 0.25",
        ),
        (
            at_accuracy(0.6, curve=FALLING, ended="stopped", updates=480),
            "stopped",
            "training ended at update 480, at the accuracy that was to end it; skill 0.467",
        ),
        (
            at_accuracy(0.6, curve=FALLING),
            "undertrained",
            "the loss fell by 58% over the last quarter, to 0.36",
        ),
        (
            at_accuracy(0.6),
            "stuck",
            "skill 0.467, the loss no longer falls beyond its noise (loss 0.7 at the end)",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) and len(each) < 13 else "",
)
def test_each_reason_is_found_alone_and_names_its_figures(came, reason, evidence):
    found = diagnose(came)
    if reason == "undertrained":  # the share by the loop-written means of the two quarters
        losses = came.curve.loss
        before, after = sum(losses[30:45]) / 15, sum(losses[45:]) / 15
        evidence = f"the loss fell by {1 - after / before:.0%} over the last quarter, to "
        evidence += f"{after:.3g}"
    assert [(each.reason, each.evidence) for each in found] == [(reason, evidence)]
    assert str(found[0]) == f"{reason}: {evidence}"


def test_a_run_that_ended_where_it_was_to_end_is_not_called_stuck():
    run = ll.train(ll.EchoLag(values=5), ll.Whole(), ll.LSTM(), sequences=2000, stop_at=0.5)
    assert run.sequences[0] < 2000
    assert [each.reason for each in diagnose(run)] == ["stopped"]
    assert ll.train(ll.EchoLag(values=5), ll.Whole(), ll.LSTM(), sequences=2000).verdict == "solved"


def test_with_several_seeds_the_reason_names_its_seed():
    problem, model = ll.EchoLag(length=5, values=3), ll.LSTM(hidden_size=4)
    for seeds, start in ((1, ""), (2, "Seed 0: ")):
        run = ll.train(problem, ll.Whole(), model, sequences=30, seeds=seeds)
        assert f"\n{start}at chance: accuracy 0.331" in str(run)


def test_updates_that_score_no_target_are_no_part_of_a_curve():
    """The first piece of an echo asks for nothing: its loss is 0, which is no lowest value."""
    framing = ll.Chunks(timesteps=1, carry=True)
    run = ll.train(ll.EchoLag(length=6, values=4), framing, ll.LSTM(hidden_size=4), sequences=400)
    losses = np.concatenate([each.losses for each in run.history[0]])
    assert (losses[::6] == 0).all()
    curve = run.outcome().curve
    assert min(curve.loss) > 0.5
    assert curve.updates[-1] == len(losses)
    kept = losses.reshape(-1, 6)[:, 1:]
    sizes = np.diff(np.searchsorted(np.nonzero(losses)[0], curve.updates), prepend=0)
    assert np.dot(curve.loss, sizes) / kept.size == pytest.approx(kept.mean(), rel=1e-4)
    reasons = [each.reason for each in ll.diagnose(run)]
    assert "unstable" not in reasons
    assert ll.diagnose(run)[0].remedy == "Use timesteps=2. Timesteps up to 6 work too."


def test_better_than_guessing_where_nothing_can_be_known_is_luck():
    framing, model = ll.Chunks(), ll.MLP(hidden_size=3)
    run = ll.train(ll.EchoLag(length=6, values=4), framing, model, sequences=10)
    (before,) = run.evaluations
    some = np.arange(len(before.inputs))[:, None] % 3 == 0
    lucky = np.where(some, before.targets, before.predicted)
    run = dataclasses.replace(run, evaluations=(dataclasses.replace(before, predicted=lucky),))
    assert run.chance_probability < 1e-3
    assert run.verdict == "at chance"
    assert "no input in sight lifts it above chance" in run.reason


def test_a_real_target_is_within_tolerance_in_every_line():
    run = ll.train(ll.Ramp(), ll.Whole(), ll.LSTM(hidden_size=2), sequences=20)
    first = ll.diagnose(run)[0]
    assert first.reason == "at chance"
    assert first.evidence.startswith("within tolerance 0.")
    assert "accuracy" not in str(run)


def test_what_is_solved_has_no_reason():
    assert diagnose(outcome(0.995, curve=SPIKED)) == ()
    assert diagnose(outcome(0.75), solve_at=0.75) == ()
    assert diagnose(outcome(0.75), solve_at=0.76) != ()


def test_what_diverged_is_not_solved():
    found = diagnose(outcome(1.0, ended="diverged", diverged_at=3))
    assert [each.reason for each in found] == ["unstable"]


def test_all_that_applies_is_said_and_what_explains_most_comes_first():
    came = at_accuracy(
        0.25,
        reachable=0.3,
        audit="unreachable",
        ended="diverged",
        diverged_at=4,
        curve=SPIKED,
        fresh=False,
    )
    came = dataclasses.replace(came, curve=SPIKED._replace(accuracy=(0.9,) * 8))
    reasons = [each.reason for each in diagnose(came)]
    assert reasons == ["unreachable", "unstable", "overfit", "at chance"]


def test_what_is_in_sight_only_in_part_may_still_be_enough():
    came = at_accuracy(0.7, reachable=0.9, audit="state-only")
    assert [each.reason for each in diagnose(came, solve_at=0.85)] == ["stuck"]
    assert [each.reason for each in diagnose(came, solve_at=0.9)] == ["unreachable"]


def test_a_trial_that_made_no_update_is_diagnosed():
    came = at_accuracy(0.6, updates=0, sequences=0, curve=curve([], []))
    (found,) = diagnose(came)
    assert (found.reason, found.evidence) == (
        "unclear",
        "skill 0.467; 0 updates are too few to tell whether the loss still falls",
    )


def called(reason, outcomes):
    """The share of outcomes that are given this reason, among others."""
    return np.mean([any(each.reason == reason for each in diagnose(one)) for one in outcomes])


@pytest.mark.parametrize("points", [20, 50, 200])
@pytest.mark.parametrize("noise", [0.03, 0.3])
def test_a_flat_noisy_loss_is_rarely_called_undertrained(points, noise):
    rng = np.random.default_rng(points)
    flat = np.abs(rng.normal(1, noise, (600, points)))
    assert called("undertrained", [at_accuracy(0.6, curve=curve(loss)) for loss in flat]) < 0.02


@pytest.mark.parametrize("points", [20, 50, 200])
def test_a_loss_that_falls_through_the_noise_is_called_undertrained(points):
    rng = np.random.default_rng(points)
    falling = np.linspace(2, 1, points) + rng.normal(0, 0.02, (100, points))
    assert called("undertrained", [at_accuracy(0.6, curve=curve(loss)) for loss in falling]) > 0.98


@given(st.integers(0, 2**32))
def test_a_loss_that_falls_and_wavers_is_not_called_unstable(seed):
    rng = np.random.default_rng(seed)
    loss = np.exp(-np.linspace(0, 5, 60)) * rng.uniform(0.7, 1.3, 60)
    assert called("unstable", [at_accuracy(0.6, curve=curve(loss))]) == 0


@given(st.integers(0, 2**32), st.integers(10, 50), st.floats(5, 100))
def test_a_rise_far_above_the_lowest_loss_is_a_spike_wherever_it_comes(seed, at, height):
    rng = np.random.default_rng(seed)
    loss = rng.uniform(0.1, 0.12, 60)
    loss[0] = 1.0
    loss[at] = 0.12 * height
    (found,) = (
        each for each in diagnose(at_accuracy(0.6, curve=curve(loss))) if each.reason == "unstable"
    )
    assert f"to {loss[at]:.3g} by update {100 * (at + 1)};" in found.evidence


@pytest.mark.parametrize(
    ("last", "shares", "reason"),
    [
        (0.045, 0.98, "unstable"),  # learned, and lost in the last updates
        (0.001, 1.0, None),
        (0.045, 1.0, None),  # its answers are as right as before
    ],
)
def test_a_rise_at_the_end_of_a_run_that_had_solved_it_is_no_lack_of_training(last, shares, reason):
    losses = [*np.linspace(2.3, 0.02, 60), *[0.002] * 30, *[0.001] * 9, last]
    found = diagnose(at_accuracy(0.95, curve=curve(losses, [0.9] * 60 + [1.0] * 39 + [shares])))
    assert (found[0].reason == "unstable") == bool(reason)
    if reason:
        assert "was solved in training by update" in found[0].evidence
        assert "rose from 0.001 to 0.045 at the end" in found[0].evidence


def test_equal_skill_in_training_and_evaluation_is_rarely_called_overfit():
    """Stretches of 50 sequences, the last of one, and an evaluation of 1,000, all of one kind."""
    rng = np.random.default_rng(0)
    came = []
    for _ in range(1000):
        trained = [*rng.binomial(50, 0.6, 19) / 50, float(rng.integers(2))]
        tested = rng.binomial(1000, 0.6) / 1000
        noisy = curve([0.7] * 20, trained)
        noisy = noisy._replace(updates=(*noisy.updates[:-1], noisy.updates[-2] + 2))
        came.append(at_accuracy(tested, curve=noisy, sequences=1000, fresh=False))
    assert called("overfit", came) < 0.02


def test_a_guesser_is_at_chance_and_hardly_ever_below_it():
    rng = np.random.default_rng(0)
    came = []
    for _ in range(1000):
        hits = int(rng.binomial(1000, 0.25))
        tally = Tally(hits, 1000, 1000, float(hits), float(hits))
        flat = curve([1.4] * 20, [0.25] * 20)
        came.append(at_accuracy(hits / 1000, tally=tally, curve=flat))
    assert called("at chance", came) >= 0.93
    assert called("below chance", came) <= 0.002


def test_a_run_that_explodes_at_once_is_unstable_and_a_wavering_one_is_not():
    """Adam at a rate of 3: the loss is many times the first one within five updates."""
    setting = {"problem": ll.EchoLag(length=12, lag=1, values=8), "framing": ll.Whole()}
    for rate, seeds in ((3.0, 4), (0.03, 2)):
        run = ll.train(
            **setting,
            model=ll.LSTM(hidden_size=12),
            sequences=600,
            batch_size=5,
            learning_rate=rate,
            seeds=seeds,
        )
        for place in range(seeds):
            reasons = [each.reason for each in diagnose(run.outcome(place))]
            assert (reasons[:1] == ["unstable"]) == (rate == 3), reasons


@pytest.mark.parametrize("targets", [1, 3, 10])
def test_a_first_batch_that_is_easy_by_chance_is_rarely_an_explosion(targets):
    """Squared errors of so many targets a batch; the first point of the curve is of one batch."""
    every = np.random.default_rng(0).chisquare(targets, (400, 400)) / targets
    came = [
        at_accuracy(0.6, curve=learning_curve([(losses, 0.6)]), noise=noise(losses))
        for losses in every
    ]
    assert called("unstable", came) <= 0.04


def test_better_training_than_evaluation_is_no_overfitting_where_every_sequence_is_new():
    better = curve([0.2] * 20, [0.95] * 20)
    assert called("overfit", [at_accuracy(0.6, curve=better)]) == 0
    assert called("overfit", [at_accuracy(0.6, curve=better, fresh=False)]) == 1


@pytest.mark.parametrize("losses", [[1e308] * 20, [1.0, 1e308] * 10])
def test_losses_near_the_largest_number_are_diagnosed_without_a_warning(losses):
    """As of a store that was written by hand: any warning of NumPy fails a test."""
    assert diagnose(at_accuracy(0.6, curve=curve(losses, [0.6] * 20)))


def test_a_real_run_at_a_huge_learning_rate_is_unstable():
    run = ll.train(
        ll.CumulativeThreshold(length=4),
        ll.Whole(),
        ll.MLP(hidden_size=4),
        sequences=200,
        learning_rate=1e9,
        optimizer="sgd",
    )
    found = diagnose(run.outcome())
    assert found[0].reason == "unstable"
    assert f"at update {run.diverged_at[0]}" in found[0].evidence


def test_of_few_updates_it_is_not_said_that_they_have_stopped_learning():
    (found,) = diagnose(outcome(0.5, curve=curve([1.0] * 7), updates=700))
    assert found.reason == "unclear"
    assert "700 updates are too few to tell" in found.evidence
    (found,) = diagnose(outcome(0.5, curve=curve([1.0] * 8)))
    assert found.reason == "stuck"


def test_a_main_test_of_another_problem_is_told_from_the_problem_trained_on():
    scores = {"longer": seed_score(0.2, in_distribution=False)}
    first, *_ = diagnose(outcome(scores=scores, validation=1.0))
    assert str(first) == (
        "does not generalise: skill 1.000 on the problem trained on, 0.200 on the main test"
    )
    for validation in (None, 0.5):
        reasons = [each.reason for each in diagnose(outcome(scores=scores, validation=validation))]
        assert not {"does not generalise", "overfit"} & set(reasons)
    assert diagnose(outcome(scores={"longer": seed_score(1.0, in_distribution=False)})) == ()


def test_what_is_in_sight_is_judged_beside_the_problem_trained_on():
    scores = {"easier": seed_score(0.5, chance=0.6, in_distribution=False)}
    came = outcome(scores=scores, reachable=0.7, audit="unreachable", bounds=Bounds(0.5, 1.0))
    first, *_ = diagnose(came)
    assert str(first) == (
        "unreachable: the inputs that some outputs need never get to the model's output; "
        "best possible score 0.7, a skill of 0.4"
    )

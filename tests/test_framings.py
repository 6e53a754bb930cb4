import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import longlag as ll
from longlag import streams
from longlag.arrays import MISSING
from longlag.encodings import Scaled
from longlag.framings import (
    FRAMINGS,
    Chunks,
    EncoderDecoder,
    Prefix,
    Vector,
    Whole,
    Window,
    fitting,
)
from longlag.problems import EchoLag, EchoSubsequence, Episodes, Ramp, Series
from longlag.trials.fit import batches
from longlag.trials.setting import Setting

FRAMED = [
    Chunks(),
    Chunks(timesteps=4),
    Chunks(timesteps=3, carry=True),
    Chunks(timesteps=1, carry=True, rows="consecutive"),
    Window(),
    Window(timesteps=1),
    Window(timesteps=25),
    Window(timesteps=5, missing="mark"),
    Window(timesteps=5, missing="mask"),
    Window(timesteps=5, carry=True),
    Prefix(),
    Prefix(pad="end"),
    Whole(),
]
ANSWERING = [Vector(), EncoderDecoder()]
every_framing = pytest.mark.parametrize("framing", FRAMED, ids=repr)


def rows_by_loop(framing, sequence):
    """Samples of one sequence, written out step by step; None where a row lacks data."""
    length = len(sequence)
    if isinstance(framing, Whole):
        return [list(range(length))]
    if isinstance(framing, Chunks):
        rows = []
        for start in range(0, length, framing.timesteps):
            row = list(range(start, min(start + framing.timesteps, length)))
            rows.append(row + [None] * (framing.timesteps - len(row)))
        return rows
    timesteps = length if isinstance(framing, Prefix) else framing.timesteps
    rows = []
    for last in range(length):
        row = [step if step >= 0 else None for step in range(last - timesteps + 1, last + 1)]
        if isinstance(framing, Prefix) and framing.pad == "end":
            row = list(range(last + 1)) + [None] * (length - last - 1)
        rows.append(row)
    if isinstance(framing, Window) and framing.missing == "drop":
        rows = rows[timesteps:] or rows[-1:]
    return rows


def test_every_framing_is_tried():
    assert {type(framing) for framing in FRAMED + ANSWERING} == set(FRAMINGS.values())


@every_framing
@settings(max_examples=30)  # for each of them
@given(lag=st.integers(0, 24), seed=st.integers(0, 1000))
def test_samples_are_those_written_with_loops(framing, lag, seed):
    problem = EchoLag(lag=lag)
    inputs, targets, mask = framing.sample(problem, np.random.default_rng(seed), 2)
    episodes = problem.draw(np.random.default_rng(seed), 2)
    expected = []
    for shown, asked in zip(episodes.inputs.tolist(), episodes.targets.tolist(), strict=True):
        for row in rows_by_loop(framing, shown):
            said = row if framing.output == "every" else [s for s in row if s is not None][-1:]
            expected.append(
                (
                    [MISSING if step is None else shown[step] for step in row],
                    [asked[step] if step is not None and step >= lag else MISSING for step in said],
                    [step is not None or framing.marks for step in row],
                )
            )
    assert inputs.tolist() == [row[0] for row in expected]
    assert targets.tolist() == [row[1] for row in expected]
    assert mask.tolist() == [row[2] for row in expected]


@every_framing
@pytest.mark.parametrize("batch_size", [1, 5, 6, 25])
def test_batches_hold_every_sample_once_and_are_full(framing, batch_size):
    problem, scored = EchoLag(lag=1), EchoLag(lag=1).scored()
    if framing.carries and not framing.parallel and (framing, batch_size) not in CARRIED:
        with pytest.raises(ValueError, match=r"`batch_size` must divide the .* samples"):
            framing.layout(problem, batch_size)
        return
    layout = framing.layout(problem, batch_size)
    assert layout.steps.shape[1] == batch_size
    assert sorted(np.unique(layout.rows)) == list(range(layout.sequences))
    table = framing.table(25)
    for sequence in range(layout.sequences):
        rows = layout.steps[layout.rows == sequence]
        left_out = len(table) - len(rows)
        assert rows.tolist() == table[left_out:].tolist()
        asked = scored & np.isin(np.arange(25), table[:left_out])
        assert left_out == 0 or not asked.any(), "only rows without a target may be left out"


CARRIED = {
    (Chunks(timesteps=1, carry=True, rows="consecutive"), size) for size in (1, 5, 6, 25)
} | {(Window(timesteps=5, carry=True), size) for size in (1, 5)}


def test_the_source_has_24_pairs_without_context_and_20_with():
    problem = EchoLag(lag=1)
    one = Chunks(timesteps=1, carry=True, rows="consecutive").layout(problem, 6)
    assert one.steps.shape == (4, 6, 1)
    assert one.scored.all()
    assert Window(timesteps=5).layout(problem, 5).steps.shape == (4, 5, 5)


def test_parallel_rows_have_a_sequence_each():
    layout = Chunks(timesteps=1, carry=True).layout(EchoLag(), 6)
    assert layout.sequences == 6
    assert (layout.rows == np.arange(6)).all()
    assert (layout.steps[..., 0] == np.arange(25)[:, None]).all()


def test_two_framings_of_one_seed_show_the_same_sequences():
    problem, rngs = EchoLag(), [np.random.default_rng(4) for _ in range(2)]
    whole, steps = (
        framing.sample(problem, rng, 3)
        for framing, rng in zip([Whole(), Chunks()], rngs, strict=True)
    )
    assert whole.inputs.ravel().tolist() == steps.inputs.ravel().tolist()


def test_episodes_that_fill_no_whole_block_are_refused():
    layout = Chunks(carry=True).layout(EchoLag(), 2)
    with pytest.raises(ValueError, match=r"whole blocks of 2, got 5\. Draw a multiple of 2"):
        layout.gather(EchoLag().draw(np.random.default_rng(0), 5))
    with pytest.raises(ValueError, match="got 0"):
        Whole().sample(EchoLag(), np.random.default_rng(0), 0)


@pytest.mark.parametrize(
    ("framing", "message"),
    [
        (Window(timesteps=26), r"Window: `timesteps` must be at most .*, 25, got 26"),
        (Chunks(timesteps=26), r"Chunks: `timesteps` must be at most .*, 25, got 26"),
    ],
)
def test_more_timesteps_than_the_sequence_has_are_refused(framing, message):
    with pytest.raises(ValueError, match=message):
        framing.sample(EchoLag(), np.random.default_rng(0), 1)


@pytest.mark.parametrize("kind", [Window, Chunks])
def test_no_timesteps_are_refused(kind):
    with pytest.raises(ValueError, match="`timesteps` must be at least 1, got 0"):
        kind(timesteps=0)


def test_a_batch_that_does_not_divide_names_batches_that_do():
    framing = Chunks(timesteps=1, carry=True, rows="consecutive")
    with pytest.raises(ValueError, match=r"got 7\. Use batch_size=6, 8 or 5, or rows='parallel'\."):
        framing.layout(EchoLag(), 7)


def test_consecutive_rows_without_carried_state_are_refused():
    with pytest.raises(ValueError, match=r"Use carry=True\."):
        Chunks(rows="consecutive")


def test_the_answer_is_asked_for_whole_once_the_input_has_been_shown():
    problem = EchoSubsequence(length=4, values=7, start=1, count=2)
    for framing in ANSWERING:
        samples = framing.sample(problem, np.random.default_rng(0), 3)
        episodes = problem.draw(np.random.default_rng(0), 3)
        assert samples.inputs.tolist() == episodes.inputs[:, :4].tolist()
        assert samples.targets.tolist() == episodes.inputs[:, 1:3].tolist()
        assert samples.mask.all()
        layout = framing.layout(problem, 5)
        assert layout.steps.shape == (1, 5, 4)
        assert layout.scored_steps.tolist() == [4, 5]
        assert layout.output_positions.tolist() == [[[3, 3]] * 5]


def test_framings_step_by_step_show_the_blank_of_an_answer():
    problem = EchoSubsequence(length=3, values=7)
    inputs, targets, _ = Whole().sample(problem, np.random.default_rng(0), 1)
    assert inputs[0, 3:].tolist() == [7] * 3
    assert targets[0].tolist() == [MISSING] * 3 + inputs[0, :3].tolist()


@pytest.mark.parametrize("framing", ANSWERING, ids=repr)
def test_a_problem_without_an_answer_is_refused_with_the_framings_that_fit(framing):
    name = type(framing).__name__
    with pytest.raises(
        ValueError, match=rf"^{name}: EchoLag has no answer .* Use framing Whole\(\), "
    ):
        framing.layout(EchoLag(), 5)
    assert list(fitting(EchoLag())) == ["chunks", "window", "prefix", "whole"]
    assert list(fitting(EchoSubsequence())) == list(FRAMINGS)


def test_real_targets_are_nan_where_nothing_is_scored():
    samples = Chunks(timesteps=4).sample(Ramp(length=10), np.random.default_rng(0), 1)
    assert samples.targets.dtype == samples.inputs.dtype == np.float32
    assert np.isnan(samples.targets).tolist() == [[False] * 4, [False] * 4, [False] + [True] * 3]
    assert samples.scored.tolist() == (~np.isnan(samples.targets)).tolist()
    assert samples.mask.tolist() == samples.scored.tolist()
    assert samples.inputs[2, 1:].tolist() == [MISSING] * 3


def test_a_framing_that_leaves_no_target_is_refused():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class First(EchoLag):
        def scored(self):
            return np.arange(self.length) == 0

    assert Whole().layout(First(lag=0), 1).scored.sum() == 1
    with pytest.raises(ValueError, match=r"^Window: no sample of .* has a target\. Use fewer"):
        Window(timesteps=5).layout(First(lag=0), 1)


@pytest.mark.parametrize("framing", [*FRAMED, *ANSWERING], ids=repr)
def test_a_stream_gives_what_is_trained_on_however_it_is_shared_out(framing):
    answers = EchoSubsequence(length=4, count=2)
    problem = answers if framing in ANSWERING else EchoLag(values=7)
    layout, plain = framing.layout(problem, 4), []
    rng = streams.training(3)
    for _ in range(6):  # block by block
        samples = layout.gather(problem.draw(rng, layout.sequences))
        for update in range(len(layout.steps)):
            rows = slice(4 * update, 4 * update + 4)
            plain.append((*(array[rows] for array in samples), not layout.carry or update == 0))
    for parts in (1, 2, 5):
        shared = [framing.stream(problem, 4, 3, part=part, parts=parts) for part in range(parts)]
        for place, wanted in enumerate(plain):
            for ours, theirs in zip(next(shared[place % parts]), wanted, strict=True):
                np.testing.assert_array_equal(ours, theirs)


SHUFFLED = Chunks(timesteps=5, carry=True, rows="shuffled")


def _pieces(batches, count):
    """The pieces of so many batches, as text, with their targets."""
    some = list(itertools.islice(batches, count))
    pairs = [
        (*row, *out) for each in some for row, out in zip(each.inputs, each.targets, strict=True)
    ]
    return [str([*map(int, pair)]) for pair in pairs]


def test_shuffled_pieces_are_those_in_order_but_for_their_order_which_is_another_in_each_block():
    problem = EchoLag(lag=1)
    ordered = dataclasses.replace(SHUFFLED, rows="parallel")
    found, kept = (_pieces(f.stream(problem, 4, 3), 3 * 5) for f in (SHUFFLED, ordered))
    orders = set()
    for block in range(3):  # 4 sequences of 5 pieces
        ours, theirs = (each[20 * block : 20 * block + 20] for each in (found, kept))
        assert sorted(ours) == sorted(theirs)
        orders.add(tuple(theirs.index(piece) for piece in ours))
    assert len(orders) == 3
    # A piece follows the one before it in its row hardly ever: 1 of 20 times by chance.
    assert (
        sum(b == a + 4 for order in orders for a, b in zip(order[:-4], order[4:], strict=True))
        <= 10
    )


def test_shuffled_pieces_are_what_is_trained_on_in_chunks_of_any_size():
    setting = Setting(problem=EchoLag(values=7), framing=SHUFFLED, model=ll.LSTM(hidden_size=2))
    size = setting.recipe.batch_size
    stream = SHUFFLED.stream(setting.problem, size, 4)
    plain = np.concatenate([next(stream).inputs for _ in range(20)])
    for updates in (5, 10, 20):
        several = batches(setting, setting.layout, streams.training(4), updates)
        chunks = [next(several) for _ in range(20 // updates)]
        inputs = np.concatenate([np.asarray(each.inputs) for each in chunks])
        assert inputs.reshape(plain.shape).tolist() == plain.tolist()
        reset = np.asarray(chunks[0].reset)
        assert [*np.flatnonzero(reset)] == [*range(0, updates, 5)]


def test_shuffled_pieces_are_scored_in_order():
    problem = EchoLag(values=7)
    one, other = (
        dataclasses.replace(SHUFFLED, rows=rows).layout(problem, 1)
        for rows in ("shuffled", "parallel")
    )
    for name in ("steps", "rows", "target_steps", "present"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()


def test_pieces_without_carried_state_have_no_order_to_shuffle():
    with pytest.raises(ValueError, match=r"got shuffled\. Use carry=True\."):
        Chunks(rows="shuffled")


def test_a_stream_goes_on_past_what_it_draws_at_once():
    problem, framing = Ramp(length=500), Whole()
    one = framing.stream(problem, 64, 0)
    second = framing.stream(problem, 64, 0, part=1, parts=2)
    for place, batch in enumerate(itertools.islice(one, 9)):
        assert batch.inputs.shape == (64, problem.steps)
        if place % 2:
            np.testing.assert_array_equal(batch.inputs, next(second).inputs)


def test_a_stream_gives_features_where_they_are_asked_for():
    problem, framing = EchoLag(values=7), Window(timesteps=3)
    values = next(framing.stream(problem, 4))
    one_hot = next(framing.stream(problem, 4, features=True))
    scaled = next(framing.stream(problem, 4, features=True, encoding=Scaled))
    assert one_hot.inputs.shape == (4, 3, 7)
    np.testing.assert_array_equal(one_hot.inputs.argmax(axis=-1), values.inputs)
    np.testing.assert_allclose(scaled.inputs[..., 0], values.inputs / 6, rtol=1e-6)
    np.testing.assert_array_equal(one_hot.targets, values.targets)


@pytest.mark.parametrize(("part", "parts"), [(-1, 2), (2, 2), (0, 0)])
def test_there_is_no_other_part_of_a_stream(part, parts):
    with pytest.raises(ValueError, match=r"`part` must be from 0 to|`parts` must be at least 1"):
        Whole().stream(EchoLag(), part=part, parts=parts)


# Inputs of several reals, and steps that lack data.


@every_framing
@settings(max_examples=20)
@given(features=st.integers(2, 3), seed=st.integers(0, 99))
def test_features_and_gaps_of_steps_go_where_their_steps_go(framing, features, seed):
    rng = np.random.default_rng(seed)
    plain = EchoLag(lag=0, length=25)
    layout = framing.layout(plain, 1)
    inputs = rng.normal(size=(2, 25, features)).astype(np.float32)
    present = rng.random((2, 25)) < 0.9
    steps = np.broadcast_to(np.arange(25, dtype=np.int32), (2, 25))
    scored = np.ones((2, 25), bool)
    gathered = layout.gather(Episodes(steps, steps, scored))
    found = layout.gather(Episodes(inputs, steps.astype(np.float32), scored, present))
    each = len(gathered.inputs) // 2
    assert found.inputs.shape == (*gathered.inputs.shape, features)
    assert found.mask.shape == gathered.mask.shape
    for sample, shown in enumerate(gathered.inputs):
        for time, step in enumerate(shown):
            there = found.mask[sample, time]
            if step == MISSING:
                assert found.inputs[sample, time].tolist() == [MISSING] * features
                assert there == framing.marks
                continue
            cells = inputs[sample // each, step]
            assert there == present[sample // each, step]
            assert found.inputs[sample, time].tolist() == cells.tolist()


def test_what_does_not_fit_says_why_in_the_words_of_its_framing():
    class Odd(Whole):
        def misfit(self, problem):
            return f"{type(problem).__name__} is even. Use another length."

    with pytest.raises(ValueError, match=r"^Odd: EchoLag is even\. Use another length\.$"):
        Odd().layout(EchoLag(), 1)


def test_a_window_does_not_mark_with_what_may_be_a_value():
    series = Series(np.arange(60.0), length=5)
    with pytest.raises(ValueError, match=r"^Window: `missing` marks with -1, .* missing='mask'"):
        Window(timesteps=3, missing="mark").layout(series, 1)
    assert Window(timesteps=3, missing="mark").layout(Ramp(), 1).present.all()


@every_framing
def test_a_gap_of_one_real_is_a_step_that_is_passed_over(framing):
    layout = framing.layout(EchoLag(lag=0, length=25), 1)
    inputs = np.arange(25, dtype=np.float32)[None].copy()
    there = np.arange(25)[None] != 7
    found = layout.gather(Episodes(inputs, inputs, there, there))
    where = layout.steps.reshape(found.mask.shape) == 7
    assert not found.mask[where].any()
    present = layout.present.reshape(found.mask.shape)
    assert (found.mask[~where] == present[~where]).all()
    assert np.isnan(found.targets[layout.target_steps.reshape(found.targets.shape) == 7]).all()

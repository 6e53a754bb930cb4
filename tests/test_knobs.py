import dataclasses
import inspect
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import longlag as ll
from longlag.encodings import ENCODINGS
from longlag.framings import FRAMINGS
from longlag.knobs import Knobs, knob, lookup, unknown_name
from longlag.models import MODELS
from longlag.problems import PROBLEMS
from longlag.training import Recipe

EVERY = [*PROBLEMS.values(), *FRAMINGS.values(), *ENCODINGS.values(), *MODELS.values(), Recipe]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example(Knobs):
    count: int = knob(3, "How many.", at_least=1, below="limit")
    limit: int = knob(10, "Bound.")
    rate: float = knob(0.5, "Speed.", above=0)
    deep: bool = knob(False, "Whether deep.")
    size: int | None = knob(None, "Size, if any.", at_least=2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Below(Knobs):
    share: float = knob(3.0, "How much.", below="limit")
    limit: int = knob(10, "Bound.")


def test_a_number_beyond_any_bound_asks_for_a_smaller_one():
    with pytest.raises(ValueError, match=r"got 1e\+300\. Use a share below 10\."):
        Below(share=1e300)
    with pytest.raises(ValueError, match=r"got 12\.5\. Use a share below 10\."):
        Below(share=12.5)


# Of `Example`, since the arguments of the library's own classes are type-checked under test.
@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ({"limit": np.uint8(200)}, {"limit": 200}),
        ({"count": np.int64(3)}, {"count": 3}),
        ({"rate": np.float32(0.25)}, {"rate": 0.25}),
        ({"rate": Fraction(1, 4)}, {"rate": 0.25}),
        ({"rate": np.int8(2)}, {"rate": 2.0}),
        ({"rate": 2}, {"rate": 2.0}),
        ({"size": np.uint16(7)}, {"size": 7}),
    ],
)
def test_a_number_of_another_type_becomes_a_plain_one(given: Any, plain):
    assert repr(Example(**given)) == repr(Example(**plain))


def test_a_number_of_eight_bits_does_not_overflow():
    wide: Any = {"count": np.uint8(255), "limit": np.uint8(255)}
    with pytest.raises(ValueError, match=r"below `limit` \(255\), got 255. Use limit=256 or more."):
        Example(**wide)
    with pytest.raises(ValueError, match="`count` must be at least 1, got -128"):
        Example(count=np.int8(-128))  # pyright: ignore[reportArgumentType]


def test_a_number_too_large_for_a_real_one_is_refused():
    with pytest.raises(ValueError, match="`rate` must be at most 2147483647, got a larger number"):
        Example(rate=Fraction(10**400))  # pyright: ignore[reportArgumentType]


def test_a_whole_number_draws_what_the_equal_real_one_draws():
    whole, real = (
        ll.AssociativeRecall(length=12, spread=spread).draw(np.random.default_rng(0), 9).inputs
        for spread in (5, 5.0)
    )
    np.testing.assert_array_equal(whole, real)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"coutn": 2}, TypeError, r"^Example has no argument `coutn`. Did you mean `count`\?$"),
        ({"zzz": 2}, TypeError, r"Known: count, limit, rate, deep, size\.$"),
        ({"count": 0}, ValueError, "`count` must be at least 1, got 0. Use count=1 or more."),
        ({"count": 12}, ValueError, r"below `limit` \(10\), got 12. Use limit=13 or more."),
        ({"count": 1.5}, TypeError, "`count` must be a whole number, got 1.5"),
        ({"count": True}, TypeError, "`count` must be a whole number, got True"),
        ({"rate": 0}, ValueError, "`rate` must be above 0, got 0"),
        ({"rate": float("nan")}, ValueError, "`rate` must be a finite number, got nan"),
        ({"rate": float("inf")}, ValueError, "`rate` must be a finite number, got inf"),
        ({"rate": "fast"}, TypeError, "`rate` must be a finite number, got 'fast'"),
        ({"deep": 1}, TypeError, "`deep` must be True or False, got 1"),
        ({"size": 1}, ValueError, "`size` must be at least 2"),
    ],
)
def test_a_bad_knob_is_refused_with_the_remedy(settings, error, message):
    with pytest.raises(error, match=message):
        Example(**settings)


def test_an_optional_knob_may_be_none_and_a_whole_number_may_be_a_rate():
    assert Example(size=None, rate=1).rate == 1


def test_a_range_reads_as_it_is_written():
    ranges = {knob.name: knob.range for knob in Example.knobs()}
    assert ranges["count"] == "1 ≤ count < limit"
    assert ranges["rate"] == "0 < rate"
    assert ranges["deep"] == "true | false"


@pytest.mark.parametrize("kind", EVERY)
def test_every_knob_of_everything_has_a_default_within_its_range_and_help(kind):
    kind()
    assert all(knob.help.endswith(".") for knob in kind.knobs())


@pytest.mark.parametrize("kind", EVERY)
def test_everything_refuses_an_unknown_knob(kind):
    with pytest.raises(TypeError, match="has no argument `lenght`"):
        kind(lenght=3)


def test_a_lookup_names_the_nearest():
    with pytest.raises(ValueError, match=r"There is no problem `eco-lag`. Did you mean `echo-lag`"):
        lookup("problem", "eco-lag", PROBLEMS)


def test_a_function_names_the_argument_that_was_meant():
    setup = ll.EchoLag(), ll.Whole()
    keras: dict[str, Any] = {"epochs": 5}
    typo: dict[str, Any] = {"batchsize": 5}
    with pytest.raises(TypeError, match=r"train has no argument `epochs`\. longlag .*`sequences`"):
        ll.train(*setup, ll.LSTM(), **keras)
    with pytest.raises(TypeError, match=r"frontier has no argument `epochs`\. longlag .*`budget`"):
        ll.frontier(*setup, ll.LSTM(), **keras)
    with pytest.raises(TypeError, match=r"audit has no argument `batchsize`\. Did .*`batch_size`"):
        ll.audit(*setup, **typo)


LOOSE: Any = ll  # as a caller without a type checker has it


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: LOOSE.LSTM(stateful=True), "calls it `carry`, an argument of Chunks"),
        (lambda: LOOSE.LSTM(num_layers=2), "are one layer; the model residual has several of them"),
        (lambda: LOOSE.LSTM(input_size=3), "it follows from problem and encoding"),
        (lambda: LOOSE.LSTM(20), "LSTM takes its arguments by name: LSTM(hidden_size=…)"),
        (lambda: LOOSE.train(ll.EchoLag(), ll.Whole(), ll.LSTM(), seed=3), "calls it `seeds`"),
        (
            lambda: LOOSE.train(ll.EchoLag(), ll.Whole(), ll.LSTM(), shuffle=False),
            "calls it `rows`",
        ),
    ],
)
def test_a_word_of_another_library_is_answered_with_ours(call, text):
    with pytest.raises(TypeError, match=re.escape(text)):
        call()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_size": 3}, r"`hidden_size`. It is an argument of LSTM\(hidden_size=3\)\.$"),
        ({"lag": 2}, r"It is an argument of EchoLag\(lag=2\)\.$"),
        ({"carry": True}, r"It is an argument of Chunks\(carry=True\) or Window\(carry=True\)\.$"),
        ({"timesteps": 3}, r"`timesteps`. It is an argument of Chunks\(timesteps=3\) or Window"),
        ({"trials": 3}, "longlag calls it `seeds`"),
        ({"n_in": 3}, "longlag calls it `timesteps`, an argument of Chunks"),
        ({"n_out": 3}, "longlag calls it `horizon`, an argument of Series"),
        ({"padding": "post"}, "longlag calls it `pad`, an argument of Prefix"),
        ({"gpu": True}, "JAX chooses it"),
        ({"save_path": "m"}, r"run\.save\(path\) writes its model\.$"),
        ({"verbose": 1}, r"on standard error; progress=False shows none\.$"),
        ({"validation_split": 0.1}, r"of a series Series\(scored_on=0\.15\) is the share of rows"),
        ({"lr": 0.1}, "longlag calls it `learning_rate`"),
        ({"callbacks": []}, "train takes stop_at, which ends it early, and track"),
        ({"progress": False}, "train shows none; studies do"),
        ({"recipe": None}, "its knobs are arguments of their own"),
        ({"features": 2}, "longlag calls it `values`, an argument of problems"),
    ],
)
def test_an_argument_of_another_part_is_said_with_the_call_that_takes_it(arguments, message):
    with pytest.raises(TypeError, match=message):
        ll.train(ll.EchoLag(), ll.Whole(), ll.LSTM(), **arguments)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SimpleRNN", "longlag has no `SimpleRNN`. longlag calls it `RNN`: "),
        ("Dense", "longlag has no `Dense`: models have a dense layer at each output of their own."),
        ("TimeDistributed", "`TimeDistributed`: models have a dense layer"),
        ("Lstm", "Did you mean `LSTM`?"),
        ("window", "Did you mean `Window`?"),
    ],
)
def test_a_class_of_another_library_is_answered_with_ours(name, message):
    with pytest.raises(AttributeError, match=re.escape(message)):
        getattr(ll, name)


@pytest.mark.parametrize(
    ("raised", "then", "kind", "message"),
    [
        ("AttributeError('deep inside')", "", AttributeError, "^deep inside$"),
        ("KeyboardInterrupt", "AttributeError('deep inside')", ImportError, "Start Python again"),
        ("KeyboardInterrupt", "RecursionError", ImportError, "`train`: its first import was int"),
    ],
)
def test_an_error_of_a_first_import_is_no_unknown_name(monkeypatch, raised, then, kind, message):
    """As where Ctrl-C has left a library that is loaded in part."""
    errors = [eval(each) for each in (raised, then) if each]

    def fails(_: str) -> object:
        raise errors.pop(0)

    monkeypatch.setattr(ll, "_attribute", fails)
    monkeypatch.setattr(ll, "_interrupted", [])
    monkeypatch.delitem(vars(ll), "train", raising=False)
    for _ in range(bool(then)):
        with pytest.raises(KeyboardInterrupt):
            _ = ll.train
    with pytest.raises(kind, match=message):
        _ = ll.train


def test_a_name_in_the_plural_is_that_name():
    message = unknown_name("There is no level", "trials", ["cell", "trial"])
    assert message == "There is no level `trials`. Did you mean `trial`?"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("--rate", "Did you mean `--learning-rate`?"),
        ("size", "Did you mean `hidden_size` or `batch_size`?"),
        ("_", "Known: "),
        ("learn", "Known: "),
    ],
)
def test_a_name_of_fewer_words_is_answered_with_those_that_have_them(name, hint):
    known = ["hidden_size", "batch_size", "--learning-rate", "lag"]
    assert unknown_name("No", name, known).startswith(f"No `{name}`. {hint}")


def test_a_study_in_python_is_told_of_lists_not_of_commas():
    with pytest.raises(TypeError, match=r"`learning_rates`: a study tries several, as \[0\.001"):
        LOOSE.compare({"lstm": ll.LSTM()}, lr=0.1)


KNOWN = (
    *("start", "store", "lag", "count", "as", "ask", "save", "dtype", "values", "framing", "track"),
    *("learning-rate", "batch-size", "hidden-size", "timesteps", "sequences", "figures", "match"),
)


@pytest.mark.parametrize(
    "name",
    ["stop", "out", "tag", "task", "scale", "date", "val", "train", "path", "features", "frequency",
     "columns", "bias", "epoch-size", "std", "arch-type", "batches", "time", "sample"],
)  # fmt: skip
def test_no_word_is_answered_with_another_that_is_only_like_it(name):
    assert "Did you mean" not in unknown_name("No", name, KNOWN)


@pytest.mark.parametrize(
    ("name", "known"),
    [("strat", "start"), ("lagg", "lag"), ("equences", "sequences"), ("sequneces", "sequences"),
     ("Learning_Rte", "learning-rate"), ("timestep", "timesteps"), ("saev", "save")],
)  # fmt: skip
def test_a_slip_is_answered_with_what_was_meant(name, known):
    assert unknown_name("No", name, KNOWN).endswith(f"Did you mean `{known}`?")


def test_help_shows_the_arguments_of_a_class():
    shown = str(inspect.signature(ll.GRU))
    assert shown.startswith("(*, hidden_size:")
    assert "= 50" in shown

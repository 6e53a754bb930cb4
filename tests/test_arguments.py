"""Arguments of a wrong type are refused by their names.

In a process without the type checks of these tests, which would refuse them first.
"""

import json
import math
import re
import subprocess
import sys

import pytest

import longlag as ll

WRONG = {
    "ll.audit(3, FRAMING)": "audit: `problem` must be a problem, such as",
    "ll.audit('echo-lag', FRAMING)": "audit: `problem` must be a problem, such as",
    "ll.generalise('echo-lag', FRAMING, [MODEL], train=4)": "`problem` must be a problem, such",
    "FRAMING.stream('echo-lag')": "Whole: `problem` must be a problem, such as",
    "FRAMING.stream(PROBLEM, batch_size=1.5)": "stream: `batch_size` must be a whole number",
    "FRAMING.stream(PROBLEM, seed=float('nan'))": "stream: `seed` must be a whole number, got nan.",
    "FRAMING.layout(PROBLEM, None)": "Whole: `batch_size` must be a whole number, got None.",
    "FRAMING.sample(PROBLEM, 0, 2)": "sample: `rng` must be numpy.random.default_rng(0), say",
    "ll.Series(pd.NA)": "Series: `values` must be numbers: ",
    "ll.load(type('P', (os.PathLike,), {'__fspath__': lambda _: b'x'})())": "must be the path of a",
    "ll.frontier(PROBLEM, FRAMING, MODEL, sequences=3)": "`budget`: a trial of a study trains on",
    "ll.audit(PROBLEM, None)": "audit: `framing` must be a framing, such as",
    "ll.audit(PROBLEM, PROBLEM)": "audit: `framing` must be a framing, such as",
    "ll.train(PROBLEM, FRAMING, 3)": "`model` must be",
    "ll.train('echo-lag', FRAMING, MODEL)": "`problem` must be",
    "ll.compare('x')": "`models` must be several, got 'x'. Use ['x'].",
    "ll.compare([1])": "`models` must be models such as LSTM()",
    "ll.compare([MODEL], 'x')": "`problems` must be several",
    "ll.compare([MODEL], [3])": "`problems` must be problems such as EchoLag()",
    "ll.generalise(None, FRAMING, [MODEL])": "`problem` must be a problem",
    "ll.generalise(PROBLEM, FRAMING, 'x')": "`models` must be several",
    "ll.frontier(PROBLEM, FRAMING, MODEL, executor='x')": "`executor` must be an executor",
    "ll.compare([MODEL], executor='x')": "`executor` must be an executor",
    "ll.compare([MODEL], store=3)": "`store` must be the path of a file",
    "ll.frontier(PROBLEM, FRAMING, MODEL, store={'a': 1})": "`store` must be the path of a file",
    "ll.frontier(PROBLEM, FRAMING, MODEL, solve_at='x')": "frontier: `solve_at` must be a number",
    "ll.frontier(PROBLEM, FRAMING, MODEL, limit=2.5)": "`limit` must be a whole number or None",
    "ll.frontier(PROBLEM, FRAMING, MODEL, resolution=True)": "`resolution` must be a number",
    "ll.generalise(PROBLEM, FRAMING, [MODEL], test='9')": "`test` must be whole numbers in a list",
    "ll.compare([MODEL], learning_rates=0.1)": "got 0.1. Use learning_rates=[0.1].",
    "ll.compare([MODEL], learning_rates=['x'])": "`learning_rates` must be numbers in a list",
    "ll.compare([MODEL], rungs=None)": "compare: `rungs` must be a whole number, got None",
    "ll.profile(MODEL, minutes='5')": "profile: `minutes` must be a number, got '5'",
    "ll.audit(PROBLEM, FRAMING, reach=3)": "audit: `reach` must be the reach of a model",
    "ll.train(PROBLEM, FRAMING, MODEL, tests='x')": "`tests` must be problems by name",
    "ll.Setting(problem=PROBLEM, framing=FRAMING, model=MODEL, tests=3)": "`tests` must be",
    "ll.Setting(problem=np.zeros((2, 2)), framing=FRAMING, model=MODEL)": "got a ndarray.",
    "ll.Recipe(optimizer=np.zeros((2, 2)))": "`optimizer` must be adam, adamw or sgd, got",
    "ll.score(PROBLEM, FRAMING, 3)": "score: `predict` must be a function",
    "ll.score(PROBLEM, FRAMING, abs, encoding='x')": "`encoding` must be OneHot or Scaled",
    "ll.diagnose(3)": "diagnose: `of` must be a run",
    "ll.tune('x')": "tune: `search` must be a search",
    "ll.Series([1.0] * 50, seasons=7)": "Series: `seasons` must be whole numbers in a list",
    "ll.Series([1.0] * 50, names='ab')": "Series: `names` must be texts in a list",
    "ll.Series([1.0] * 50, path=3)": "Series: `path` must be text or None, got 3.",
    "ll.Store(None)": "Store: `path` must be the path of a file, got None.",
    "ll.cite(3)": "cite: `store` must be the path of a file or None, got 3.",
    "ll.cite(None, study=3)": "cite: `study` must be text or None, got 3.",
    "ll.compare([MODEL], track=3)": "track: `track` must be a name such as 'wandb', or a tracker",
    "ll.compare([MODEL], track=[abs])": "`track` must be a name such as 'wandb', or a tracker, got",
    "ll.load(None)": "load: `path` must be the path of a file, got None.",
    "ll.load(b'x')": "load: `path` must be the path of a file, got b'x'.",
    "STORE.study(())": "study: `start` must be text, got ().",
    "STORE.named(memoryview(b'x'))": "named: `start` must be text, got <memory at",
    "STORE.outcome(10**30)": "outcome: `trial` must be text, got",
    "STORE.weights(None)": "weights: `trial` must be text, got None.",
    "STORE.records(problem=3)": "records: `problem` must be text or None, got 3.",
    "STORE.count(study=[])": "count: `study` must be text or None, got [].",
    "STORE.records(limit='x')": "records: `limit` must be a whole number or None, got 'x'.",
    "ll.Store('a.db', write=np.zeros(3))": "Store: `write` must be True or False, got",
    "TRAINED.needs(2.5)": "needs: `sequences` must be a whole number, got 2.5.",
    "TRAINED.sensitivity('x')": "sensitivity: `sequences` must be a whole number, got 'x'.",
    "TRAINED.evaluate(1)": "evaluate: `test` must be text or None, got 1.",
    "ANSWER.save(0.99)": "save: `path` must be the path of a file, got 0.99.",
    "RUN.save(0.99)": "save: `path` must be the path of a file, got 0.99.",
    "ll.compare([MODEL], learning_rates=COUNT)": "must be numbers in a list",
    "ll.compare([MODEL], track=COUNT)": "`track` must be a name such as",
    "ll.Setting(problem=PROBLEM, framing=FRAMING, model=MODEL, tests=COUNT)": "`tests` must be",
    "ll.Trained.save(None, 3)": "save: `path` must be the path of a file, got 3.",
    "list(ll.fit([], [], {'learning_rate': 1}, updates=1))": "fit: `recipe` must be a recipe, such",
    "list(ll.fit([], [], RECIPE, updates=1.5))": "fit: `updates` must be a whole number, got 1.5.",
    "list(ll.fit([], [], RECIPE, updates=1, loss='mse'))": "fit: `loss` must be a loss, got 'mse'.",
    "list(ll.fit(3, [], RECIPE, updates=1))": "fit: `models` must be a list of models, got 3.",
    "TRAINED.predict([[1], [1, 2]])": "predict: `sequence` is no array: its rows differ in length",
    "TRAINED.predict(np)": "predict: `sequence` must be a list of values",
    "ll.score(PROBLEM, FRAMING, lambda x: [[1], [1, 2]])": "score: `predict` returned no array: ",
    "ll.Setting(problem=PROBLEM, framing=FRAMING, model=MODEL, tests=np.array(3))": "`tests` must",
    "ll.plan(np.zeros(0))": "plan: `study` must be ll.compare, ll.frontier, ll.generalise, ll.",
    "ll.compare(np.array(3))": "`models` must be several, got 3. Use [3].",
    "ll.compare([MODEL], learning_rates=np.eye(2))": "must be numbers in a list, got a ndarr",
    "ll.compare([MODEL], learning_rates=np.array(0.1))": "got 0.1. Use learning_rates=[0.1].",
    "list(ll.fit([], [], RECIPE, updates=1, until=3))": "fit: `until` must be a function or None",
    "list(ll.fit([], [], RECIPE, updates=1, watch=3))": "fit: `watch` must be a function or None",
    "list(ll.fit([], [], RECIPE, updates=1, confirm=3))": "fit: `confirm` must be a function or No",
    "ll.Search(setting=3)": "Search: `setting` must be a setting, such as",
    "ll.Search(setting=SETTING, hidden_sizes=3)": "Search: `hidden_sizes` must be whole numbers in",
    "Criterion(sequences='3')": "Criterion: `sequences` must be a whole number, got '3'.",
    "UntilMet(setting=3, criterion=Criterion())": "UntilMet: `setting` must be a setting, such as",
    "list(ll.fit([], [], RECIPE, updates=1, stop=1))": "fit: `stop` must be a StopToken(), got 1.",
    "ll.suite([MODEL], 1 + 2j)": "suite: `problems` must be texts in a list or None, got (1+2j).",
    "ll.suite([MODEL], 'parity')": "got 'parity'. Use problems=['parity'].",
    "ll.suite([MODEL], [3])": "suite: `problems` must be texts in a list or None, got [3].",
    "ll.suite({'a': PROBLEM})": "Suite: `models` must be models such as LSTM()",
    "ll.compare([PROBLEM])": "Comparison: `models` must be models such as LSTM()",
    "ll.compare([MODEL], [MODEL])": "Comparison: `problems` must be problems such as EchoLag()",
    "ll.suite_baselines().of(20)": "of: `problems` must be texts in a list, got 20.",
    "ll.suite_baselines().of(['parity'], 3)": "of: `models` must be texts in a list or None, got 3",
    "ll.LRU(max_radius='x')": "LRU: `max_radius` must be a finite number, got 'x'.",
    "ll.S4D(largest_step=None)": "S4D: `largest_step` must be a finite number, got None.",
}
UNFIT = {
    "list(ll.fit([], [()], RECIPE, updates=1))": "fit: `streams` must be 0, one for each model, ",
    "list(ll.fit([], [], RECIPE, updates=1, seeds=[1]))": "fit: `seeds` must be 0, one for each m",
    "ll.train(PROBLEM, FRAMING, MODEL, seeds='2')": "whole numbers of at least 0, got '2'.",
    "ANSWER.to_frame(1)": "There is no level 1. Known: cell, trial.",
    "ANSWER.to_frame([])": "There is no level []. Known: cell, trial.",
    "ANSWER.figure(False)": "There is no figure False. Known: ",
    "TRAINED.needs(0)": "needs: `sequences` must be at least 1, got 0.",
    "STORE.records(limit=10**30)": "records: `limit` must be a whole number or None, got more than",
    "STORE.outcome('\\ud800')": "outcome: `trial` must be text, got '\\ud800', with half a char",
    "STORE.count(model='\\ud800')": "`model` must be text or None, got '\\ud800', with half",
    "ANSWER.save('\\ud800.txt')": "save: `path` must be the path of a file, got '\\ud800.",
    "TRAINED.save('\\ud800')": "save: `path` must be the path of a file, got '\\ud800', with",
    "ll.load('\\ud800')": "load: `path` must be the path of a file, got '\\ud800', with half",
    "ll.Store('\\ud800', write=True)": "Store: `path` must be the path of a file, got '\\ud800',",
    "ll.cite('\\ud800')": "cite: `store` must be the path of a file or None, got '\\ud800', with",
    "ll.Search(setting=SETTING, learning_rates=())": "Search: `learning_rates` must be at least",
    "Criterion(sequences=0)": "Criterion: `sequences` must be at least 1, got 0. Use sequences=1",
    "Criterion(wrong=-1)": "Criterion: `wrong` must be at least 0, got -1.",
    "Criterion(loss=float('nan'))": "Criterion: `loss` must be a number or None, got nan.",
    "ll.profile(MODEL, minutes=Fraction(10**400))": "profile: `minutes` must be a number, got more",
    "ll.frontier(PROBLEM, FRAMING, MODEL, seeds=COUNT)": "`seeds` must be at most 100,000",
    "ll.compare([MODEL], LENGTHS)": "`problems` must be at most 1,000, got more.",
    "ll.suite([MODEL], match='/')": "There is no match `/`. Known: parameters, state.",
    "ll.suite([MODEL], match=[])": "There is no match []. Known: parameters, state.",
    "ll.LSTM1997(output_bias=1e300)": "`output_bias` must be at most 1000000, got 1e+300.",
    "ll.LSTM1997(input_bias_step=-1e300)": "`input_bias_step` must be at least -1000000, got -1e",
    "ll.LSTM1997(initial_range=1e308)": "`initial_range` must be at most 1000000, got 1e+308.",
    "ll.Recipe(schedule='a\\nb')": r"`schedule` must be constant or cosine, got `a\nb`. Known",
}
SAME = (
    "ll.Duplicate(length=NUMBER(200)).steps",
    "ll.Recipe(sequences=NUMBER(200), learning_rate=NUMBER(1))",
    "ll.audit(ll.EchoLag(length=NUMBER(200)), ll.Chunks(timesteps=NUMBER(50), carry=True))",
    "ll.audit(PROBLEM, ll.Chunks(carry=True, rows='consecutive'), batch_size=NUMBER(200))",
    "FRAMING.layout(PROBLEM, NUMBER(200)).steps.shape",
    "len(list(itertools.islice(FRAMING.stream(PROBLEM, part=NUMBER(1), parts=NUMBER(200)), 200)))",
    "FRAMING.sample(PROBLEM, np.random.default_rng(0), NUMBER(200)).inputs.shape",
    "STORE.records(limit=NUMBER(3))",
    "ll.train(PROBLEM, FRAMING, MODEL, sequences=2, seeds=NUMBER(2)).seeds",
)
"""Calls that say the same of a number of Python of one of NumPy with eight bits, and of an array of
it."""
SCRIPT = """
import itertools, json, os, sys, tempfile, warnings
from fractions import Fraction
import numpy as np, pandas as pd
import longlag as ll
from longlag.trials.criterion import Criterion, UntilMet

PROBLEM, FRAMING, MODEL = ll.EchoLag(length=4), ll.Whole(), ll.RNN(hidden_size=2)
ANSWER, RUN = ll.audit(PROBLEM, FRAMING), ll.train(PROBLEM, FRAMING, MODEL, sequences=2)
TRAINED = RUN.trained()
STORE = ll.Store(tempfile.mkdtemp() + "/a.db", write=True)
RECIPE, SETTING = ll.Recipe(), ll.Setting(problem=PROBLEM, framing=FRAMING, model=MODEL)
COUNT, LENGTHS = itertools.count(), (ll.EchoLag(length=n) for n in itertools.count(2))
messages = {}
for call in json.load(sys.stdin):
    try:
        eval(call)
        messages[call] = "nothing was raised"
    except Exception as error:
        messages[call] = f"{type(error).__name__}: {error}"
warnings.simplefilter("error")
for NUMBER in (int, np.uint8, np.array):
    for call in SAME:
        try:
            found = str(eval(call))
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
        messages.setdefault(call, []).append(found)
print(json.dumps(messages))
"""


@pytest.fixture(scope="module")
def messages():
    done = subprocess.run(
        [sys.executable, "-c", f"SAME = {SAME!r}\n{SCRIPT}"],
        input=json.dumps([*WRONG, *UNFIT]),
        timeout=120,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("call", WRONG)
def test_it_is_named(messages, call):
    assert messages[call].startswith("TypeError: ")
    assert "\n" not in messages[call]
    assert WRONG[call] in messages[call]


@pytest.mark.parametrize("call", UNFIT)
def test_a_value_that_does_not_fit_is_named(messages, call):
    assert messages[call].startswith("ValueError: ")
    assert "\n" not in messages[call]
    assert UNFIT[call] in messages[call]


@pytest.mark.parametrize("call", SAME)
def test_a_number_of_numpy_is_as_one_of_python(messages, call):
    plain, narrow, array = messages[call]
    assert plain == narrow == array


def test_a_number_past_every_type_is_refused():
    problem, model = ll.EchoLag(length=4), ll.RNN(hidden_size=2)
    with pytest.raises(ValueError, match=r"`values` must be numbers that fit into 64 bits"):
        ll.Series([10**400] * 50)
    with pytest.raises(ValueError, match=r"`seasons` must be rows in a season, 2 or more"):
        ll.Series([1.0, 2.0] * 50, seasons=(0,))
    with pytest.raises(ValueError, match=r"frontier: `limit` .* more than 2147483647"):
        ll.frontier(problem, ll.Whole(), model, limit=10**400)
    with pytest.raises(ValueError, match=r"profile: `minutes` must be a number, got nan"):
        ll.profile(model, minutes=math.nan)


def test_a_path_of_no_file_is_refused(tmp_path):
    trained = ll.train(ll.EchoLag(length=4), ll.Whole(), ll.RNN(hidden_size=2), sequences=2)
    with pytest.raises(ValueError, match=f"got the folder {re.escape(str(tmp_path))}. Name"):
        trained.save(tmp_path)
    for wrong in (trained.save, ll.load, ll.Store):
        with pytest.raises(ValueError, match=r"`path` must be .* a zero byte"):
            wrong("a\0b")


@pytest.mark.parametrize("seeds", [10**6, 10**30])
@pytest.mark.parametrize("ask", ["train", "frontier", "generalise"])
def test_more_seeds_than_anyone_waits_for_are_refused(ask, seeds):
    model = ll.RNN(hidden_size=2)
    models = [model] if ask == "generalise" else model
    with pytest.raises(ValueError, match="`seeds` must be at most 100,000"):
        getattr(ll, ask)(ll.EchoLag(length=4), ll.Whole(), models, seeds=seeds)


@pytest.mark.parametrize(
    ("framing", "length"),
    [(ll.Whole(), 10**8), (ll.Prefix(), 12_000), (ll.Window(timesteps=2**13), 2**14)],
)
def test_a_block_that_fits_into_no_memory_is_refused_at_once(framing, length):
    problem = ll.EchoLag(length=length)
    why = r"(can be compared|fit into memory)\. Use a shorter sequence"
    with pytest.raises(ValueError, match=why):
        ll.audit(problem, framing)
    with pytest.raises(ValueError, match=why):
        ll.train(problem, framing, ll.RNN(hidden_size=2))

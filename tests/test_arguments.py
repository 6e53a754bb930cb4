"""Arguments of a wrong type are refused by their names.

In a process without the type checks of these tests, which would refuse them first.
"""

import json
import subprocess
import sys

import pytest

import longlag as ll

WRONG = {
    "ll.audit(3, FRAMING)": "audit: `problem` must be a problem, such as",
    "ll.audit('echo-lag', FRAMING)": "audit: `problem` must be a problem, such as",
    "ll.audit(PROBLEM, None)": "audit: `framing` must be a framing, such as",
    "ll.audit(PROBLEM, PROBLEM)": "audit: `framing` must be a framing, such as",
    "ll.train(PROBLEM, FRAMING, 'lstm')": "`model` must be",
    "ll.train('echo-lag', FRAMING, MODEL)": "`problem` must be",
    "ll.compare('x')": "`models` must be models such as LSTM()",
    "ll.compare([1])": "`models` must be models such as LSTM()",
    "ll.compare([MODEL], 'x')": "`problems` must be problems such as EchoLag()",
    "ll.compare([MODEL], [3])": "`problems` must be problems such as EchoLag()",
    "ll.generalise(None, FRAMING, [MODEL])": "`problem` must be a problem",
    "ll.generalise(PROBLEM, FRAMING, 'x')": "`models` must be models",
    "ll.frontier(PROBLEM, FRAMING, MODEL, executor='x')": "`executor` must be an executor",
    "ll.compare([MODEL], executor='x')": "`executor` must be an executor",
    "ll.compare([MODEL], store=3)": "`store` must be the path of a file",
    "ll.frontier(PROBLEM, FRAMING, MODEL, store={'a': 1})": "`store` must be the path of a file",
}
SCRIPT = """
import json, sys
import longlag as ll

PROBLEM, FRAMING, MODEL = ll.EchoLag(length=4), ll.Whole(), ll.RNN(hidden_size=2)
messages = {}
for call in json.load(sys.stdin):
    try:
        eval(call)
        messages[call] = "nothing was raised"
    except Exception as error:
        messages[call] = f"{type(error).__name__}: {error}"
print(json.dumps(messages))
"""


@pytest.fixture(scope="module")
def messages():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(list(WRONG)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("call", WRONG)
def test_it_is_named(messages, call):
    assert messages[call].startswith("TypeError: ")
    assert WRONG[call] in messages[call]


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

"""A chance or a ceiling that is no share of right targets is refused, wherever it would be used."""

import dataclasses

import numpy as np
import pytest

import longlag as ll
from longlag.checks.problem import check_problem


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stated(ll.EchoLag):
    """An echo whose chance and ceiling are stated wrongly."""

    method: str = ""
    number: float = 0.5

    def chance_by_step(self):
        right = super().chance_by_step()
        return np.full(len(right), self.number) if self.method == "chance_by_step" else right

    def chance(self, steps=None):
        return self.number if self.method == "chance" else super().chance(steps)

    def ceiling(self, steps=None, sees=None):
        return self.number if self.method == "ceiling" else super().ceiling(steps, sees)

    def ceiling_by_step(self, sees):
        right = super().ceiling_by_step(sees)
        return np.full(len(right), self.number) if self.method == "ceiling_by_step" else right


FRAMING, METHODS, NUMBERS = ll.Whole(), ("chance_by_step", "chance", "ceiling"), (np.nan, -1.0, 2.0)
STUDY = {"budget": 10, "seeds": 1, "store": None, "progress": False}
USES = {
    "train": lambda problem: ll.train(problem, FRAMING, ll.GRU(hidden_size=2), sequences=10),
    "audit": lambda problem: ll.audit(problem, FRAMING),
    "score": lambda problem: ll.score(problem, FRAMING, lambda inputs: inputs),
    "check": lambda problem: ll.preflight(problem, FRAMING, ll.GRU(hidden_size=2)),
    "frontier": lambda problem: ll.frontier(problem, FRAMING, ll.GRU(hidden_size=2), **STUDY),
    "compare": lambda problem: ll.compare({"one": ll.GRU(), "two": ll.RNN()}, [problem], **STUDY),
}


def stated(method, number):
    return Stated(length=4, values=4, method=method, number=number)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("use", USES)
def test_it_is_refused_before_it_is_used(use, method, number):
    with pytest.raises(ValueError, match=rf"Stated: `{method}` gives {number:.3g}.*no share from"):
        USES[use](stated(method, number))


@pytest.mark.parametrize("number", NUMBERS)
def test_so_is_the_best_score_from_some_inputs(number):
    with pytest.raises(ValueError, match=r"Stated: `ceiling_by_step` gives .*no share from 0 to 1"):
        ll.audit(stated("ceiling_by_step", number), FRAMING)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("method", [*METHODS, "ceiling_by_step"])
def test_the_check_of_the_problem_fails(method, number):
    failed = {each.name: each for each in check_problem(stated(method, number)) if not each.passed}
    if method == "ceiling_by_step":
        assert "the ceiling is" in failed["ceiling"].found
    else:
        assert failed["chance"].found.startswith(f"`{method}` gives {number:.3g}")


def test_one_of_another_length_is_refused():
    class Short(ll.EchoLag):
        def chance_by_step(self):
            return super().chance_by_step()[1:]

    with pytest.raises(ValueError, match=r"`chance_by_step` must give \(4,\), it gives \(3,\)"):
        ll.audit(Short(length=4, values=4), FRAMING)


@pytest.mark.parametrize("number", [0.0, 0.25])
def test_a_share_passes(number):
    problem = stated("chance", number)
    assert ll.audit(problem, FRAMING).chance == number

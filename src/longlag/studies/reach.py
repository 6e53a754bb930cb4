"""The reach of a model on each problem, and the gaps, from the outcomes of a profile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from longlag.answers.format import counted
from longlag.scores.statistics import CONFIDENCE
from longlag.studies.belief import SEEDS, Belief, mean, middle
from longlag.studies.profile_answer import Effort, Further, Gap, Place, Reach, Rung
from longlag.trials.outcome import skill


def reach(belief: Belief, name: str) -> Reach:
    """The reach of the model on a problem."""
    ladder, (budget, *longer) = belief.ladders[name], belief.budgets
    effort = belief.chosen(name, budget)
    ends = belief.ends(name, effort)
    value, interval = _value(belief, name, effort)
    return Reach(
        problem=name,
        knob=ladder.knob,
        rate=effort.rate,
        others=tuple(
            (other.rate, (0, *ladder.rungs)[middle(belief.ends(name, other))])
            for other in belief.efforts(name, budget)
            if other != effort
        ),
        longer=tuple(
            _further(belief, name, belief.chosen(name, more))
            for more in longer
            if belief.efforts(name, more)
        ),
        undertrained=_still_falling(belief, name),
        rungs=tuple(
            _rung(belief, Place(name, effort, rung), float(ends[step + 1 :].sum()))
            for step, rung in enumerate(ladder.rungs)
        ),
        value=value,
        more=bool(value) and value in (*ladder.rungs[: middle(ends) - 1], ladder.rungs[-1]),
        interval=interval,
        share=mean(ends) / (len(ends) - 1) if belief.tried(name, effort) else None,
        failed=sum(belief.results.failed(p) for p in belief.results.outcomes if p.problem == name),
    )


def _rung(belief: Belief, place: Place, within: float) -> Rung:
    finished = belief.results.finished(place)
    return Rung(
        value=place.rung,
        trials=belief.results.trials(place),
        solved=belief.results.solved(place)[0],
        within=within,
        skill=skill(finished) if finished else None,
    )


def _value(belief: Belief, name: str, effort: Effort) -> tuple[int | None, tuple[int, int]]:
    """The highest rung solved and within reach, and the interval of the reach."""
    ends, rungs = belief.ends(name, effort), belief.ladders[name].rungs
    cumulative, results = ends.cumsum(), belief.results
    low, high = (
        (0, *rungs)[int(np.searchsorted(cumulative, share - 1e-12))]
        for share in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
    )
    within = rungs[: middle(ends)]
    solved = [rung for rung in within if results.solved(Place(name, effort, rung))[0]]
    otherwise = 0 if not within and results.finished(Place(name, effort, rungs[0])) else None
    return (solved[-1] if solved else otherwise), (low, high)


def _further(belief: Belief, name: str, effort: Effort) -> Further:
    """The reach with a larger budget."""
    rungs = belief.ladders[name].rungs
    counts = [belief.results.solved(Place(name, effort, rung)) for rung in rungs]
    solved, tried = map(sum, zip(*counts, strict=True))
    return Further(effort.sequences, *_value(belief, name, effort), solved, tried)


def _still_falling(belief: Belief, name: str) -> int | None:
    """The largest budget tried, if a larger one might extend the reach; else None."""
    tried = (each for each in belief.budgets if belief.efforts(name, each))
    if (budget := max(tried, default=None)) is None:
        return None
    effort = belief.chosen(name, budget)
    steps = middle(belief.ends(name, effort))
    return budget if belief.undertrained(name, effort, steps) else None


def gaps(
    belief: Belief, reaches: Iterable[Reach], framing: str, failures: Mapping[str, int]
) -> Iterator[Gap]:
    """Settings without trials, and uncertain results.

    Args:
        belief: The outcomes so far.
        reaches: The reach of the model on each problem.
        framing: The label of the framing.
        failures: The number of failed trials, by reason.
    """
    longer = False
    for each in reaches:
        longer |= bool(each.longer)
        yield from (Gap(each.problem, *gap) for gap in _gaps(belief, each))
    if longer and len(belief.rates) > 1:
        yield Gap("", "longer training", "other learning rates than the best")
    failed = sum(map(belief.results.failed, belief.results.outcomes))
    if failed := max(failed, sum(failures.values())):  # a stored study knows only these
        why = "".join(f"; {reason} ({count})" for reason, count in failures.items())
        yield Gap("", "failed", f"{counted(failed, 'trial')}, counted neither way{why}")
    yield Gap("", "learning rates", f"other than {_join(belief.rates)}")
    yield Gap("", "framings", f"other than {framing}")


def _gaps(belief: Belief, reach: Reach) -> Iterator[tuple[str, str]]:
    """The gaps of one problem: kind and place of each."""
    knob, budget = reach.knob, belief.budgets[0]
    tried = bool(reach.tried)
    untried = [rung for rung in reach.rungs if not rung.outcomes]
    if not tried:
        yield "rungs not tried", f"{knob}: all"
    elif open_ := [rung.value for rung in untried if 0.05 < rung.within < 0.95]:
        yield "rungs not tried", f"{knob} {_join(open_)}"
    if tried and reach.interval[0] != reach.interval[1]:
        yield "reach open", _between(reach.interval, budget, reach.tried)
    lucky = [
        f"{rung.value} ({rung.solved} of {len(rung.outcomes)} solved)"
        for rung in reach.rungs
        if len(rung.outcomes) >= SEEDS and 1 / 4 < rung.solved / len(rung.outcomes) < 3 / 4
    ]
    if lucky:
        yield "seeds differ", f"{knob} {', '.join(lucky)}"
    for each in reach.longer:
        if tried and each.interval[0] != each.interval[1]:
            yield "reach open", _between(each.interval, each.sequences, each.tried)
    if tried and reach.undertrained is not None:
        yield "longer training", f"more than {reach.undertrained:,} sequences; undertrained"
    ends = belief.ends(reach.problem, belief.chosen(reach.problem, budget))
    rates = [r for r in belief.rates if not belief.tried(reach.problem, Effort(r, budget))]
    if rates and len(belief.rates) > 1 and middle(ends) < len(ends) - 1:
        yield "learning rates not tried", _join(rates)


def _between(interval: tuple[int, int], sequences: int, trials: int) -> str:
    low, high = (bound or "none" for bound in interval)
    return f"{low} to {high} with {sequences:,} sequences, trials: {trials}"


def _join(values: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)

"""How far a model gets, and what is left open, by what the trials of a profile have come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from longlag.scores.statistics import CONFIDENCE
from longlag.studies.belief import SEEDS, Belief, mean, middle
from longlag.studies.profile_answer import Effort, Further, Gap, Place, Reach, Rung
from longlag.trials.diagnosis import diagnose
from longlag.trials.outcome import skill


def reach(belief: Belief, name: str) -> Reach:
    """How far the model gets on a problem."""
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
        failed=sum(belief.results.lost(p) for p in belief.results.known if p.problem == name),
    )


def _rung(belief: Belief, place: Place, within: float) -> Rung:
    finished = tuple(belief.results.finished(place))
    reasons = [diagnose(outcome, belief.results.solve_at)[:1] for outcome in finished]
    return Rung(
        value=place.rung,
        outcomes=finished,
        solved=belief.results.solved(place)[0],
        within=within,
        skill=skill(finished) if finished else None,
        reasons=Counter(found.reason for first in reasons for found in first),
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
    known = 0 if not within and results.finished(Place(name, effort, rungs[0])) else None
    return (solved[-1] if solved else known), (low, high)


def _further(belief: Belief, name: str, effort: Effort) -> Further:
    """How far it gets with a larger budget."""
    rungs = belief.ladders[name].rungs
    counts = [belief.results.solved(Place(name, effort, rung)) for rung in rungs]
    solved, tried = map(sum, zip(*counts, strict=True))
    return Further(effort.sequences, *_value(belief, name, effort), solved, tried)


def _still_falling(belief: Belief, name: str) -> int | None:
    """The largest budget tried, if more of it might take the reach further."""
    tried = (each for each in belief.budgets if belief.efforts(name, each))
    if (budget := max(tried, default=None)) is None:
        return None
    effort = belief.chosen(name, budget)
    steps = middle(belief.ends(name, effort))
    return budget if belief.undertrained(name, effort, steps) else None


def gaps(
    belief: Belief, reaches: Iterable[Reach], framing: str, failures: Mapping[str, int]
) -> Iterator[Gap]:
    """What was not tried, or is not settled.

    Args:
        belief: What is known.
        reaches: How far the model gets on each problem.
        framing: The framing, in words.
        failures: Why trials failed, by reason: how many.
    """
    longer = False
    for found in reaches:
        longer |= bool(found.longer)
        yield from (Gap(found.problem, *gap) for gap in _gaps(belief, found))
    if longer and len(belief.rates) > 1:
        yield Gap("", "longer training", "other learning rates than the best")
    lost = sum(map(belief.results.lost, belief.results.known))
    if lost := max(lost, sum(failures.values())):  # read back from a store it knows these alone
        why = "".join(f"; {reason} ({count})" for reason, count in failures.items())
        yield Gap("", "failed", f"{lost} trials, which count neither way{why}")
    yield Gap("", "learning rates", f"other than {_listed(belief.rates)}")
    yield Gap("", "framings", f"other than {framing}")


def _gaps(belief: Belief, found: Reach) -> Iterator[tuple[str, str]]:
    """What of one problem is left open: of each gap its kind and where."""
    knob, budget = found.knob, belief.budgets[0]
    tried = bool(found.tried)
    untried = [rung for rung in found.rungs if not rung.outcomes]
    if not tried:
        yield "rungs not tried", f"{knob}: all"
    elif open_ := [rung.value for rung in untried if 0.05 < rung.within < 0.95]:
        yield "rungs not tried", f"{knob} {_listed(open_)}"
    if tried and found.interval[0] != found.interval[1]:
        yield "reach open", _between(found.interval, budget, found.tried)
    lucky = [
        f"{rung.value} ({rung.solved} of {len(rung.outcomes)} solved)"
        for rung in found.rungs
        if len(rung.outcomes) >= SEEDS and 1 / 4 < rung.solved / len(rung.outcomes) < 3 / 4
    ]
    if lucky:
        yield "seeds differ", f"{knob} {', '.join(lucky)}"
    for each in found.longer:
        if tried and each.interval[0] != each.interval[1]:
            yield "reach open", _between(each.interval, each.sequences, each.tried)
    if tried and found.undertrained is not None:
        yield "longer training", f"more than {found.undertrained:,} sequences; undertrained"
    ends = belief.ends(found.problem, belief.chosen(found.problem, budget))
    rates = [r for r in belief.rates if not belief.tried(found.problem, Effort(r, budget))]
    if rates and len(belief.rates) > 1 and middle(ends) < len(ends) - 1:
        yield "learning rates not tried", _listed(rates)


def _between(interval: tuple[int, int], sequences: int, trials: int) -> str:
    low, high = (bound or "none" for bound in interval)
    return f"{low} to {high} with {sequences:,} sequences, trials: {trials}"


def _listed(values: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)

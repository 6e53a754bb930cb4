"""Maps: which inputs a target needs, which it sees, through which a gradient flows.

All maps are boolean matrices over (target step, input step). `audit` compares them, before
any training.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from longlag.arguments import short_repr
from longlag.audit_answer import Audit, Shares
from longlag.framings import Chunks, Framing, Whole, Window, check_batch_size
from longlag.framings.answering import check_decoder
from longlag.knobs import BATCH_SIZE, named_arguments, require
from longlag.problems import Problem
from longlag.problems.shares import check_ceiling, check_shares
from longlag.visible import RECURRENT, Map, Reach, visible_and_trained

_MOST_SIZES = 100  # of timesteps that are tried, for the range of a remedy
_PARALLEL = "rows='parallel'"
_MOST_STEPS = 2**14  # of a map, of which some are compared


def check_steps(owner: str, problem: Problem) -> None:
    """Refuse episodes whose maps nobody has the time or the memory to compare."""
    if problem.steps > _MOST_STEPS:
        raise ValueError(
            f"{owner}: an episode of {problem.steps:,} steps needs maps of as many rows and "
            f"columns, at most {_MOST_STEPS:,} can be compared. Use a shorter sequence."
        )


def _groups(sees: Map, scored: Bool[np.ndarray, " target"]) -> Int[np.ndarray, " target"]:
    """Group steps that a model cannot tell apart, with the same visible lags; -1 if unscored.

    A model that sees more steps, or a gap elsewhere, can infer the step from that.
    """
    keys = [_lags(row, step) for step, row in enumerate(sees)]
    numbers = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    return np.where(scored, [numbers[key] for key in keys], -1)


def _lags(row: Bool[np.ndarray, " input"], step: int | np.integer) -> bytes:
    """How far back the inputs of a row lie: equal for equal lags."""
    return hashlib.blake2b((step - np.flatnonzero(row)).tobytes(), digest_size=16).digest()


def _ceiling(
    problem: Problem, sees: Map, scored: Bool[np.ndarray, " target"]
) -> tuple[float, bool]:
    """The best score from the visible inputs, and whether it is only an upper bound."""
    groups, needs, chance = _groups(sees, scored), problem.needs(), problem.chance_array
    rules: dict[int, set[tuple[int, bytes]]] = {}
    for step in np.flatnonzero(scored):
        rule = round(1e6 * chance[step]), _lags(needs[step], step)
        rules.setdefault(int(groups[step]), set()).add(rule)
    if all(len(each) == 1 for each in rules.values()):  # a clock would not help
        return problem.ceiling(scored, sees), False
    by_step = problem.ceiling_without_clock(sees, groups)
    if by_step is None:
        return problem.ceiling(scored, sees), True
    return problem.average(by_step, scored), False


@named_arguments
def audit(
    problem: Problem,
    framing: Framing,
    *,
    batch_size: int = BATCH_SIZE,
    model: Any = None,
    reach: Reach = RECURRENT,
    also: Sequence[Problem] = (),
) -> Audit:
    """Do the inputs that the targets of `problem` need reach the model, and do gradients?

    Args:
        problem: The problem.
        framing: How its episodes become samples.
        batch_size: Rows in a batch; it matters where state is carried.
        model: A model, such as MLP(context=3): only the inputs that it can use count. By default
            any recurrent network.
        reach: The same, where there is no such model.
        also: Other problems that a remedy must fit, as those of a study.

    Returns:
        The maps, the verdict with its shares and best score, and a remedy.

    Raises:
        ValueError: The framing does not fit the problem's length or the batch size, or only one
            of framing and model has a decoder.

    >>> from longlag.problems import EchoLag
    >>> audit(EchoLag(lag=1), Window(timesteps=5)).verdict
    'learnable'
    >>> audit(EchoLag(lag=1), Chunks(timesteps=1, carry=True)).remedy
    'Use timesteps=2. Timesteps up to 25 work too.'
    >>> from longlag import MLP
    >>> audit(EchoLag(lag=1), Whole(), model=MLP(context=1)).remedy
    'Use context=2 or model LSTM(). A longer context works too.'
    """
    require("audit", "problem", problem, Problem, "a problem, such as EchoLag()")
    require("audit", "framing", framing, Framing, "a framing, such as Whole()")
    require("audit", "reach", reach, Reach, "the reach of a model, such as Reach(context=3)")
    if model is not None:
        if isinstance(model, type) or not hasattr(
            model, "remembers"
        ):  # the class of all models needs JAX
            rule = "a model, such as MLP(context=3) or adopt(make_model)"
            raise TypeError(f"audit: `model` must be {rule}, got {short_repr(model)}.")
        check_decoder("audit", problem, framing, model)
        reach = Reach.of(model)
    result = _audit(problem, framing, batch_size, reach)
    if result.verdict == "learnable":
        return result
    remedy = _remedy([problem, *also], framing, batch_size, reach, result)
    return dataclasses.replace(result, remedy=remedy)


def _audit(
    problem: Problem, framing: Framing, batch_size: int, reach: Reach, *, score: bool = True
) -> Audit:
    check_batch_size(type(framing).__name__, batch_size)
    check_steps("audit", problem)
    # Rows interact only as pieces of one sequence with state between them.
    independent = framing.parallel or not framing.carries
    layout = framing.layout(problem, 1 if independent else batch_size)
    sees, learns = visible_and_trained(layout, problem.steps, reach)
    scored = np.zeros(problem.steps, dtype=bool)
    scored[layout.scored_steps] = True
    targets, needed = problem.cases()
    targets, needed = targets[scored[targets]], needed[scored[targets]]
    if not len(targets):  # only episodes that are longer than those of the cases
        targets = np.flatnonzero(scored)
        needed = problem.needs()[targets]
    visible, trained = (np.all(each[targets] | ~needed, axis=1) for each in (sees, learns))
    shuffled = framing.shuffles
    served = _served(problem, targets, needed, trained, shuffled=shuffled).all()
    by_state = visible & ~trained
    shares = Shares(trained.mean().item(), by_state.mean().item(), (~visible).mean().item())
    ceiling, bound = np.nan, True
    if score:
        check_shares(problem, scored)
        ceiling, bound = _ceiling(problem, sees, scored)
        check_ceiling(problem, ceiling)
    maps = problem.needs() & scored[:, None], learns
    verdict = "learnable" if served else "state-only"
    verdict = verdict if visible.all() else "unreachable"
    return Audit(
        subject=f"{problem!r}, {framing!r}, batch_size={batch_size}",
        chance=problem.chance(scored) if score else np.nan,
        needs=problem.needs(),
        sees=sees,
        learns=learns,
        scored=scored,
        verdict=verdict,
        shares=shares,
        ceiling=ceiling,
        bound=bound,
        needed_again=verdict == "state-only"
        and not shuffled
        and _needed_again(*maps, targets, needed),
        ahead=float(np.triu(sees, k=1)[scored].any(axis=1).mean()),
        remedy="",
        shuffled=shuffled,
    )


def _served(
    problem: Problem,
    targets: Int[np.ndarray, " some"],
    needed: Bool[np.ndarray, "some input"],
    trained: Bool[np.ndarray, " some"],
    *,
    shuffled: bool,
) -> Bool[np.ndarray, " some"]:
    """Whether a gradient reaches the inputs of a target, or of another with the same lags.

    What accumulates goes on from a state, unless that is of another piece.
    """
    if not shuffled and problem.accumulates and (needed[trained].sum(axis=1) > 1).any():
        return np.ones_like(trained)
    lags = [_lags(row, step) for step, row in zip(targets, needed, strict=True)]
    served = {lag for lag, within in zip(lags, trained, strict=True) if within}
    return np.array([lag in served for lag in lags])


def _needed_again(
    needs: Map,
    learns: Map,
    targets: Int[np.ndarray, " case"],
    needed: Bool[np.ndarray, "case input"],
) -> bool:
    """Whether more than one target needs each input that no gradient reaches.

    Steps share their weights: what holds for an input holds for all inputs with the same lag.
    """
    lags = np.subtract.outer(np.arange(len(needs)), np.arange(len(needs)))
    covered = lags[needs & (learns | (needs.sum(axis=0) > 1))]
    cases, inputs = np.nonzero(needed)
    return bool(np.isin(targets[cases] - inputs, covered).all())


def _remedy(
    problems: Sequence[Problem], framing: Framing, batch_size: int, reach: Reach, result: Audit
) -> str:
    """The first change, small ones before large ones, that makes the first problem learnable.

    If possible, one that leaves something to learn, and where a gradient reaches at least half of
    the outputs by itself. The largest timesteps that work stand in a sentence of their own, so
    that the arguments can be pasted.
    """
    problem = problems[0]
    target, needed = np.nonzero(result.needs & result.scored[:, None])
    span = int((target - needed).max()) + 1
    replace, shuffled = dataclasses.replace, framing.shuffles
    framings: list[tuple[tuple[str, ...], Framing]] = [((), framing)]
    if isinstance(framing, Chunks) and framing.rows != "parallel":
        framings.append(((_PARALLEL,), replace(framing, rows="parallel")))
    if isinstance(framing, Chunks) and not framing.carry:
        framings.append((("carry=True",), replace(framing, carry=True)))
    if isinstance(framing, Window) and framing.missing == "drop":
        framings.append((("missing='mask'",), replace(framing, missing="mask")))
    if isinstance(framing, Chunks | Window):
        doubled = (framing.timesteps * 2**k for k in range(1, 20))
        sizes = [
            *(each for each in doubled if each < span),
            span,
            min(2 * span, *(each.steps for each in problems)),
        ]
        for words, changed in list(framings):
            for timesteps in sizes:
                longer = replace(changed, timesteps=max(timesteps, framing.timesteps))
                framings.append(((*words, f"timesteps={timesteps}"), longer))
    framings.append((("framing Whole()",), Whole()))
    models: list[tuple[tuple[str, ...], Reach]] = [((), reach)]
    short = reach.context is not None and reach.context < span
    if wider := reach.wider(span) if short else "":
        models.append(((wider,), reach._replace(context=span)))
    if reach != RECURRENT:
        models.append((("model LSTM()",), RECURRENT))
    found: dict[tuple[bool, bool], str] = {}
    for (model_words, allowed), (words, changed) in itertools.product(models, framings):
        better = _learnable(problems, changed, batch_size, allowed, result)
        if better is not None:
            few = not problem.accumulates and better.shares.gradient < 0.5
            kind = _loses(problem, result.scored, better.scored), few
            if kind in found:
                continue
            change, more = " and ".join((*model_words, *words)), ""
            if model_words == (wider,):
                name = wider.partition("=")[0]
                more = "A longer context works" if name == "context" else f"More {name} work"
                more = f" {more} too."
                if not words and _learnable(problems, changed, batch_size, RECURRENT, result):
                    change += " or model LSTM()"
            if "timesteps=" in change:
                more += _up_to(problems, changed, batch_size, allowed, result, loses=kind[0])
            if _PARALLEL in words:
                change += f", so that each batch row has its own sequence{' in order' * shuffled}"
            found[kind] = f"Use {change}.{more}"
            if not any(kind):
                break
    return found[min(found)] if found else ""


def _loses(
    problem: Problem, before: Bool[np.ndarray, " target"], after: Bool[np.ndarray, " target"]
) -> bool:
    """Whether a change leaves fewer than half of the outputs, or of what there is above chance."""

    def above_chance(scored: Bool[np.ndarray, " target"]) -> float:
        return problem.ceiling(scored) - problem.chance(scored)

    if (after >= before).all() and (before >= after).all():
        return False
    few = 2 * (before & after).sum() < before.sum()
    return bool(few or 2 * above_chance(after) < above_chance(before))


def _learnable(
    problems: Sequence[Problem], framing: Framing, batch_size: int, reach: Reach, result: Audit
) -> Audit | None:
    """The audit with another framing, where that can be learned and keeps all scored targets.

    A longer window may drop the first ones, but no part of an answer.
    """
    try:
        for each in problems[1:]:
            framing.layout(each, batch_size)
        better = _audit(problems[0], framing, batch_size, reach, score=False)
    except ValueError:
        return None  # this batch size does not fit that framing
    drops = isinstance(framing, Window) and framing.missing == "drop" and not problems[0].answers
    kept = drops or (better.scored >= result.scored).all()
    return better if better.verdict == "learnable" and kept else None


def _up_to(
    problems: Sequence[Problem],
    framing: Framing,
    batch_size: int,
    reach: Reach,
    result: Audit,
    *,
    loses: bool,
) -> str:
    """A sentence with the timesteps up to which all from those of the framing on work as well.

    Args:
        loses: Whether those of the framing lose much already.
    """
    assert isinstance(framing, Chunks | Window)
    least, most = framing.timesteps, min(each.steps for each in problems)
    if most > _MOST_SIZES:
        return ""

    def serves(timesteps: int) -> bool:
        longer = dataclasses.replace(framing, timesteps=timesteps)
        better = _learnable(problems, longer, batch_size, reach, result)
        return better is not None and (
            loses or not _loses(problems[0], result.scored, better.scored)
        )

    last = max(itertools.takewhile(serves, range(least + 1, most + 1)), default=least)
    return f" Timesteps up to {last} work too." if last > least else ""

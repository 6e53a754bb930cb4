"""The embedded Reber grammar: its automaton, and probabilities of its strings by length."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SYMBOLS = "BTPSXVE"
"""The symbols, in the order of their integers."""

BLANK = len(SYMBOLS)
"""Stands after the end of a string."""

_INNER = {
    "E0": {"B": "E1"},
    "E1": {"T": "E2", "P": "E3"},
    "E2": {"S": "E2", "X": "E4"},
    "E3": {"T": "E3", "V": "E5"},
    "E4": {"X": "E3", "S": "E6"},
    "E5": {"P": "E4", "V": "E6"},
    "E6": {"E": "outer"},
}
"""Reber's graph: in each state the symbols that may come, and the state after each."""


def _edges() -> dict[str, dict[str, str]]:
    edges = {"start": {"B": "which"}, "which": {outer: f"{outer} E0" for outer in "TP"}}
    for outer in "TP":
        for state, branches in _INNER.items():
            edges[f"{outer} {state}"] = {s: f"{outer} {to}" for s, to in branches.items()}
        edges[f"{outer} outer"] = {outer: "end"}
    return edges | {"end": {"E": "dead"}, "dead": {}}


_EDGES = _edges()
_INDEX = {state: index for index, state in enumerate(_EDGES)}

START, END, DEAD = (_INDEX[state] for state in ("start", "end", "dead"))
"""The first state; that after all inputs, where E is to come; that of what is no string."""

OUTER = [_INDEX[f"{outer} outer"] for outer in "TP"]
"""The states in which the outer symbol is to come again."""

STATES = len(_EDGES)

NEXT = np.full((STATES, BLANK + 1), DEAD)
"""The state after a state and a symbol, `(state, symbol)`; a blank is read at the end alone."""

LEGAL = np.zeros((STATES, BLANK), np.int32)
"""The symbols that may come next, `(state, symbol)`."""

for _state, _branches in _EDGES.items():
    for _symbol, _to in _branches.items():
        LEGAL[_INDEX[_state], SYMBOLS.index(_symbol)] = 1
        NEXT[_INDEX[_state], SYMBOLS.index(_symbol)] = _INDEX[_to]
NEXT[END] = DEAD
NEXT[END, BLANK] = END

BRANCHES = np.array([[*np.flatnonzero(legal), BLANK, BLANK][:2] for legal in LEGAL])
"""The two symbols that may come next, `(state, 2)`: twice the same where there is one."""
_single = LEGAL.sum(axis=1) == 1
BRANCHES[_single, 1] = BRANCHES[_single, 0]
BRANCHES[END] = BLANK  # of the inputs, which end there

SETS, SET_OF = np.unique(LEGAL, axis=0, return_inverse=True)
"""The different sets of symbols, and the one of each state."""


class Lengths(NamedTuple):
    """Probabilities of strings, given that their number of inputs is from `fewest` to `most`.

    Attributes:
        share: Share of all strings that have such a length.
        first: The probability of the first branch, `(step, state)`.
        live: Whether a string may be in this state after so many inputs, as `(step, state)`;
            step 0 is before the first input.
        present: The probability of each state after so many inputs, `(step, state)`; of strings
            that have ended nothing is left.
    """

    share: float
    first: NDArray[np.float64]
    live: NDArray[np.bool_]
    present: NDArray[np.float64]


@functools.lru_cache(64)
def lengths(fewest: int, most: int) -> Lengths:
    """Probabilities of strings with `fewest` to `most` inputs, exact."""
    ends = np.zeros((most + 1, STATES))  # that a string from here ends at such a length
    ends[fewest:, END] = 1
    choices = NEXT[np.arange(STATES)[:, None], BRANCHES]
    open_states = np.isin(np.arange(STATES), (END, DEAD), invert=True)
    for step in range(most - 1, -1, -1):
        ends[step, open_states] = ends[step + 1][choices].mean(axis=1)[open_states]
    weight = ends[1:][:, choices]
    total = weight.sum(axis=2)
    first = np.where(total > 0, weight[..., 0] / np.where(total > 0, total, 1), 0.0)
    present = np.zeros_like(ends)
    present[0, START] = 1
    for step in range(most):
        for branch, share in ((0, first[step]), (1, 1 - first[step])):
            moved = present[step] * share * open_states
            present[step + 1] += np.bincount(choices[:, branch], moved, STATES)
    return Lengths(float(ends[0, START]), first, ends > 0, present)


def states_of(symbols: NDArray[np.int32]) -> NDArray[np.intp]:
    """The state after each symbol, `(count, step)`."""
    states = np.empty(symbols.shape, np.intp)
    now = np.full(len(symbols), START)
    for step, column in enumerate(symbols.T):
        now = states[:, step] = NEXT[now, column]
    return states


@functools.lru_cache(64)
def needed(fewest: int, most: int) -> NDArray[np.bool_]:
    """Whether some string has a legal set at a step that another symbol at a step would change.

    `(target, input)`: exact, by following pairs of states, of a string and of the one with the
    other symbol, for all strings at once.
    """
    live = lengths(fewest, most).live
    step_to = np.zeros((BLANK, STATES, STATES), dtype=np.float32)
    for symbol in range(BLANK):
        step_to[symbol, np.arange(STATES), NEXT[:, symbol]] = 1
    unlike = SET_OF[:, None] != SET_OF
    found = np.zeros((most, most), dtype=bool)
    reached = np.zeros((0, STATES, STATES), dtype=bool)  # pairs by the step that differs
    for step in range(most):
        both = live[step + 1][:, None] & live[step + 1]
        moved = np.zeros(reached.shape, np.float32)
        for one in step_to:
            moved += one.T @ reached.astype(np.float32) @ one
        fork = np.zeros((1, STATES, STATES), bool)
        for state in np.flatnonzero(_reachable(most)[step]):
            after = [NEXT[state, symbol] for symbol in range(BLANK) if LEGAL[state, symbol]]
            for one in after:
                for other in after:
                    fork[0, one, other] |= one != other
        reached = np.concatenate([moved > 0, fork]) & both
        found[step, : step + 1] = (reached & unlike).any(axis=(1, 2))
    return found


@functools.lru_cache(64)
def _reachable(most: int) -> NDArray[np.bool_]:
    """The states that some string is in after so many inputs, `(step, state)`."""
    reach = np.zeros((most + 1, STATES), dtype=bool)
    reach[0, START] = True
    for step in range(most):
        for state in np.flatnonzero(reach[step]):
            for symbol in np.flatnonzero(LEGAL[state]):
                reach[step + 1, NEXT[state, symbol]] = state not in (END, DEAD)
    return reach


def best_share(fewest: int, most: int, target: int, sees: NDArray[np.bool_]) -> float:
    """The best share of right sets after a step, from some of the symbols up to it; exact.

    Args:
        fewest: Inputs of the shortest string.
        most: Inputs of the longest string.
        target: The step.
        sees: Which inputs the predictor knows, `(step,)`.
    """
    known = lengths(fewest, most)
    seen = np.flatnonzero(sees[: target + 1])
    start = int(seen[0]) if len(seen) else target + 1
    beliefs = known.present[start][None].copy()
    beliefs[:, END] *= start == target + 1  # of strings that go on
    for step in range(start, target + 1):
        if step > start:
            beliefs[:, END] = 0
        parts = []
        for branch, share in ((0, known.first[step]), (1, 1 - known.first[step])):
            parts.append((beliefs * share, BRANCHES[:, branch]))
        if sees[step]:
            moved = [_moved(parts, symbol) for symbol in range(BLANK)]
            beliefs = _merged(np.concatenate(moved))
        else:
            beliefs = _moved(parts, None)
    by_set = np.zeros((len(beliefs), len(SETS)))
    for state in range(STATES):
        by_set[:, SET_OF[state]] += beliefs[:, state]
    return float(by_set.max(axis=1).sum() / known.present[target + 1].sum())


def _moved(
    parts: list[tuple[NDArray[np.float64], NDArray[np.intp]]], symbol: int | None
) -> NDArray[np.float64]:
    """Beliefs after one more symbol: one that was seen, or any."""
    moved = np.zeros_like(parts[0][0])
    for mass, symbols in parts:
        kept = mass * ((symbols == symbol) if symbol is not None else (symbols != BLANK))
        for state in np.flatnonzero(kept.any(axis=0)):
            moved[:, NEXT[state, symbols[state]]] += kept[:, state]
    return moved


def _merged(beliefs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same with one row for all that are in proportion."""
    mass = beliefs.sum(axis=1)
    beliefs, mass = beliefs[mass > 0], mass[mass > 0]
    _, first, kind = np.unique(
        (beliefs / mass[:, None]).round(10), axis=0, return_index=True, return_inverse=True
    )
    total = np.bincount(kind.ravel(), mass)
    return beliefs[first] * (total / mass[first])[:, None]

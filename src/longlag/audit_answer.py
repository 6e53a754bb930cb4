"""The answer of an audit: three maps, the verdict on them, and what to change."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool

from longlag.answers.answer import Answer, Level
from longlag.answers.blocks import Block, Table, table, text
from longlag.knobs import lookup
from longlag.version import longlag_version
from longlag.visible import Map

_MAPS = "needs", "sees", "learns"
_EQUAL = 5e-4  # between two scores: as printed, with three digits, they are the same

Verdict = Literal["learnable", "state-only", "unreachable"]


class Shares(NamedTuple):
    """Shares of the scored targets, by the way in which the inputs they need can be reached."""

    gradient: float
    """All of them within the reach of a gradient."""
    state: float
    """All of them visible, some only through carried state."""
    unseen: float
    """At least one of them not visible at all."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Audit(Answer):
    """The inputs that a problem needs, compared with those of a framing.

    Attributes:
        subject: What was audited: problem, framing and batch size, as text.
        chance: The best score that ignores the inputs.
        needs: The inputs that the target of a step depends on.
        sees: The inputs that can reach its prediction, in the sample or through state;
            a row is empty where the framing scores nothing.
        learns: The inputs through which a gradient can flow in one update.
        scored: The steps that the framing scores.
        verdict: `unreachable` if the inputs of some scored target are not visible; `learnable` if
            a gradient reaches the inputs of each, or those of another target with the same
            lags, since steps share their weights (if a problem accumulates, one target
            with several lags serves all); else `state-only`.
        shares: The shares of the scored targets behind the verdict.
        ceiling: The best score from the visible inputs, of a predictor that knows the step only
            if the framing shows it.
        bound: Whether `ceiling` is only an upper bound: it would need a clock that the framing
            hides, and the best score without one is not known.
        needed_again: Whether the verdict is `state-only` and more than one output needs each
            of the inputs beyond the gradients' reach, as in a sum (or others with the same lags):
            training for one output may then serve the others.
        ahead: The share of the scored targets whose prediction sees inputs later than
            their step; above 0 only for a model that is not causal.
        remedy: A change whose audit is `learnable`; empty if the verdict is `learnable`, or if no
            such change is known.
        shuffled: Whether training takes the pieces of sequences in random order.
    """

    subject: str
    chance: float
    needs: Map
    sees: Map
    learns: Map
    scored: Bool[np.ndarray, " target"]
    verdict: Verdict
    shares: Shares
    ceiling: float
    bound: bool
    needed_again: bool
    ahead: float
    remedy: str
    shuffled: bool = False

    @property
    def meaning(self) -> str:
        """The verdict as a sentence."""
        if self.verdict == "learnable" and self.shares.gradient < 1:
            return MEANING["shared"]
        if self.verdict == "state-only" and self.shuffled:
            return MEANING["shuffled"]
        return MEANING["needed-again" if self.needed_again else self.verdict]

    @property
    def not_causal(self) -> str:
        """A warning about a model that sees later inputs; else empty."""
        if not self.ahead:
            return ""
        return (
            f"The model is not causal: {self.ahead:.0%} of its outputs can see inputs of later "
            "steps, so its score does not say what it remembers."
        )

    @property
    def nothing_to_learn(self) -> str:
        """A sentence where the best possible score is that of chance, all inputs seen; else empty.

        As `cumulative-threshold` in a window that scores the last step alone, where nearly every
        sum has passed the threshold.
        """
        if self.verdict == "unreachable" or self.ceiling - self.chance > _EQUAL:
            return ""
        return "Chance is already the best possible score, so nothing can be learned here."

    figures: ClassVar = ("maps",)

    @property
    def caption(self) -> str:
        return f"Audit of {self.subject}. longlag {longlag_version()}."

    def blocks(self) -> Iterator[Block]:
        yield text(self.subject, kind="strong")
        yield self.table()
        kind = {"learnable": "good", "state-only": "part"}.get(self.verdict, "bad")
        kind = "bad" if self.nothing_to_learn else kind
        lines = f"{self.verdict}: {self.meaning}.", self.nothing_to_learn, self.not_causal
        yield text(*lines, kind=kind)
        yield text(self.remedy, kind="advice")

    def table(self) -> Table:
        figures = {
            "scored outputs": str(self.scored.sum()),
            "a gradient reaches their inputs": f"{self.shares.gradient:.0%}",
            "only the carried state can bring them": f"{self.shares.state:.0%}",
            "out of reach": f"{self.shares.unseen:.0%}",
            "best possible score": self.best,
            "chance": f"{self.chance:.3g}",
        }
        return table("", ("", ""), figures.items())

    def document(self) -> dict[str, Any]:
        names = "subject verdict needed_again ceiling chance bound ahead remedy".split()
        maps = {name: getattr(self, name).tolist() for name in ("scored", *_MAPS)}
        plain = {name: getattr(self, name) for name in names}
        return {**plain, "shares": self.shares._asdict(), **maps}

    def rows(self, level: Level = "cell") -> list[dict[str, Any]]:
        lookup("level", level, {"cell": None})
        return [
            {"problem": self.subject, "target": target, "input": source}
            | {name: bool(getattr(self, name)[target, source]) for name in _MAPS}
            for target in np.flatnonzero(self.scored).tolist()
            for source in range(self.needs.shape[1])
        ]

    @property
    def best(self) -> str:
        """The ceiling as text: `at most …` where it is only an upper bound."""
        return f"{'at most ' if self.bound else ''}{self.ceiling:.3g}"


_FAR = (
    "only the carried state can bring the inputs that some outputs need, and no gradient goes back "
    "that far"
)
MEANING = {
    "learnable": "a gradient reaches the inputs that the outputs need",
    "shared": "a gradient reaches the inputs that some outputs need, and what it trains there "
    "serves the others",
    "state-only": f"{_FAR}: whether it does is left to luck",
    "needed-again": f"{_FAR}; but several outputs need the same inputs, so what is trained for one "
    "may serve the others",
    "shuffled": "only the carried state can bring the inputs that some outputs need, and in "
    "training it is that of another piece: whether the model uses it is left to luck",
    "unreachable": "the inputs that some outputs need never get to the model's output",
}
"""The verdicts as sentences; `shared` is a `learnable` by some outputs for all, `needed-again` a
`state-only` with inputs of several outputs, `shuffled` one of pieces in random order."""

"""Maps, sensitivities and states of trained models in a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from longlag.adapters.user_code import UnnamedCode
from longlag.report import charts
from longlag.report.content import Figure, Panel, Section
from longlag.report.sections import common
from longlag.report.words import number, slugs
from longlag.studies.study import words as named
from longlag.trials.checkpoint import Trained

MAPS = 6
"""Trained models of a page that are read for their maps; each costs about a second."""

STATES = 3
"""Recurrent models of a page whose gates and states are shown."""

_SEQUENCES = 4  # over which a sensitivity is taken; sixteen take seconds and look the same

_UNITS = 16  # of a hidden layer that are shown

# What a trained model uses.


class StoredModel(NamedTuple):
    """A trained model that may be read, and how well it did."""

    problem: str
    model: str
    where: str
    skill: float
    verdict: str
    read: Callable[[], Trained]

    @property
    def title(self) -> str:
        """What tells it from the others."""
        return f"{self.problem}, {self.where}: {self.model}"

    @property
    def did(self) -> str:
        """How well it did, in words."""
        return f"skill {number(self.skill)}, {self.verdict}"


def spread(kept: Sequence[StoredModel], most: int) -> list[StoredModel]:
    """So many at most, problems taken in turn, in their order."""
    turns = defaultdict[str, int](int)
    order = []
    for place, each in enumerate(kept):
        order.append((turns[each.problem], place))
        turns[each.problem] += 1
    return [kept[place] for place in sorted(place for _, place in sorted(order)[:most])]


def one_each(kept: Iterable[StoredModel], most: int) -> list[StoredModel]:
    """The first of each problem, so many at most."""
    found: dict[str, StoredModel] = {}
    for each in kept:
        found.setdefault(each.problem, each)
    return list(found.values())[:most]


def maps(start: str, kept: Sequence[StoredModel], choice: str) -> Section:
    """What the problem needs, what is seen, what is taught, and what a trained model uses."""
    blocks: list[Any] = []
    unnamed: list[str] = []
    for name, each in zip(slugs(each.title for each in kept), kept, strict=True):
        title = each.title
        try:
            trained = each.read()
            used = trained.sensitivity(_SEQUENCES)
        except UnnamedCode:
            unnamed.append(each.model)
            continue
        except ValueError:  # a model that is not seen into
            continue
        setting = trained.setting
        found = setting.audit()
        needed = trained.needs(_SEQUENCES)
        share = float(used[needed > 0].sum() / used.sum()) if used.sum() > 0 else 0.0
        key = f"{start}-map-{name}"
        shades = {
            "needs": (needed, "the inputs that each target depends on"),
            "sees": (found.sees.astype(float), "the inputs that can reach each prediction"),
            "learns": (found.learns.astype(float), "those through which a gradient can flow"),
            "uses": (used / max(used.max(), 1e-30), "the sensitivity of the trained model"),
        }
        panels = matrices(key, title, shades)
        caption = (
            f"Framing {named(setting.framing)}, learning rate {setting.recipe.learning_rate:g}, "
            f"seed {trained.seed}: {each.did}. The audit says {found.verdict}; {share:.0%} of "
            f"the model's sensitivity is on the inputs it should use "
            f"({needed.sum() / needed.size:.0%} of the table)."
        )
        blocks.append(Figure(title=title, caption=caption, panels=panels, size="quarter"))
    lead = (
        "Rows are targets, columns are inputs. Needs: what the problem depends on; sees: what can "
        "reach the prediction; learns: what a gradient can flow through in one update; uses: how "
        "strongly the trained model's outputs depend on each input (norm of the Jacobian, over "
        f"{_SEQUENCES} sequences drawn anew). {choice} Models that diverged are left out, "
        "and those of one's own that cannot be seen into."
    )
    if unnamed:
        names = ", ".join(dict.fromkeys(unnamed))
        blocks.append(
            common.text(
                f"Left out: {names}. Your own code runs only if you name it: longlag report "
                "--model FILE:NAME."
            )
        )
    return Section(
        id=f"{start}-maps",
        title="What models need, see, learn and use",
        lead=lead,
        blocks=tuple(blocks),
    )


def matrices(
    key: str, title: str, shades: Mapping[str, tuple[np.ndarray, str]]
) -> tuple[Panel, ...]:
    """Maps side by side: of each its name, its shades from 0 to 1, and what they are."""
    return tuple(
        Panel(
            key=f"{key}-{matrix}",
            title=matrix,
            chart=charts.matrix(shade, across="input step", down="target step"),
            alt=f"{title}; {matrix}: {says}, {int((shade > 0).sum())} of {shade.size} pairs.",
            dense=True,
        )
        for matrix, (shade, says) in shades.items()
    )


def states(start: str, kept: Sequence[StoredModel]) -> Section:
    """The gates and states of recurrent models over one sequence."""
    blocks: list[Any] = []
    for key, each in zip(slugs(each.title for each in kept), kept, strict=True):
        title = each.title
        try:
            trained = each.read()
            read = trained.gates()
        except ValueError:
            continue  # no recurrent layer to read, or a user's file that has changed
        spread = read["hidden"].std(axis=0)
        units = np.sort(np.argsort(-spread, kind="stable")[:_UNITS])
        panels = []
        for name, values in read.items():
            shown = values[:, units].T
            signed = name in ("hidden", "cell", "candidate")
            scale = max(float(np.abs(shown).max()), 1.0)
            panels.append(
                Panel(
                    key=f"{start}-states-{key}-{name}",
                    title=f"{name}, −{scale:.2g} to {scale:.2g}" if signed else f"{name}, 0 to 1",
                    chart=charts.matrix(
                        shown / scale,
                        across="step",
                        down="unit",
                        ends="negative to positive" if signed else "low to high",
                    ),
                    alt=f"{title}: {name} of {len(units)} units over {shown.shape[1]} steps.",
                    dense=True,
                )
            )
        caption = (
            f"One sequence, seed {trained.seed} ({each.did}); the {len(units)} most active of "
            f"{read['hidden'].shape[1]} units."
        )
        blocks.append(Figure(title=title, caption=caption, panels=tuple(panels), size="quarter"))
    return Section(
        id=f"{start}-states",
        title="Gates and states over one sequence",
        lead=(
            "Each row is a unit, each column a step. Gates: the stronger the colour, the more "
            "open. States: blue is positive, orange negative."
        ),
        blocks=tuple(blocks),
    )

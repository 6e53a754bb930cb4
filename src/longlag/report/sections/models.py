"""Trained models: which inputs do they use, and what do their gates and states do?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from longlag.adapters.user_code import UnnamedCode
from longlag.answers.blocks import text
from longlag.answers.format import number, slugs
from longlag.audit_answer import Audit
from longlag.report import charts
from longlag.report.blocks import Figure, Panel, Section, section
from longlag.report.figures import gate_matrix, values_shown
from longlag.studies.study import words
from longlag.trials.checkpoint import Trained
from longlag.trials.sensitivity import gates_episode

MAPS = 6  # trained models with maps on a page; each costs about a second
SEQUENCES = 4  # for a sensitivity; sixteen take seconds and look the same
_STATES = 3  # recurrent models with gates and states, one per problem
_UNITS = 16  # of a hidden layer in a figure


class StoredModel(NamedTuple):
    """A function that loads a trained model, with its skill and verdict."""

    problem: str
    model: str
    where: str
    skill: float
    verdict: str
    read: Callable[[], Trained]

    @property
    def title(self) -> str:
        """Problem, level and model, unique on a page."""
        return f"{self.problem}, {self.where}: {self.model}"


def spread(models: Sequence[StoredModel], most: int) -> list[StoredModel]:
    """At most `most` models, problems in turn: the first of each, then the second of each."""
    turns, order = Counter[str](), []
    for index, each in enumerate(models):
        order.append((turns[each.problem], index))
        turns[each.problem] += 1
    return [models[index] for index in sorted(index for _, index in sorted(order)[:most])]


def maps_and_states(start: str, models: Sequence[StoredModel], choice: str) -> list[Section]:
    """The maps of trained models; gates and states of the first recurrent model per problem."""
    maps, states, problems = list[Figure](), list[Figure](), set[str]()
    unnamed = list[str]()
    for name, each in zip(slugs(each.title for each in models), models, strict=True):
        try:
            trained = each.read()
            maps.append(_maps(f"{start}-map-{name}", each, trained))
            if each.problem not in problems and len(states) < _STATES:
                states.append(_states(f"{start}-states-{name}", each, trained))
                problems.add(each.problem)
        except UnnamedCode:
            unnamed.append(each.model)
        except ValueError:  # a user's file that was edited, a model without gates or gradients
            continue
    lead = (
        "One row per target step, one column per input step. Needs: the inputs that the target "
        "depends on; sees: those that can reach the prediction; learns: those that a gradient "
        "flows back to in one update; uses: how strongly the trained model's outputs depend on "
        f"each input (norm of the Jacobian, over {SEQUENCES} new random sequences). {choice} "
        "Models that diverged, or cannot be read or differentiated, are left out."
    )
    gates = (
        "One row per unit, one column per step, with the value shown below it. Gates: the stronger "
        "the colour, the more open. States: blue is positive, orange negative."
    )
    notes = []
    if unnamed:
        names = ", ".join(dict.fromkeys(unnamed))
        notes = [
            text(
                f"Left out: {names}. Your own code runs only if you name it: longlag report "
                "--model FILE:NAME."
            )
        ]
    titles = "What models need, see, learn and use", "Gates and states over one sequence"
    return [
        section(f"{start}-maps", titles[0], *maps, *notes, lead=lead),
        section(f"{start}-states", titles[1], *states, lead=gates),
    ]


def _maps(key: str, stored: StoredModel, trained: Trained) -> Figure:
    uses, needs = trained.sensitivity(SEQUENCES), trained.needs(SEQUENCES)
    setting, audit = trained.setting, trained.setting.audit()
    share = float(uses[needs > 0].sum() / uses.sum()) if uses.sum() > 0 else 0.0
    caption = (
        f"Framing {words(setting.framing)}, learning rate {setting.recipe.learning_rate:g}, seed "
        f"{trained.seed}: skill {number(stored.skill)}, {stored.verdict}. The audit says "
        f"{audit.verdict}; {share:.0%} of the model's sensitivity is on the inputs it should use "
        f"({needs.sum() / needs.size:.0%} of the table). {audit.nothing_to_learn}"
    ).rstrip()
    panels = map_panels(key, stored.title, needs, audit, uses)
    return Figure(title=stored.title, caption=caption, panels=panels, size="quarter")


def map_panels(
    key: str, title: str, needs: np.ndarray, audit: Audit, uses: np.ndarray | None
) -> tuple[Panel, ...]:
    """Maps side by side; `uses` is the sensitivity, if the model has one."""
    shades = {"needs": needs, "sees": audit.sees, "learns": audit.learns}
    if uses is not None:
        shades["uses"] = uses / max(uses.max(), 1e-30)
    return tuple(
        Panel(
            key=f"{key}-{name}",
            title=name,
            chart=charts.matrix(shade.astype(float), across="input step", down="target step"),
            alt=f"{title}, {name}: {int((shade > 0).sum())} of {shade.size} pairs.",
            dense=True,
        )
        for name, shade in shades.items()
    )


def _states(key: str, stored: StoredModel, trained: Trained) -> Figure:
    arrays = trained.gates()
    hidden = arrays["hidden"]
    units = np.sort(np.argsort(-hidden.std(axis=0), kind="stable")[:_UNITS])
    shown = gates_episode(trained.setting, trained.seed)
    inputs, panels = values_shown(trained.setting.problem.inputs, shown), []
    for name, values in arrays.items():
        chart, title = gate_matrix(name, values[:, units], inputs)
        panels.append(
            Panel(
                key=f"{key}-{name}",
                title=title,
                chart=chart,
                alt=f"{stored.title}: {name} of {len(units)} units over {len(values)} steps.",
                dense=True,
            )
        )
    caption = (
        f"A new random sequence, seed {trained.seed} (skill {number(stored.skill)}, "
        f"{stored.verdict}); the {len(units)} most active of {hidden.shape[1]} units."
    )
    return Figure(title=stored.title, caption=caption, panels=tuple(panels), size="half")

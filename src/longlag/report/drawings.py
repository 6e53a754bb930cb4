"""The figures of answers: which function draws each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import altair as alt

from longlag.report import figures, study_figures, suite_matrix

DRAWINGS: dict[tuple[str, str], Callable[[Any], alt.TopLevelMixin]] = {
    ("Audit", "maps"): figures.figure_of_audit,
    ("Run", "training"): figures.figure_of_run,
    ("Run", "steps"): figures.figure_of_steps,
    ("Score", "steps"): figures.figure_of_steps,
    ("Gates", "gates"): lambda answer: figures.figure_of_gates(answer.trained, answer.sequence),
    ("FrontierAnswer", "trials"): study_figures.values_by_seed,
    ("ComparisonAnswer", "skill"): study_figures.skill_by_level,
    ("ComparisonAnswer", "learning rates"): study_figures.skill_by_rate,
    ("GeneralisationAnswer", "skill"): study_figures.skill_by_length,
    ("ProfileAnswer", "reach"): study_figures.reach_by_problem,
    ("SuiteAnswer", "matrix"): suite_matrix.matrix,
    ("SuiteBaselines", "matrix"): suite_matrix.baselines,
}
"""By the class of the answer and the name of the figure, one of its `figures`."""

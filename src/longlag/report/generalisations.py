"""What a generalisation study has to say: skill at lengths that models were not trained at."""

from __future__ import annotations

from longlag.report import charts
from longlag.report.content import Cell, Figure, Panel, Section, Table
from longlag.report.palette import look
from longlag.report.sections import common, curves
from longlag.report.sections.common import Group
from longlag.report.study_part import StudyPart
from longlag.report.words import ASKED, MEASURED, counted, estimate, listed, number, span
from longlag.scores.statistics import CONFIDENCE
from longlag.studies.generalisation import Generalisation
from longlag.studies.generalisation_answer import GeneralisationAnswer, ModelAnswer
from longlag.studies.study import words as named


def generalisation(study: Generalisation, start: str) -> StudyPart:
    """The part about a study of lengths.

    Args:
        study: The study.
        start: Of every name of its in an address.
    """
    answer = study.answer()
    problem = named(study.problem)
    trained = f"length {answer.train}"
    groups = [
        Group.of(
            study.problem,
            model.model,
            model.outcomes,
            study.solve_at,
            where=trained,
            order=answer.train,
            missing=model.missing,
            test=_written_out(model),
        )
        for model in answer.models
        if model.outcomes
    ]
    sections = [_lengths_section(answer, start, problem)]
    if groups:
        series = [(group.model, group) for group in groups]
        choice = f"On sequences of {trained}, the only ones trained on."
        sections.append(curves.curves(start, [(problem, series)], choice))
    models = listed(model.model for model in answer.models)
    return StudyPart(
        title=f"How {problem} carries over to other lengths",
        question=ASKED.format(
            subject=f"The skill of {models} at lengths {listed(answer.test)}, trained on {problem} "
            f"at {trained}, learning rate {study.recipe.learning_rate:g}.",
            framing=named(study.framing),
            seeds=counted(len(study.seeds), "seed"),
            budget=f"{study.recipe.epochs:,}",
            solve_at=study.solve_at,
        ),
        found=[found for model in answer.models if (found := _found(model, answer))],
        table=_longest(answer),
        sure=_sure(study, answer),
        sections=sections,
        groups=groups,
    )


def _found(model: ModelAnswer, answer: GeneralisationAnswer) -> str:
    if not model.outcomes:
        return f"{model.model}: no seed is trained yet."
    figures = str(model) if model.median else f"not even length {answer.train}"
    subject = f"Longest length that {model.model} solves"
    refusal = f" {model.refusal}" if model.refusal else ""
    return MEASURED.format(subject=subject, figure=figures) + refusal


def _longest(answer: GeneralisationAnswer) -> Table:
    """The longest length solved, seed by seed."""
    return Table(
        caption=f"Longest length solved, trained at {answer.train}.",
        head=("model", "median", "interval", "seed by seed"),
        rows=tuple(
            (
                Cell(model.model),
                Cell(f"{model.median:,}" if model.median else "none", kind="number"),
                Cell(
                    span([int(end) for end in model.interval]) if model.per_seed else "",
                    kind="number",
                ),
                Cell(", ".join(str(length or "none") for length in model.per_seed)),
            )
            for model in answer.models
        ),
    )


def _ends(model: ModelAnswer) -> str:
    return span([int(end) for end in model.interval]) if model.per_seed else ""


def _sure(study: Generalisation, answer: GeneralisationAnswer) -> list[str]:
    sure = [
        "A length counts as solved by a seed only where all lengths from the training length up to "
        "it are. Every length is scored on fresh sequences of its own; none of them chose anything."
    ]
    for count, coverage in {(len(m.per_seed), m.coverage) for m in answer.models if m.per_seed}:
        less = ", less than 0.95: six seeds would give that" if coverage < CONFIDENCE else ""
        sure.append(
            f"The interval of the longest length is taken from the order of "
            f"{counted(count, 'seed')} alone and covers the median with probability "
            f"{coverage:.3g}{less}. That of a skill covers seeds and draws."
        )
    if not answer.complete:
        missing = sum(model.missing for model in answer.models)
        sure.append(f"Not complete: {counted(missing, 'trial')} not run yet, or failed.")
    return sure + common.seen_again([study.problem])


def _written_out(model: ModelAnswer) -> str | None:
    """The test at the longest length that is short enough to be written out."""
    scores = model.outcomes[0].scores
    short = [name for name in scores if any(each.score(name).examples for each in model.outcomes)]
    lengths = {f"length {score.length}": score.length for score in model.scores}
    return max(short, key=lambda name: lengths[name], default=None)


def _lengths_section(answer: GeneralisationAnswer, start: str, problem: str) -> Section:
    rows = [
        {
            "model": model.model,
            "length": score.length,
            "skill": round(score.skill.mean, 4),
            "low": round(score.skill.interval[0], 4),
            "high": round(score.skill.interval[1], 4),
            "solved": f"{score.solved} of {score.seeds}",
        }
        for model in answer.models
        for score in model.scores
    ]
    if not rows:
        return Section(id=f"{start}-lengths", title="Skill against length")
    looks = tuple(look(place, model.model) for place, model in enumerate(answer.models))
    lengths = [int(row["length"]) for row in rows]
    panel = Panel(
        key=f"{start}-lengths",
        title=f"Skill against length, {problem}",
        chart=charts.lengths(rows, looks),
        alt=f"Skill of each model at lengths from {span(lengths)}; trained at {answer.train}.",
    )
    caption = (
        f"Skill on fresh sequences of each length, after training at length {answer.train} alone: "
        "mean over seeds, the band its interval. Dashed: chance 0 and ceiling 1."
        f"{charts.sunken(rows)}"
    )
    table = Table(
        caption="Skill at each length, beside chance and ceiling as accuracies.",
        head=("model", "length", "skill", "solved", "chance", "ceiling", "stands"),
        rows=tuple(
            (
                Cell(model.model),
                Cell(
                    f"{score.length:,}",
                    "as trained" if score.length == answer.train else "",
                    "number",
                ),
                Cell(estimate(score.skill), kind="number"),
                Cell(f"{score.solved}/{score.seeds}", kind="number"),
                Cell(number(score.chance), kind="number"),
                Cell(number(score.ceiling), kind="number"),
                Cell("" if score.standing == "above" else f"{score.standing} chance"),
            )
            for model in answer.models
            for score in model.scores
        ),
    )
    figure = Figure(caption=caption, panels=(panel,), series=looks, size="wide")
    return Section(id=f"{start}-lengths", title="Skill against length", blocks=(figure, table))

"""What a generalisation study has to say: skill at lengths that models were not trained at."""

from __future__ import annotations

from longlag.report import charts
from longlag.report.content import Cell, Figure, Panel, Point, Section, Table
from longlag.report.palette import look
from longlag.report.sections import common, curves
from longlag.report.sections.common import Group
from longlag.report.told import Told
from longlag.report.words import counted, estimate, listed, number, span
from longlag.scores.statistics import CONFIDENCE
from longlag.studies.generalisation import Generalisation
from longlag.studies.generalisation_answer import GeneralisationAnswer, ModelAnswer
from longlag.studies.study import words as named
from longlag.trials.diagnosis import diagnose


def generalisation(study: Generalisation, start: str) -> Told:
    """What a study of lengths has to say; `start` begins every name of its in an address."""
    answer = study.answer()
    problem = named(study.problem)
    trained = f"length {answer.train}"
    groups = [
        Group(
            problem=problem,
            model=model.model,
            where=trained,
            order=answer.train,
            tolerance=common.tolerance(study.problem),
            blank=common.blank(study.problem),
            outcomes=model.outcomes,
            reasons=tuple(diagnose(each, study.solve_at) for each in model.outcomes),
            test=_written_out(model),
        )
        for model in answer.models
        if model.outcomes
    ]
    seeds = counted(len(study.seeds), "seed")
    sections = [_lengths_section(answer, start, problem)]
    if groups:
        series = [(group.model, group) for group in groups]
        choice = f"On sequences of {trained}, which alone are trained on."
        sections.append(curves.curves(start, [(problem, series)], choice))
    return Told(
        title=f"How {problem} carries over to other lengths",
        question=(
            f"Trained on {problem} at {trained}, what is the skill of "
            f"{listed(model.model for model in answer.models)} at lengths "
            f"{listed(answer.test)} (framing {named(study.framing)}, learning rate "
            f"{study.recipe.learning_rate:g}, at most {study.recipe.epochs:,} sequences a trial, "
            f"{seeds}, skill {study.solve_at:g} or more counts as solved)?"
        ),
        found=[each for model in answer.models for each in _found(model, answer)],
        sure=_sure(study, answer),
        sections=sections,
        groups=groups,
    )


def _found(model: ModelAnswer, answer: GeneralisationAnswer) -> list[str | Point]:
    if not model.outcomes:
        return [f"{model.model}: no seed is trained yet."]
    seeds = counted(len(model.per_seed), "seed")
    solves = f"solves {model}" if model.median else f"does not solve length {answer.train} itself"
    said: list[str | Point] = [
        f"{model.model} {solves} (the longest length solved, median over {seeds} and its "
        f"interval). Seed by seed: {listed(each or 'none' for each in model.per_seed)}."
    ]
    stands = [(score.standing, str(score.length)) for score in model.scores]
    said += (f"{model.model} {guess}." for guess in common.guesses("length", stands))
    return said + ([model.refusal] if model.refusal else [])


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
        sure.append(f"Not complete: {counted(missing, 'trial')} not run yet, or came to nothing.")
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

"""`longlag runs`: the finished trials of a store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.console import RenderableType
from rich.text import Text

from longlag import files
from longlag.answers.format import SKILL, counted
from longlag.by_name import option
from longlag.cli._flags import STORE, Count, StorePath, Tracked
from longlag.cli._output import OUTPUT, OutputFlags, key_value_table, table
from longlag.cli._remedies import as_study_flags
from longlag.cli._terminal import warn
from longlag.knobs import lookup, unknown_name
from longlag.store import parsing
from longlag.store.records import VERDICTS, Record, StudyRecord
from longlag.store.store import Store

if TYPE_CHECKING:
    from longlag.problems import Problem
    from longlag.trials.diagnosis import Diagnosis

_MANY = "`--export`, `--tensorboard`, `--track` and `--bundle`"


def runs(
    trial: str | None = None,
    /,
    *,
    store: StorePath = STORE,
    problem: str | None = None,
    model: str | None = None,
    verdict: Annotated[
        str | None, Parameter(help=f"Only trials with this verdict: {', '.join(VERDICTS)}.")
    ] = None,
    study: str | None = None,
    limit: Count = 20,
    studies: Annotated[bool, Parameter(negative="")] = False,
    export: Path | None = None,
    tensorboard: Path | None = None,
    track: Tracked = None,
    save: Path | None = None,
    bundle: Path | None = None,
    output: OutputFlags = OUTPUT,
) -> int | None:
    """List, show or export saved trials, the latest first.

    A trial is one training run with one seed.

    Args:
        trial: ID of a trial to show; its first letters are enough.
        problem: Only trials whose problem begins with this.
        model: Only trials whose model begins with this.
        study: Only trials of this study; the first letters of its name are enough.
        limit: How many to list; 0 lists all.
        studies: List the studies instead.
        export: Write the trials to FILE.csv or FILE.parquet.
        tensorboard: Write their learning curves to this folder, for TensorBoard.
        save: Write the trained model of the trial to this file, as safetensors.
        bundle: Pack the trials into FILE.zip, for others to run again (longlag reproduce FILE.zip).
    """
    kind = "Parquet" if export and export.suffix == ".parquet" else "CSV"
    output.check(
        {"--store": store},
        save=(save, "safetensors"),
        export=(export, kind),
        tensorboard=(tensorboard, "folder"),
        bundle=(bundle, "bundle"),
    )
    if limit < 0:
        raise ValueError(f"`limit` must be at least 0, got {limit}. Use limit=0 for all.")
    if model is not None:  # one of a file is listed by the name of that
        model = re.sub(r"^[^:]*/(?=[^/:]+\.py:)", "", model)
    filters = {"problem": problem, "model": model, "verdict": verdict, "study": study}
    if studies:
        outputs = {"save": save, "export": export, "tensorboard": tensorboard}
        outputs |= {"track": track, "bundle": bundle}
        _refuse("`--studies` lists every study.", {"ID": trial} | filters | outputs)
    if save is not None and trial is None:
        raise ValueError("`--save` writes the model of one trial. Name it: longlag runs ID.")
    many = export or tensorboard or track or bundle
    if trial is not None and many:
        raise ValueError(f"{_MANY} write many trials. Leave out the ID.")
    if bundle is not None and bundle.suffix.lower() != ".zip":
        raise ValueError(f"--bundle: {bundle} must end in .zip. Use {bundle.with_suffix('.zip')}.")
    if trial is not None:
        _refuse("An ID shows one trial.", filters)
    if many and output.output:
        raise ValueError(f"{_MANY} write files of their own. Leave out --output.")
    with Store(store) as saved:
        if studies:
            every = saved.studies()
            return output.write(
                lambda: {"studies": [each._asdict() for each in every]},
                lambda: _studies(saved, every),
            )
        if verdict is not None:
            lookup("verdict", verdict, dict.fromkeys(VERDICTS))
        if trial is not None:
            return _show(saved, saved.named(trial), save, output)
        chosen: dict[str, Any] = filters
        if study is not None:
            chosen["study"] = saved.study(study).id
        if many:
            records = saved.records(**chosen)
            if bundle is not None:
                _bundle(saved, records, bundle)
            return _export(saved, records, export, tensorboard, track or [], study)
        records, matching = saved.records(**chosen, limit=limit or None), saved.count(**chosen)
        return output.write(
            lambda: {"trials": [record._asdict() for record in records]},
            lambda: _list(saved, records, matching, chosen),
        )


def _refuse(rule: str, others: Mapping[str, object]) -> None:
    """Refuse arguments that would be ignored."""
    if ignored := next((name for name, value in others.items() if value is not None), None):
        raise ValueError(f"{rule} Leave out {ignored if ignored == 'ID' else option(ignored)}.")


def _list(
    store: Store, records: Sequence[Record], matching: int, filters: Mapping[str, Any]
) -> Iterator[RenderableType]:
    names = "trial", "problem", "framing", "model", "seed", "skill", "verdict", "sequences"
    trials = table(*names, right=("seed", "skill", "sequences"))
    trials.columns[0].no_wrap = True
    for record in records:
        trials.add_row(
            record.id[:8],
            *map(Text, (record.problem, record.framing, record.model, str(record.seed))),
            f"{record.skill:.3f}",
            Text(record.verdict, style="green" if record.verdict == "solved" else "yellow"),
            f"{record.sequences:,}",
        )
    yield trials
    count = store.count()
    line = f"{len(records):,} of {count:,} finished trials"
    if len(records) < matching:
        line += f"; --limit 0 lists all{f' {matching:,} of these' if matching < count else ''}"
    yield Text(f"{line}.", style="dim")
    if count and not matching:
        yield Text(_why_none(store, filters))
    if notice := store.notice():
        yield Text(notice, style="dim")


def _why_none(store: Store, filters: Mapping[str, Any]) -> str:
    """Which filter no trial matches, or that they match none together."""
    given = {name: value for name, value in filters.items() if value is not None}
    alone = next((name for name in given if not store.count(**{name: given[name]})), None)
    if alone in ("problem", "model"):
        every = dict.fromkeys(getattr(record, alone) for record in store.records())
        return unknown_name(f"No trial's {alone} begins with", given[alone], every)
    if alone is not None:
        return f"No trial has the {alone} {given[alone]}."
    return f"Each of {' and '.join(map(option, given))} matches trials, but none matches all."


def _studies(store: Store, studies: Sequence[StudyRecord]) -> Iterator[RenderableType]:
    lines = table("study", "kind", "trials", "started", "", "command")
    for study in studies:
        lines.add_row(
            study.id[:8],
            Text(study.kind),
            str(store.count(study=study.id)),
            Text(study.started[:16].replace("T", " ")),
            "" if study.ended else "not ended",
            Text(study.command),
        )
    yield lines


def _show(store: Store, trial: str, save: Path | None, output: OutputFlags) -> None:
    from longlag.scores.statistics import SOLVED
    from longlag.trials.diagnosis import diagnose

    outcome = store.outcome(trial)
    assert outcome is not None
    setting, weights = store.setting(trial), store.weights(trial)
    where, parts = outcome.environment, store.parts(trial)
    studies = [
        study
        for study in store.studies()
        if any(record.id == trial for record in store.records(study=study.id))
    ]
    if save is not None:
        if weights is None:
            raise ValueError(
                f"The model of trial {trial} was not saved. Run the study with --keep all."
            )
        files.write(save, parsing.model(store.path, trial, weights))
    solve_at = studies[0].question.get("solve_at", SOLVED) if studies else SOLVED
    kind = studies[0].kind if studies else "train"
    also = _problems(studies[0]) if studies else []
    reasons = [_with_remedy(each, setting, kind, also) for each in diagnose(outcome, solve_at)]

    def document() -> dict[str, Any]:
        scores = {name: score.document() for name, score in outcome.scores.items()}
        extra = ("skill", "chance_probability")
        return {
            "trial": trial,
            "setting": setting,
            "versions": store.versions(trial),
            "environment": where and where.document(),
            "parts": parts,
            "model_kept": weights is not None,
            "studies": [study.id for study in studies],
            **{name: getattr(outcome, name) for name in extra},
            **outcome.document(),
            "reasons": [reason._asdict() for reason in reasons],
            "scores": [
                {"test": name, **{key: getattr(score, key) for key in extra}, **scores[name]}
                for name, score in outcome.scores.items()
            ],
        }

    def summary() -> Iterator[RenderableType]:
        yield Text(f"Trial {trial}", style="bold")
        figures = [
            (part, _knobs(knobs)) for part, knobs in setting.items() if knobs and part != "tests"
        ]
        tests = dict(setting.get("tests", ()))
        for name, score in outcome.scores.items():
            best = f"best possible score {outcome.reachable:.3g}"
            if tests:  # which are not audited
                best = f"ceiling {score.ceiling:.3g}"
                figures.append(("test", f"{name}: {_knobs(tests[name])}"))
            simple = ", ".join(f"{name} {share:.3g}" for name, share in score.shortcuts.items())
            figures += [
                ("skill", f"{score.skill:.3f} ({SKILL}), {score.measure} {score.accuracy:.3f}"),
                (
                    "chance",
                    f"{score.chance:.3g}, {best}; chance reaches this score "
                    f"with a probability of {score.chance_probability:.2g}",
                ),
                ("simple rules", simple),
            ]
        from longlag.trials.outcome import ModelSize  # which has read the outcome

        times = outcome.seconds._asdict().items()
        yield key_value_table(
            [
                *figures,
                (
                    "trained",
                    f"{counted(outcome.updates, 'update')} on "
                    f"{counted(outcome.sequences, 'sequence')}, "
                    f"{ModelSize.of([outcome])}; {outcome.ended}",
                ),
                ("seconds", ", ".join(f"{seconds:.1f} {name}" for name, seconds in times)),
                ("model", "not saved" if weights is None else "saved; --save FILE writes it"),
                ("libraries", where.libraries if where else store.versions(trial)),
                *([("machine", where.machine)] if where else []),
                ("parts", parts),
            ]
        )
        yield Text()
        yield from (Text(str(reason), style="yellow") for reason in reasons)
        if not reasons:
            yield Text(f"solved: skill {solve_at:g} or more", style="green")

    output.write(document, summary)


def _problems(study: StudyRecord) -> list[Problem]:
    """The easiest problems of a study, which a framing must fit; none where it is unreadable."""
    from longlag.studies.registry import unanswered

    try:
        return [each.problem for each in unanswered(study).examples()]
    except ValueError:
        return []


def _with_remedy(
    reason: Diagnosis, setting: Mapping[str, Any], kind: str, also: Sequence[Problem]
) -> Diagnosis:
    """A reason with its remedy, where the setting can be built without running a user's code."""
    from longlag.trials import documents
    from longlag.trials.remedies import remedy

    try:
        built = documents.setting(setting)
        text = remedy(reason.reason, built, also)
    except (ValueError, TypeError, OSError):
        return reason
    changed = {
        knob.name: option(knob.name)
        for part in (built.framing, built.model)
        for knob in type(part).knobs()
        if getattr(part, knob.name) != knob.default
    }  # the flags that its command must have had
    return reason._replace(remedy=as_study_flags(text, kind, changed))


def _knobs(knobs: Any) -> str:
    if not isinstance(knobs, dict):
        return str(knobs)
    rest = (f"{name}={value}" for name, value in knobs.items() if name != "kind")
    return " ".join([str(knobs["kind"]), *rest])


def _export(
    store: Store,
    records: Sequence[Record],
    path: Path | None,
    folder: Path | None,
    track: Sequence[str],
    study: str | None,
) -> int:
    from longlag.store import export
    from longlag.trackers import Tracking

    if path is not None:
        export.check_format(path)
        export.write_table(store, records, path)
        warn(_where(records, path))
    if folder is not None:
        export.write_tensorboard(store, records, folder)
        warn(_where(records, folder))
    asked = None if study is None else store.study(study)
    name = f"{asked.kind} {asked.id[:8]}" if asked else ""
    with Tracking(track, warn) as trackers:
        for record in records if trackers else ():
            trackers.log(export.tracked(store, record, name))
    if track and not trackers.failed:
        warn(_where(records, " and ".join(track)))
    return 1 if trackers.failed else 0


def _where(records: Sequence[Record], place: Path | str) -> str:
    """A line that names the place of trials."""
    return f"{counted(len(records), 'trial is', 'trials are')} in {place}."


def _bundle(store: Store, records: Sequence[Record], path: Path) -> None:
    from longlag.store import bundle

    bundle.write(store, records, path)
    warn(_where(records, path))

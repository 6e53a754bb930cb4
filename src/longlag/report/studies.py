"""The page of a store: question, results and cost of each of its studies."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from longlag.answers.blocks import Block, Cell, number_cell, table, text
from longlag.answers.format import OPEN, counted, duration, listed, moment
from longlag.report.blocks import Section, present, section
from longlag.report.page import Page
from longlag.report.sections import examples, models
from longlag.report.sections.groups import Group, few_sequences
from longlag.report.sections.models import StoredModel
from longlag.report.study_part import StudyPart
from longlag.store.records import Record, StoreError, StudyRecord
from longlag.store.store import Store
from longlag.studies.registry import imported, kind_of, load_study
from longlag.studies.study import Study, words
from longlag.trials import checkpoint, documents
from longlag.trials.outcome import COST, ModelSize, Outcome, cost_cells

_ATTRIBUTES = ("seeds", "solve_at", "rates", "problems")  # that every study must have

_TIMES = {"train": "training", "compile": "compiling", "evaluate": "evaluating"}

_CHOICE = (
    f"Of each problem the hardest level of at most {examples.STEPS} steps that a saved model "
    "solved, else the easiest; of several learning rates the one with the best skill."
)


def page_of_store(
    store: Store,
    studies: Sequence[StudyRecord] | None = None,
    *,
    title: str | None = None,
    maps: int = models.MAPS,
) -> Page:
    """The page of the studies of a store.

    Args:
        store: The store.
        studies: Some of `store.studies()`; all by default.
        title: Title of the page.
        maps: Maximum number of trained models with maps and states; each costs about a second.

    Returns:
        The page.

    Raises:
        StoreError: The store has no study, or none that can be read.
    """
    studies = store.studies() if studies is None else list(studies)
    if not studies:
        raise StoreError(f"{store.path} holds no study. Run one with --store {store.path}.")
    entries, errors = list[_Entry](), list[str]()
    share = -(-maps // len(studies)) if maps else 0
    for index, each in enumerate(studies, 1):
        try:
            study = load_study(store, each)
            _require_attributes(study)
        except StoreError:
            raise
        except (ValueError, KeyError, TypeError) as error:  # of an incompatible version
            reason = f"{error}" if isinstance(error, ValueError) else repr(error)
            errors.append(f"{each.command or each.kind}: {' '.join(reason.split())}")
            continue
        entry = _entry(store, each, study, f"s{index}", min(share, maps))
        if share and (note := _left_out(entry, len(studies))):
            summary = dataclasses.replace(entry.summary, blocks=(*entry.summary.blocks, note))
            entry = entry._replace(summary=summary)
        maps -= sum(len(part.blocks) for part in entry.sections if part.id.endswith("-maps"))
        entries.append(entry)
    if not entries:
        raise StoreError(f"{store.path} holds no study that can be read back. {errors[0]}")
    entries = _distinct(entries)
    problems = text(title="Cannot be read back", points=errors)
    if len(entries) == 1:
        [entry] = entries
        summary = section("summary", "Summary", *entry.summary.blocks, problems)
        bodies = entry.sections
    else:
        summary = section("summary", "Summary", problems)
        summary = dataclasses.replace(summary, sections=tuple(e.summary for e in entries))
        bodies = [Section(id=e.id, title=e.title, sections=e.sections) for e in entries]
    trials = counted(len({each.id for entry in entries for each in entry.records}), "trial")
    ends = [e.records[0].finished if e.records else e.study.started for e in entries]
    return Page(
        title=title or (entries[0].title if len(entries) == 1 else "What the models remember"),
        about=f"{counted(len(entries), 'study', 'studies')}, {trials}; {moment(max(ends))}",
        sections=(summary, *present(*bodies), _cost(entries)),
        left_out=tuple(errors),
    )


class _Entry(NamedTuple):
    """The parts of a page about one study."""

    id: str
    title: str
    rates: str
    summary: Section
    sections: tuple[Section, ...]
    groups: list[Group]
    study: StudyRecord
    records: Sequence[Record]
    versions: Sequence[str]
    shown: tuple[int, int]


def _require_attributes(study: Study) -> None:
    for name in _ATTRIBUTES:
        if not hasattr(study, name):
            raise TypeError(
                f"{type(study).__name__}: `{name}` must be set for a report, got nothing. Set it "
                "in the constructor (longlag.studies.study.Study)."
            )


def _distinct(entries: Sequence[_Entry]) -> list[_Entry]:
    """Entries with unique titles: equal ones get their learning rates and the name of the study."""
    counts, distinct = Counter(entry.title for entry in entries), []
    for each in entries:
        title = each.title
        if counts[title] > 1:
            title = f"{title}, learning rate {each.rates} ({each.study.id[:8]})"
        summary = dataclasses.replace(each.summary, title=title)
        distinct.append(each._replace(title=title, summary=summary))
    return distinct


def _entry(store: Store, record: StudyRecord, study: Study, start: str, maps: int) -> _Entry:
    records = store.records(study=record.id)
    part: StudyPart = imported(kind_of(record).section)(study, start)
    results = part.results if records else ["No trial is finished yet."]
    every = _stored(store, study, records)
    stored = models.spread(every, maps) if maps else []
    warnings = [*few_sequences(study.problems.values()), *_interruptions(record, study)]
    return _Entry(
        id=start,
        title=part.title,
        rates=listed(f"{rate:g}" for rate in study.rates),
        summary=section(
            f"{start}-summary",
            part.title,
            text(part.question, title="Question", command=record.command),
            text(title="Result", points=results),
            part.table,
            text(title="How certain", points=[*part.certainty, *warnings]),
        ),
        sections=present(
            *part.sections,
            examples.reasons(start, part.groups),
            *models.maps_and_states(start, stored, _CHOICE),
            examples.examples(start, part.groups),
        ),
        groups=part.groups,
        study=record,
        records=records,
        versions=[store.versions(each.id) for each in (*records[:1], *records[-1:])],
        shown=(len(stored), len(every)),
    )


def _left_out(entry: _Entry, studies: int) -> Block | None:
    """A line about trained models that have no maps, to keep a page small."""
    shown, every = entry.shown
    if shown == every:
        return None
    more = f" longlag report --study {entry.study.id[:8]} shows more." if studies > 1 else ""
    return text(f"Maps and states: of {shown} of {counted(every, 'trained model')}.{more}")


def _stored(store: Store, study: Study, records: Sequence[Record]) -> list[StoredModel]:
    """The models of the first seed that `_CHOICE` names, without those that diverged."""
    best: dict[tuple[str, int, str], Record] = {}
    for record in records:
        if record.seed != study.seeds[0]:
            continue
        problem = documents.setting(store.setting(record.id)).problem
        level = getattr(problem, problem.ladder.knob)
        solved = record.verdict == "solved"
        outcome = None if solved else store.outcome(record.id)
        diverged = not solved and (outcome is None or outcome.ended == "diverged")
        if problem.steps > examples.STEPS or diverged:
            continue
        family = (
            name
            for name, each in study.problems.items()
            if type(each) is type(problem) and each.at(level) == problem
        )
        key = next(family, words(problem)), level, record.model
        best[key] = min(best.get(key, record), record, key=lambda e: (-e.skill, e.id))
    stored = []
    for name, problem in study.problems.items():
        levels = sorted({level for family, level, _ in best if family == name})
        solved = {at for (f, at, _), e in best.items() if f == name and e.verdict == "solved"}
        for level in [*(level for level in reversed(levels) if level in solved), *levels]:
            records = [e for (*key, _), e in sorted(best.items()) if key == [name, level]]
            where = f"{problem.ladder.knob} {level}"
            here = [
                StoredModel(
                    name,
                    e.model,
                    where,
                    e.skill,
                    e.verdict,
                    partial(checkpoint.from_bytes, weights, e.id),
                )
                for e in records
                if (weights := store.weights(e.id)) is not None
            ]
            stored += here
            if here:
                break
    return stored


def _interruptions(record: StudyRecord, study: Study) -> list[str]:
    """Notes on interrupted, failed and unfinished trials."""
    usage, lines = record.usage or {}, []
    why = "interrupted by hand" if usage.get("interrupted") else "time was up"
    if record.ended is None:
        lines.append("the study was interrupted, or is still running")
    elif usage.get("interrupted"):
        lines.append(why)
    if (cut := usage.get("cut")) and study.left() != 0:
        lines.append(f"{counted(cut, 'trial')} cut short, {why}")
    if failed := usage.get("failed"):
        lines.append(f"{counted(len(failed), 'trial')} failed, for example {': '.join(failed[0])}")
    return [OPEN.format(what=line) for line in lines]


def _cost(entries: Sequence[_Entry]) -> Section:
    rows, failures = [], []
    for entry in entries:
        usage, when = entry.study.usage, moment(entry.study.ended or entry.study.started)
        if usage is None:
            started = Cell(entry.title, f"not ended; started {when}")
            rows.append((started, len(entry.records), *(number_cell("–"),) * 6))
            continue
        seconds = usage["spent"]
        # Earlier stores have only the number of workers of the last run.
        worker_seconds = max(usage.get("room", usage["wall"] * usage["workers"]), 1e-9)
        idle = max(0.0, 1 - sum(seconds.values()) / worker_seconds)
        rows.append(
            (
                Cell(entry.title, when),
                number_cell(f"{usage['ran']:,}", f"{usage['reused']:,} reused"),
                number_cell(duration(usage["wall"]), f"{duration(worker_seconds)} of workers"),
                *(
                    number_cell(f"{seconds[name] / worker_seconds:.0%}", duration(seconds[name]))
                    for name in _TIMES
                ),
                number_cell(f"{idle:.0%}"),
                number_cell(f"{usage['cut']:,} / {len(usage['failed']):,}"),
            )
        )
        failures += usage["failed"][:50]
    by_model = defaultdict[str, list[Outcome]](list)
    for group in (group for entry in entries for group in entry.groups):
        by_model[group.model] += group.outcomes[:1]
    sizes = (
        (name, *map(number_cell, ModelSize.of(each)), *cost_cells(each))
        for name, each in by_model.items()
    )
    every = (each for entry in entries for each in entry.versions)
    versions = list(dict.fromkeys(filter(None, every)))
    return section(
        "cost",
        "Time and cost",
        table(
            "Where the time of the workers went, over all runs of each study; cut and failed: in "
            "the last run only.",
            ("study", "ran", "wall", *_TIMES.values(), "idle", "cut / failed"),
            rows,
        ),
        table("Failed trials.", ("trial", "why"), failures),
        table(
            "Size and cost of each model, over its problems: the most operations and memory.",
            ("model", "weights", "state", *COST),
            sizes,
        ),
        text(*([f"Ran with {'; and with '.join(versions)}."] if versions else [])),
    )

"""The page of a store: its studies, what each found, and how sure that is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from longlag.problems import Problem
from longlag.report.content import Cell, Section, Table, present
from longlag.report.page import Page
from longlag.report.sections import common, examples, models
from longlag.report.sections.common import Group
from longlag.report.sections.models import StoredModel
from longlag.report.study_part import StudyPart
from longlag.report.words import OPEN, counted, duration, listed, moment, span
from longlag.store.records import Record, StoreError, StudyRecord
from longlag.store.store import Store
from longlag.studies.registry import imported, kind_of, load_study
from longlag.studies.study import Study
from longlag.studies.study import words as named
from longlag.trials import checkpoint, documents

_TIMES = {"train": "training", "compile": "compiling", "evaluate": "evaluating"}


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
        title: Its title.
        maps: Trained models at most that are read for their maps and states; each costs
            about a second.

    Raises:
        StoreError: The store has no study, or none that can be read back.
    """
    asked = store.studies() if studies is None else list(studies)
    if not asked:
        raise StoreError(f"{store.path} holds no study. Run one with --store {store.path}.")
    parts, unread = list[_Entry](), list[str]()
    share = -(-maps // len(asked)) if maps else 0
    for place, each in enumerate(asked, 1):
        try:
            study = load_study(store, each)
        except StoreError:
            raise
        except (ValueError, KeyError, TypeError) as error:  # of a version that is too far away
            why = " ".join(f"{type(error).__name__}: {error}".split())
            unread.append(f"Study {each.id[:8]} ({each.command or each.kind}): {why}")
            continue
        part = _entry(store, each, study, f"s{place}", min(share, maps))
        maps -= sum(
            section.id.endswith("-maps") and len(section.blocks) for section in part.sections
        )
        parts.append(part)
    if not parts:
        raise StoreError(f"{store.path} holds no study that can be read back. {unread[0]}")
    parts = _distinct(parts)
    left = (common.text(title="Cannot be read back", points=unread),) if unread else ()
    if len(parts) == 1:
        summary = Section(id="summary", title="Summary", blocks=(*parts[0].summary, *left))
        bodies = parts[0].sections
    else:
        inner = (Section(id=f"{p.id}-summary", title=p.title, blocks=p.summary) for p in parts)
        summary = Section(id="summary", title="Summary", blocks=left, sections=tuple(inner))
        bodies = tuple(
            Section(id=part.id, title=part.title, sections=present(*part.sections))
            for part in parts
        )
    latest = max(part.latest for part in parts)
    trials = sum(part.trials for part in parts)
    return Page(
        title=title or (parts[0].title if len(parts) == 1 else "What the models remember"),
        about=f"{counted(len(parts), 'study', 'studies')}, {counted(trials, 'trial')}; "
        f"{moment(latest)}",
        sections=(summary, *present(*bodies), _cost(parts)),
    )


class _Entry(NamedTuple):
    """What a page says of one study."""

    id: str
    title: str
    rates: str
    summary: tuple[Any, ...]
    sections: tuple[Section, ...]
    trials: int
    latest: str
    asked: StudyRecord
    groups: list[Group]
    versions: tuple[str, ...]


def _distinct(parts: Sequence[_Entry]) -> list[_Entry]:
    """Parts of equal titles with the name of the study, and the learning rate where it differs."""
    rates = defaultdict[str, set[str]](set)
    for part in parts:
        rates[part.title].add(part.rates)
    alike, made = Counter(part.title for part in parts), []
    for part in parts:
        title = part.title
        if alike[title] > 1:
            rate = f", learning rate {part.rates}" if len(rates[title]) > 1 else ""
            title = f"{title}{rate} ({part.asked.id[:8]})"
        made.append(part._replace(title=title))
    return made


def _entry(store: Store, asked: StudyRecord, study: Study, start: str, maps: int) -> _Entry:
    records = store.records(study=asked.id)
    part: StudyPart = imported(kind_of(asked).section)(study, start)
    if not records:
        part = part._replace(found=["No trial is finished yet."])
    kept, choice = _kept(store, study, records, maps)
    made = [
        *part.sections,
        examples.reasons(start, part.groups),
        models.maps(start, kept, choice),
        models.states(start, models.one_each(kept, models.STATES)),
        examples.examples(
            start, _hardest(part.groups), "Of each problem and model, the hardest rung written out."
        ),
    ]
    ends = sorted({records[0].id, records[-1].id}) if records else []
    return _Entry(
        id=start,
        title=part.title,
        rates=listed(f"{rate:g}" for rate in study.rates),
        summary=(
            common.text(part.question, title="Asked", command=asked.command),
            common.text(title="Found", points=part.found),
            *([part.table] if records and part.table.rows else []),
            common.text(title="How sure", points=[*part.sure, *_interruptions(asked, study)]),
        ),
        sections=tuple(made),
        trials=len(records),
        latest=records[0].finished if records else asked.started,
        asked=asked,
        groups=part.groups,
        versions=tuple(dict.fromkeys(store.versions(trial) for trial in ends)),
    )


def _hardest(groups: Sequence[Group]) -> list[Group]:
    """Of each problem and model the hardest rung of which examples are kept."""
    found: dict[tuple[str, str], Group] = {}
    for group in groups:
        if any(outcome.score(group.test).examples for outcome in group.outcomes):
            pair = group.problem, group.model
            if pair not in found or group.order > found[pair].order:
                found[pair] = group
    return list(found.values())


def _kept(
    store: Store, study: Study, records: Sequence[Record], most: int
) -> tuple[list[StoredModel], str]:
    """Of each problem the trained models at the hardest rung that one of them solved.

    Only those of the first seed that are short enough to be looked at and did not diverge; of
    several learning rates the one with the best skill.
    """
    choice = (
        f"Of each problem the hardest rung of at most {examples.STEPS} steps that a kept model "
        "solved, or the easiest; of several learning rates the one with the best skill."
    )
    if not most:
        return [], choice
    families = study.problems
    read: dict[str, tuple[str, Problem] | None] = {}

    def family(record: Record) -> tuple[str, Problem] | None:
        if record.problem not in read:
            problem = documents.setting(store.setting(record.id)).problem
            short = problem.steps <= examples.STEPS
            read[record.problem] = (_family(problem, families), problem) if short else None
        return read[record.problem]

    best: dict[tuple[str, int], dict[str, Record]] = defaultdict(dict)
    for record in records:
        if record.seed != study.seeds[0] or (known := family(record)) is None:
            continue
        if record.verdict != "solved":
            outcome = store.outcome(record.id)
            if outcome is None or outcome.ended == "diverged":  # it has no figures to show
                continue
        name, problem = known
        place = best[name, getattr(problem, problem.ladder.knob)]
        before = place.get(record.model)
        if before is None or (-record.skill, record.id) < (-before.skill, before.id):
            place[record.model] = record
    kept: list[StoredModel] = []
    for name, posed in families.items():
        rungs = sorted(rung for family_, rung in best if family_ == name)
        solved = [r for r in rungs if any(e.verdict == "solved" for e in best[name, r].values())]
        for rung in [*solved[::-1], *rungs]:
            where = f"{posed.ladder.knob} {rung}"
            here = [
                StoredModel(
                    name,
                    record.model,
                    where,
                    record.skill,
                    record.verdict,
                    _reader(content, record.id),
                )
                for record in sorted(best[name, rung].values(), key=lambda each: each.model)
                if (content := store.weights(record.id)) is not None
            ]
            kept += here
            if here:
                break
    return models.spread(kept, most), choice


def _reader(content: bytes, name: str) -> Callable[[], checkpoint.Trained]:
    return lambda: checkpoint.from_bytes(content, name)


def _family(problem: Problem, families: Mapping[str, Problem]) -> str:
    """The problem of the study whose ladder this one stands on."""
    rung = getattr(problem, problem.ladder.knob)
    return next(
        (
            name
            for name, posed in families.items()
            if type(posed) is type(problem) and posed.at(rung) == problem
        ),
        named(problem),
    )


def _interruptions(asked: StudyRecord, study: Study) -> list[str]:
    """What was cut short, failed, or has not ended."""
    usage, open_ = asked.usage or {}, []
    why = "interrupted by hand" if usage.get("interrupted") else "time was up"
    if asked.ended is None:
        open_.append("the study was interrupted, or is still running")
    elif usage.get("interrupted"):
        open_.append(why)
    if (cut := usage.get("cut")) and study.left() != 0:
        open_.append(f"{counted(cut, 'trial')} cut short, {why}")
    if failed := usage.get("failed"):
        example = ": ".join(failed[0])
        open_.append(f"{counted(len(failed), 'trial')} failed, for example {example}")
    return [OPEN.format(what=what) for what in open_]


def _cost(parts: Sequence[_Entry]) -> Section:
    rows, failures = [], []
    for part in parts:
        usage = part.asked.usage
        when = moment(part.asked.ended or part.asked.started)
        if usage is None:
            begun = Cell(part.title, f"not ended; begun {when}")
            rest = (Cell("–", kind="number"),) * 6
            rows.append((begun, Cell(f"{part.trials:,}", kind="number"), *rest))
            continue
        spent = usage["spent"]
        # Stores of old know the number of workers of the last time alone.
        room = max(usage.get("room", usage["wall"] * usage["workers"]), 1e-9)
        idle = max(0.0, 1 - sum(spent.values()) / room)
        counts = Cell(f"{usage['ran']:,}", f"{usage['reused']:,} reused", "number")
        rows.append(
            (
                Cell(part.title, when),
                counts,
                Cell(duration(usage["wall"]), f"{duration(room)} of workers", "number"),
                *(
                    Cell(f"{spent[name] / room:.0%}", duration(spent[name]), "number")
                    for name in _TIMES
                ),
                Cell(f"{idle:.0%}", kind="number"),
                Cell(f"{usage['cut']:,} / {len(usage['failed']):,}", kind="number"),
            )
        )
        failures += ((Cell(name), Cell(why)) for name, why in usage["failed"][:50])
    blocks: list[Any] = [
        Table(
            caption=(
                "Where the time of the workers went, all times that each study was asked together; "
                "cut and failed: of the last time alone."
            ),
            head=("study", "ran", "wall", *_TIMES.values(), "idle", "cut / failed"),
            rows=tuple(rows),
        )
    ]
    if failures:
        caption, head = "Failed trials.", ("trial", "why")
        blocks.append(Table(caption=caption, head=head, rows=tuple(failures)))
    sizes: dict[str, list[int]] = defaultdict(list)
    for part in parts:
        for group in part.groups:
            sizes[group.model] += (each.parameters for each in group.outcomes[:1])
    if sizes:
        caption = "Trained weights of each model, over the problems it was given."
        weights = ((Cell(model), Cell(span(each), kind="number")) for model, each in sizes.items())
        blocks.append(Table(caption=caption, head=("model", "weights"), rows=tuple(weights)))
    versions = list(dict.fromkeys(text for part in parts for text in part.versions))
    if versions:
        blocks.append(common.text(f"Ran with {'; and with '.join(versions)}."))
    return Section(id="cost", title="Time and cost", blocks=tuple(blocks))

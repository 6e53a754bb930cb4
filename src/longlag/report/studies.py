"""The page of a store: its studies, what each found, and how sure that is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from longlag.problems import Problem
from longlag.report.comparisons import comparison
from longlag.report.content import Cell, Section, Table, present
from longlag.report.frontiers import frontier
from longlag.report.generalisations import generalisation
from longlag.report.page import Page
from longlag.report.profiles import profile
from longlag.report.sections import common, examples, models
from longlag.report.sections.common import Group
from longlag.report.sections.models import Kept
from longlag.report.told import Told, problems_of
from longlag.report.words import counted, duration, listed, moment
from longlag.store.records import Asked, Record, StoreError
from longlag.store.store import Store
from longlag.studies.comparison import Comparison
from longlag.studies.frontier import Frontier
from longlag.studies.generalisation import Generalisation
from longlag.studies.profile import Profile
from longlag.studies.registry import load_study
from longlag.studies.study import Study
from longlag.studies.study import words as named
from longlag.trials import checkpoint, documents
from longlag.trials.outcome import Outcome

_TELL: Mapping[type[Study], Callable[[Any, str], Told]] = {
    Comparison: comparison,
    Frontier: frontier,
    Generalisation: generalisation,
    Profile: profile,
}
"""What tells a study of each kind."""


def page_of_store(
    store: Store,
    studies: Sequence[Asked] | None = None,
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
    parts, unread = list[_Part](), list[str]()
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
        part = _part(store, each, study, f"s{place}", min(share, maps))
        maps -= sum(
            section.id.endswith("-maps") and len(section.blocks) for section in part.sections
        )
        parts.append(part)
    if not parts:
        raise StoreError(f"{store.path} holds no study that can be read back. {unread[0]}")
    parts = _told_apart(parts)
    left = (common.told(title="Cannot be read back", points=unread),) if unread else ()
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


class _Part(NamedTuple):
    """What a page says of one study."""

    id: str
    title: str
    rates: str
    summary: tuple[Any, ...]
    sections: tuple[Section, ...]
    trials: int
    latest: str
    asked: Asked
    groups: list[Group]
    versions: tuple[str, ...]


def _told_apart(parts: Sequence[_Part]) -> list[_Part]:
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


def _rates(study: Study) -> str:
    if isinstance(study, Comparison | Profile):
        return listed(f"{rate:g}" for rate in study.rates)
    if isinstance(study, Generalisation):
        return f"{study.recipe.learning_rate:g}"
    return f"{study.setting.recipe.learning_rate:g}" if isinstance(study, Frontier) else ""


def _part(store: Store, asked: Asked, study: Study, start: str, maps: int) -> _Part:
    records = store.records(study=asked.id)
    told = _TELL[type(study)](study, start)
    if not records:
        told = told._replace(found=["No trial is finished yet."])
    kept, choice = _kept(store, study, records, maps)
    made = [
        *told.sections,
        examples.reasons(start, told.groups),
        models.maps(start, kept, choice),
        models.states(start, models.one_each(kept, models.STATES)),
        examples.examples(
            start, _hardest(told.groups), "Of each problem and model, the hardest rung written out."
        ),
    ]
    ends = sorted({records[0].id, records[-1].id}) if records else []
    return _Part(
        id=start,
        title=told.title,
        rates=_rates(study),
        summary=(
            common.told(told.question, title="Asked", command=asked.command),
            common.told(title="Found", points=told.found),
            common.told(title="How sure", points=[*told.sure, *_interruptions(asked, study)]),
        ),
        sections=tuple(made),
        trials=len(records),
        latest=records[0].finished if records else asked.started,
        asked=asked,
        groups=told.groups,
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
) -> tuple[list[Kept], str]:
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
    families = problems_of(study)
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
    kept: list[Kept] = []
    for name, posed in families.items():
        rungs = sorted(rung for family_, rung in best if family_ == name)
        solved = [r for r in rungs if any(e.verdict == "solved" for e in best[name, r].values())]
        for rung in [*solved[::-1], *rungs]:
            where = f"{posed.ladder.knob} {rung}"
            here = [
                Kept(
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


def _interruptions(asked: Asked, study: Study) -> list[str]:
    """What was cut short, failed, or has not ended."""
    usage, said = asked.usage or {}, []
    if asked.ended is None:
        said.append(
            "The study has not ended: it was interrupted, or is still running. What stands here "
            "rests on the trials finished so far."
        )
    elif usage.get("interrupted"):
        said.append("It was interrupted by hand.")
    if (cut := usage.get("cut")) and study.left() != 0:
        when = "it was interrupted" if usage.get("interrupted") else "the time was up"
        said.append(f"{counted(cut, 'trial')} cut short when {when}.")
    if failed := usage.get("failed"):
        name, why = failed[0]
        said.append(f"{counted(len(failed), 'trial')} came to nothing, for example {name}: {why}")
    return said


def _cost(parts: Sequence[_Part]) -> Section:
    rows, failures = [], []
    for part in parts:
        usage = part.asked.usage
        when = moment(part.asked.ended or part.asked.started)
        if usage is None:
            blank = (Cell("–", kind="number"),) * 6
            rows.append(
                (
                    Cell(part.title, f"not ended; begun {when}"),
                    Cell(f"{part.trials:,}", kind="number"),
                    *blank,
                )
            )
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
                    for name in ("train", "compile", "evaluate")
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
            head=(
                "study",
                "ran",
                "wall",
                "training",
                "compiling",
                "evaluating",
                "idle",
                "cut / failed",
            ),
            rows=tuple(rows),
        )
    ]
    if failures:
        blocks.append(
            Table(
                caption="Trials that came to nothing.", head=("trial", "why"), rows=tuple(failures)
            )
        )
    sizes: dict[str, list[Outcome]] = defaultdict(list)
    for part in parts:
        for group in part.groups:
            sizes[group.model] += group.outcomes[:1]
    if sizes:
        blocks.append(
            Table(
                caption="Trained weights of each model, over the problems it was given.",
                head=("model", "weights"),
                rows=tuple(
                    (Cell(model), Cell(_sizes([each.parameters for each in given]), kind="number"))
                    for model, given in sizes.items()
                ),
            )
        )
    versions = list(dict.fromkeys(text for part in parts for text in part.versions))
    if versions:
        said = "Ran with " + "; and with ".join(versions) + "."
        blocks.append(common.told(said))
    return Section(id="cost", title="Time and cost", blocks=tuple(blocks))


def _sizes(given: Sequence[int]) -> str:
    low, high = min(given), max(given)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"

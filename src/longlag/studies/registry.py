"""The kinds of study, one entry each; the modules are imported on demand."""

from __future__ import annotations

import dataclasses
import importlib
from typing import TYPE_CHECKING, Any

from longlag.knobs import lookup
from longlag.store.records import StoreError

if TYPE_CHECKING:  # keeps `longlag --help` fast
    from longlag.store.records import StudyRecord
    from longlag.store.store import Store
    from longlag.studies.study import Study


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudyKind:
    """A kind of study, and the import path `module:name` of each part.

    Attributes:
        name: Its name on the command line, and in a store: the `kind` of its class.
        study: The class, of `Study`.
        section: The function for its part of a report: `(study, start) -> StudyPart`.
        command: The command that runs it.
        help: The help text of the command, one line.
        example: An example of the command.
    """

    name: str
    study: str
    section: str
    command: str
    help: str
    example: str


KINDS: dict[str, StudyKind] = {
    kind.name: kind
    for kind in (
        StudyKind(
            name="frontier",
            study="longlag.studies.frontier:Frontier",
            section="longlag.report.frontiers:frontier",
            command="longlag.cli.frontier:frontier",
            help="Find the hardest version of a problem (the longest lag) that a model solves.",
            example="longlag frontier echo-value --model lstm --hidden-size 50 --solve-at 0.99 "
            "--seeds 5 --budget 200000",
        ),
        StudyKind(
            name="compare",
            study="longlag.studies.comparison:Comparison",
            section="longlag.report.comparisons:comparison",
            command="longlag.cli.compare:compare",
            help="Compare models on several problems: accuracy, sequences needed, learning rates.",
            example="longlag compare --models lstm,gru,rnn,mlp "
            "--problems echo-value,memorization --rungs 3",
        ),
        StudyKind(
            name="profile",
            study="longlag.studies.profile:Profile",
            section="longlag.report.profiles:profile",
            command="longlag.cli.profile:profile",
            help="Test one model on several problems within a time limit.",
            example="longlag profile --model lstm --minutes 5",
        ),
        StudyKind(
            name="generalise",
            study="longlag.studies.generalisation:Generalisation",
            section="longlag.report.generalisations:generalisation",
            command="longlag.cli.generalise:generalise",
            help="Train models at one sequence length, and score them at others.",
            example="longlag generalise echo-lag --lag 3 --train 40 --test 40,80,160,640 "
            "--models lstm,gru",
        ),
        StudyKind(
            name="suite",
            study="longlag.studies.suite_study:Suite",
            section="longlag.report.suites:suite",
            command="longlag.cli.suite:suite",
            help="Say what layers can do: twelve problems, beside baselines of equal size.",
            example="longlag suite --model mine.py:make_model --effort 0.3 --seeds 3",
        ),
    )
}


def imported(path: str) -> Any:
    """The object at an import path.

    Args:
        path: `module:name`.

    >>> imported("longlag.studies.registry:StudyKind").__name__
    'StudyKind'
    """
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def kind_of(record: StudyRecord) -> StudyKind:
    """The kind of a stored study.

    Raises:
        ValueError: There is no such kind.
    """
    return lookup("kind of study", record.kind, KINDS)


def unanswered(record: StudyRecord) -> Study:
    """A stored study, without the outcomes of its trials.

    Raises:
        ValueError: There is no such kind, or it cannot be read back.
    """
    kind = imported(kind_of(record).study)
    try:
        return kind.of(record.question)
    except Exception as error:  # any error of a damaged document, or of another version
        raise ValueError(_unreadable(record, error)) from error


def _unreadable(record: StudyRecord, error: Exception) -> str:
    why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return f"Study {record.id[:8]} cannot be read back: {why}"


def load_study(store: Store, record: StudyRecord) -> Study:
    """A stored study, with the outcomes of its trials.

    Args:
        store: The store.
        record: One of `store.studies()`.

    Raises:
        ValueError: There is no such kind, or it cannot be read back.
    """
    study = unanswered(record)
    try:
        failed = (record.usage or {}).get("failed", ())
        study.failures.update((trial, why.rstrip(".")) for trial, why in failed)
        study.replay(store, record.id)
    except StoreError:
        raise
    except Exception as error:  # as above
        raise ValueError(_unreadable(record, error)) from error
    return study

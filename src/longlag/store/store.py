"""The store: one SQLite file of finished trials, with one writer at a time.

A finished trial is stored in one transaction, so a process killed at any moment loses only its
running trials. Other processes may read while a study writes.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longlag import arguments
from longlag.knobs import unknown_name
from longlag.store import bounds, parsing, schema
from longlag.store.lock import identity, lock, refuse_beside, refuse_hard_links, refuse_moved
from longlag.store.records import Record, StoreError, StudyRecord

if TYPE_CHECKING:
    from longlag.trials.environment import Environment
    from longlag.trials.outcome import Outcome


STORE = "longlag.db"
"""The store of a study where no other is named: in the working folder."""

_SETTING = "INSERT INTO settings VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
_WEIGHTS = "INSERT INTO weights VALUES (?, ?) ON CONFLICT (trial) DO NOTHING"

_WAIT = 5.0  # seconds to wait while another process checkpoints the file


@arguments.checked
class Store:
    """A store of finished trials.

    Args:
        path: The file.
        write: Whether to write; then a missing file is created, and no other process may write
            to it at the same time.

    Raises:
        StoreError: The file is no store, is damaged, is of another version, or another
            process writes to it.

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/longlag.db"
    >>> with Store(path, write=True) as store:
    ...     store.count()
    0
    """

    def __init__(self, path: str | os.PathLike[str], *, write: bool = False):
        arguments.check(Store, {"path": path, "write": write})
        self.path = Path(path)
        self._place = Path(os.path.realpath(path))  # whatever the working folder is later
        if self.path.exists() and not self.path.is_file():
            raise StoreError(f"{self.path} is no file. Name one with --store.")
        refuse_hard_links(self.path)
        refuse_beside(self._place)
        self._locks = lock(self.path) if write else contextlib.ExitStack()
        if not (write or (self.path.exists() and self.path.stat().st_size)):
            raise StoreError(f"There is no store at {self.path}. Name one with --store.")
        try:
            with self._sqlite_errors():
                self._connection = self._connect(write)
            self._in_use = {file: identity(file) for file in (self._place, self._beside(".lock"))}
        except BaseException as error:
            self._locks.__exit__(type(error), error, error.__traceback__)
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and release the lock."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        self._locks.close()

    def add(
        self,
        trial: str,
        *,
        setting: tuple[str, str],
        seed: int,
        parts: str,
        words: tuple[str, str, str],
        outcome: Outcome,
        verdict: str,
        weights: bytes | None = None,
    ) -> None:
        """Store a finished trial, in one transaction.

        Args:
            trial: Name of the trial.
            setting: Name and canonical document of its setting.
            seed: Its seed.
            parts: Versions of the parts that decided its result.
            words: Problem, framing and model in words.
            outcome: Its results.
            verdict: `solved`, or the first reason why it is not.
            weights: The trained model, as the content of a safetensors file.
        """
        where = outcome.environment
        row = (
            trial,
            setting[0],
            seed,
            parts,
            *words,
            outcome.skill,
            verdict,
            outcome.sequences,
            outcome.seconds.total,
            _now(),
            "" if where is None else where.libraries,
            json.dumps(outcome.document(), separators=(",", ":"), allow_nan=False),
            None if where is None else where.id,
        )
        with self._transaction() as connection:
            connection.execute(_SETTING, setting)
            if where is not None:
                pair = where.id, json.dumps(where.document())
                query = "INSERT INTO environments VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
                connection.execute(query, pair)
            marks = ", ".join("?" * len(row))
            query = f"INSERT INTO trials VALUES ({marks}) ON CONFLICT (id) DO NOTHING"
            connection.execute(query, row)
            if weights is not None:
                connection.execute(_WEIGHTS, (trial, weights))

    def copy(
        self, trial: str, other: str, *, setting: tuple[str, str], weights: bytes | None = None
    ) -> None:
        """Store a trial as a copy of another, under its own name and setting, as for `add`."""
        own = {"id": trial, "setting": setting[0]}
        names = [row[1] for row in self._all("PRAGMA table_info(trials)")]
        columns = ", ".join(f":{name}" if name in own else name for name in names)
        query = f"INSERT INTO trials SELECT {columns} FROM trials WHERE id = :other"
        with self._transaction() as connection:
            connection.execute(_SETTING, setting)
            connection.execute(f"{query} ON CONFLICT (id) DO NOTHING", {**own, "other": other})
            if weights is not None:
                connection.execute(_WEIGHTS, (trial, weights))

    def budgets(self) -> list[int]:
        """The different numbers of training sequences of the settings."""
        query = "SELECT DISTINCT json_extract(document, '$.recipe.sequences') FROM settings"
        rows = self._all(f"{query} WHERE json_valid(document)")
        return sorted(number for (number,) in rows if isinstance(number, int))

    def outcome(self, trial: str) -> Outcome | None:
        """The results of a trial; None if it is not finished."""
        row = self._one(f"SELECT outcome, {schema.WHERE} FROM trials WHERE id = ?", trial)
        return None if row is None else parsing.outcome(self.path, trial, *row)

    def environments(self, *, study: str | None = None) -> list[Environment]:
        """The different environments of finished trials, or of those of a study, by its full id."""
        where, parameters = schema.condition(study=study)
        query = f"SELECT DISTINCT {schema.WHERE} FROM trials WHERE {where} ORDER BY 1"
        texts = [text for (text,) in self._all(query, *parameters)]
        return [parsing.environment(self.path, text) for text in texts if text is not None]

    def setting(self, trial: str) -> dict[str, Any]:
        """The setting of a trial, as a document (`longlag.trials.documents`)."""
        query = "SELECT document FROM settings WHERE id = (SELECT setting FROM trials WHERE id = ?)"
        (text,) = self._require(self._one(query, trial), trial)
        return parsing.setting(self.path, f"trial {trial}", text)

    def versions(self, trial: str) -> str:
        """The versions of the libraries that a trial ran with."""
        row = self._one("SELECT versions FROM trials WHERE id = ?", trial)
        return str(self._require(row, trial)[0])

    def parts(self, trial: str) -> str:
        """The versions of the parts that decided the result of a trial."""
        row = self._one("SELECT parts FROM trials WHERE id = ?", trial)
        return str(self._require(row, trial)[0])

    def weights(self, trial: str) -> bytes | None:
        """The trained model of a trial, as a safetensors file; None if it was not saved."""
        row = self._one("SELECT content FROM weights WHERE trial = ?", trial)
        if row is not None and not isinstance(row[0], bytes):
            raise StoreError(
                f"{self.path}: the model of trial {trial} is damaged. Put back a copy, or use "
                "another --store."
            )
        return None if row is None else row[0]

    def keeps(self, trial: str) -> bool:
        """Whether the trained model of a trial was saved."""
        return self._one("SELECT 1 FROM weights WHERE trial = ?", trial) is not None

    def count(
        self,
        *,
        problem: str | None = None,
        model: str | None = None,
        verdict: str | None = None,
        study: str | None = None,
    ) -> int:
        """Number of finished trials, with the filters of `records`."""
        where, parameters = schema.condition(problem, model, verdict, study)
        (count,) = self._one(f"SELECT count(*) FROM trials WHERE {where}", *parameters)
        return count

    def notice(self) -> str:
        """A line about trials of an earlier longlag; empty if there are none."""
        # In place of the versions of parts, such trials have a hash of source text.
        earlier = "length(parts) = 16 AND parts NOT GLOB '*[^0-9a-f]*'"
        (count,) = self._one(f"SELECT count(*) FROM trials WHERE {earlier}")
        number = "1 trial" if count == 1 else f"{count:,} trials"
        line = f"{self.path.name} lists {number} of an earlier longlag, but reuses none: results"
        return f"{line} may differ." if count else ""

    def records(
        self,
        *,
        problem: str | None = None,
        model: str | None = None,
        verdict: str | None = None,
        study: str | None = None,
        limit: int | None = None,
    ) -> list[Record]:
        """The finished trials, the latest first.

        Args:
            problem: Only trials whose problem begins with these words.
            model: Only trials whose model begins with these words.
            verdict: Only trials with this verdict.
            study: Only trials of this study, by its full id.
            limit: Largest number of records.
        """
        where, parameters = schema.condition(problem, model, verdict, study)
        query = f"SELECT {', '.join(Record._fields)} FROM trials WHERE {where} "
        order = "ORDER BY finished DESC, id LIMIT ?"
        rows = self._all(query + order, *parameters, -1 if limit is None else limit)
        return [parsing.record(self.path, f"trial {row[0]}", Record(*row)) for row in rows]

    def named(self, start: str) -> str:
        """The full name of the trial whose name begins with this.

        Raises:
            StoreError: There is none, or more than one.
        """
        query = "SELECT id FROM trials WHERE substr(id, 1, ?) = ? LIMIT 2"
        rows = self._all(query, len(start), start)
        if len(rows) > 1:
            raise StoreError(f"More than one trial begins with `{start}`. Use more of its name.")
        if not rows:
            raise StoreError(unknown_name("There is no trial", start, self._names("trials")))
        return rows[0][0]

    def begin(self, study: str, kind: str, question: Mapping[str, Any], command: str) -> None:
        """Record the start of a study, perhaps again."""
        row = (study, kind, json.dumps(question, sort_keys=True), command, _now())
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO studies (id, kind, question, command, started) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET command = excluded.command, ended = NULL",
                row,
            )

    def ask(self, study: str, trials: Sequence[str]) -> None:
        """Record the trials of a study, in their order."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO asked SELECT ?, coalesce(max(place), -1) + 1, ? "
                "FROM asked WHERE study = ? ON CONFLICT (study, trial) DO NOTHING",
                ((study, trial, study) for trial in trials),
            )

    def end(self, study: str, usage: Mapping[str, Any], *, answered: bool = True) -> None:
        """Record the use of time of a study, and whether it has its answer."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE studies SET ended = ?, usage = ? WHERE id = ?",
                (_now() if answered else None, json.dumps(usage), study),
            )

    def studies(self) -> list[StudyRecord]:
        """The studies, the earliest first."""
        rows = self._all(f"SELECT {', '.join(StudyRecord._fields)} FROM studies")
        records = [parsing.study(self.path, StudyRecord(*row)) for row in rows]
        return sorted(records, key=lambda record: (record.started, record.id))

    def study(self, start: str) -> StudyRecord:
        """The study whose name begins with this; or, by its kind, the only one of that kind."""
        matches = [s for s in self.studies() if s.id.startswith(start) or s.kind == start]
        if len(matches) == 1:
            return matches[0]
        if matches:
            ids = ", ".join(each.id[:8] for each in matches[-8:])
            raise StoreError(f"More than one study is called `{start}`. Name one of {ids}.")
        raise StoreError(unknown_name("There is no study", start, self._names("studies")))

    def asked(self, study: str) -> list[tuple[str, int, dict[str, Any], Outcome]]:
        """The finished trials of a study, in its order.

        Returns:
            For each trial its name, seed, setting (as a document) and outcome.
        """
        read = functools.cache(functools.partial(parsing.setting, self.path))
        rows = self._all(
            f"SELECT trials.id, seed, outcome, {schema.WHERE}, document, settings.id FROM asked "
            "JOIN trials ON trials.id = asked.trial LEFT JOIN settings ON settings.id = setting "
            "WHERE study = ? ORDER BY place",
            study,
        )
        return [
            (id, seed, read(f"setting {name}", document), parsing.outcome(self.path, id, *texts))
            for id, seed, *texts, document, name in rows
        ]

    def _connect(self, write: bool) -> sqlite3.Connection:
        mode = "rwc" if write else "rw"  # without write access this leaves files of SQLite behind
        if not (write or all(os.access(each, os.W_OK) for each in (self.path, self.path.parent))):
            mode = "ro" if self._has_log() else "ro&immutable=1"  # which creates no files
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=_WAIT, isolation_level=None)
        try:
            version = schema.version(connection, self.path)
            schema.prepare(connection, version, write=write)
            if not write and version < len(schema.MIGRATIONS):
                connection.close()
                Store(self.path, write=True).close()
                return self._connect(write)
        except BaseException:
            connection.close()
            raise
        return connection

    def _beside(self, ending: str) -> Path:
        """A file beside the store."""
        return self._place.with_name(f"{self._place.name}{ending}")

    def _has_log(self) -> bool:
        """Whether the write-ahead log of SQLite holds rows that the file has not."""
        log = self._beside("-wal")
        return log.exists() and log.stat().st_size > 0

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._sqlite_errors():
            refuse_moved(self.path, self._in_use)  # SQLite would go on writing to a removed file
            self._connection.set_progress_handler(None, 0)  # which rows are written is known
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
                log = self._beside("-wal")
                self._in_use[log] = identity(log)
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _sqlite_errors(self) -> Iterator[None]:
        """Raise the errors of SQLite as StoreError."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise StoreError(f"{self.path}: {schema.explanation(error)}") from error

    def _one(self, query: str, *parameters: Any) -> Any:
        return next(iter(self._all(query, *parameters)), None)

    def _all(self, query: str, *parameters: Any) -> list[Any]:
        with self._sqlite_errors():
            bounds.bound(self._connection, self._place)
            return self._connection.execute(query, parameters).fetchall()

    def _names(self, table: str) -> list[str]:
        latest = self._all(f"SELECT id FROM {table} ORDER BY rowid DESC LIMIT 8")
        return [name for (name,) in latest if isinstance(name, str)]

    def _require(self, row: Any, trial: str) -> Any:
        if row is None:
            if self._one("SELECT 1 FROM trials WHERE id = ?", trial) is not None:
                raise StoreError(
                    f"{self.path}: trial {trial} is damaged: it has no setting. Put back a copy, "
                    "or use another --store."
                )
            raise StoreError(f"There is no finished trial {trial} in {self.path}.")
        return row


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")

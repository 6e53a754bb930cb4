"""The store: one SQLite file that keeps every finished trial, with one writer at a time.

A trial is stored whole, in one transaction, once it is finished: a process killed at any moment
loses no more than the trials it was running. Readers may look on while a study writes.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longlag import arguments
from longlag.knobs import unknown_name
from longlag.store import checked, schema
from longlag.store.lock import locked, refuse_hard_links
from longlag.store.records import Record, StoreError, StudyRecord

if TYPE_CHECKING:
    from longlag.trials.outcome import Outcome


_WAIT = 5.0  # seconds to wait while another process tidies the file


class Store:
    """A store of finished trials.

    Args:
        path: The file.
        write: Whether to write; then the file is made where there is none, and no other
            process may write to it at the same time.

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
        arguments.path("Store", "path", path, folder=True)
        self.path = Path(path)
        self._locks = contextlib.ExitStack()  # of none, unless it writes
        if self.path.exists() and not self.path.is_file():
            raise StoreError(f"{self.path} is no file. Name one with --store.")
        refuse_hard_links(self.path)
        if write:
            self._locks = locked(self.path)
        elif not (self.path.exists() and self.path.stat().st_size):
            raise StoreError(f"There is no store at {self.path}. Name one with --store.")
        try:
            with self._guarded():
                self._connection = self._connect(write)
            self._file = self._identity()
        except BaseException:
            self._locks.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and let others write."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        self._locks.close()

    # Trials.

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
        """Keep a finished trial, all of it or, where that fails, nothing.

        Args:
            trial: Name of the trial.
            setting: Name and canonical document of its setting.
            seed: Its seed.
            parts: Versions of the parts that decided its result.
            words: Problem, framing and model in words.
            outcome: What it came to.
            verdict: `solved`, or the first reason why it was not.
            weights: The trained model, as the content of a safetensors file.
        """
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
            _versions(),
            json.dumps(outcome.document(), separators=(",", ":"), allow_nan=False),
        )
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", setting)
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT OR IGNORE INTO trials VALUES ({marks})", row)
            if weights is not None:
                connection.execute("INSERT OR IGNORE INTO weights VALUES (?, ?)", (trial, weights))

    def outcome(self, trial: str) -> Outcome | None:
        """What a trial came to; None where it is not finished."""
        found = self._one("SELECT outcome FROM trials WHERE id = ?", trial)
        return None if found is None else checked.outcome(self.path, trial, found[0])

    def setting(self, trial: str) -> dict[str, Any]:
        """The setting of a trial, as the document that `longlag.trials.identity` wrote."""
        query = "SELECT document FROM settings WHERE id = (SELECT setting FROM trials WHERE id = ?)"
        (text,) = self._found(self._one(query, trial), trial)
        return checked.setting(self.path, f"trial {trial}", text)

    def versions(self, trial: str) -> str:
        """The versions of the libraries that a trial ran with."""
        found = self._one("SELECT versions FROM trials WHERE id = ?", trial)
        return str(self._found(found, trial)[0])

    def weights(self, trial: str) -> bytes | None:
        """The trained model of a trial, where it was kept."""
        found = self._one("SELECT content FROM weights WHERE trial = ?", trial)
        if found is not None and not isinstance(found[0], bytes):
            raise StoreError(
                f"{self.path}: the model of trial {trial} is damaged. Put back a copy, or use "
                "another --store."
            )
        return None if found is None else found[0]

    def keeps(self, trial: str) -> bool:
        """Whether the trained model of a trial was kept."""
        return self._one("SELECT 1 FROM weights WHERE trial = ?", trial) is not None

    def count(self, **chosen: str | None) -> int:
        """Number of finished trials, of those that `records` gives for the same."""
        where, given = schema.chosen(**chosen)
        found = self._one(f"SELECT count(*) FROM trials WHERE {where}", *given)
        assert found is not None
        return found[0]

    def notice(self) -> str:
        """What to know before the store is used, in a line; else empty."""
        # Where versions of parts stand now, earlier trials have a hash of source text.
        hashed = "length(parts) = 16 AND parts NOT GLOB '*[^0-9a-f]*'"
        (count,) = self._one(f"SELECT count(*) FROM trials WHERE {hashed}")
        counted = "1 trial" if count == 1 else f"{count:,} trials"
        line = f"{self.path.name} lists {counted} of an earlier longlag, but reuses none: results"
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
            problem: Those whose problem begins with these words.
            model: Those whose model does.
            verdict: Those of this verdict.
            study: Those that a study asked for.
            limit: So many at most.
        """
        where, given = schema.chosen(problem, model, verdict, study)
        columns = ", ".join(Record._fields)
        query = f"SELECT {columns} FROM trials WHERE {where} ORDER BY finished DESC, id LIMIT ?"
        rows = self._all(query, *given, -1 if limit is None else limit)
        return [checked.record(self.path, f"trial {row[0]}", Record(*row)) for row in rows]

    def named(self, start: str) -> str:
        """The trial whose name begins so.

        Raises:
            StoreError: There is none, or more than one.
        """
        found = self._all(
            "SELECT id FROM trials WHERE substr(id, 1, ?) = ? LIMIT 2", len(start), start
        )
        if len(found) > 1:
            raise StoreError(f"More than one trial begins with `{start}`. Give more of its name.")
        if not found:
            raise StoreError(unknown_name("There is no trial", start, self._names("trials")))
        return found[0][0]

    # Studies.

    def begin(self, study: str, kind: str, question: Mapping[str, Any], command: str) -> None:
        """Note that a study is asked, perhaps again."""
        row = (study, kind, json.dumps(question, sort_keys=True), command, _now())
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO studies (id, kind, question, command, started) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET command = excluded.command, ended = NULL",
                row,
            )

    def ask(self, study: str, trials: Sequence[str]) -> None:
        """Note which trials a study has asked for, in their order."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO asked SELECT ?1, coalesce(max(place), -1) + 1, ?2 "
                "FROM asked WHERE study = ?1",
                ((study, trial) for trial in trials),
            )

    def end(self, study: str, usage: Mapping[str, Any], *, answered: bool = True) -> None:
        """Note where the time of a study went, and whether it has been answered."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE studies SET ended = ?, usage = ? WHERE id = ?",
                (_now() if answered else None, json.dumps(usage), study),
            )

    def studies(self) -> list[StudyRecord]:
        """The studies, the first asked first."""
        rows = self._all(f"SELECT {', '.join(StudyRecord._fields)} FROM studies")
        records = [checked.study(self.path, StudyRecord(*row)) for row in rows]
        return sorted(records, key=lambda record: (record.started, record.id))

    def study(self, start: str) -> StudyRecord:
        """The study whose name begins so, or whose kind it is where there is but one of it."""
        found = [each for each in self.studies() if each.id.startswith(start) or each.kind == start]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(each.id[:8] for each in found[-8:])
            raise StoreError(f"More than one study is called `{start}`. Name one of {ids}.")
        raise StoreError(unknown_name("There is no study", start, self._names("studies")))

    def asked(self, study: str) -> list[tuple[str, int, dict[str, Any], Outcome]]:
        """The finished trials of a study, in the order in which it asked for them.

        Returns:
            For each its name, seed, setting (as a document) and outcome.
        """
        read = functools.cache(functools.partial(checked.setting, self.path))
        rows = self._all(
            "SELECT trials.id, seed, outcome, document, settings.id FROM asked "
            "JOIN trials ON trials.id = asked.trial LEFT JOIN settings ON settings.id = setting "
            "WHERE study = ? ORDER BY place",
            study,
        )
        return [
            (id, seed, read(f"setting {name}", document), checked.outcome(self.path, id, text))
            for id, seed, text, document, name in rows
        ]

    # Within.

    def _connect(self, write: bool) -> sqlite3.Connection:
        mode = "rwc" if write else "rw"  # who may not write leaves files of SQLite's behind
        if not (write or all(os.access(each, os.W_OK) for each in (self.path, self.path.parent))):
            mode = "ro" if self._written() else "ro&immutable=1"  # which makes none
        quoted = self.path.absolute().as_uri()
        connection = sqlite3.connect(
            f"{quoted}?mode={mode}", uri=True, timeout=_WAIT, isolation_level=None
        )
        try:
            version = self._version(connection)
            if write:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")  # a power cut loses nothing either
                connection.execute("PRAGMA foreign_keys = ON")
                schema.migrate(connection, version)
            else:
                connection.execute("PRAGMA query_only = ON")
            if not write and version < len(schema.MIGRATIONS):
                connection.close()
                Store(self.path, write=True).close()
                return self._connect(write)
        except BaseException:
            connection.close()
            raise
        return connection

    def _version(self, connection: sqlite3.Connection) -> int:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != schema.APPLICATION_ID and (
            tables or application or 0 < self._size() < 512
        ):
            raise StoreError(f"{self.path} is a database of another program. Use another --store.")
        if strange := schema.strange(connection):
            raise StoreError(
                f"{self.path} holds {strange}, which no store has. Put back a copy, or use another "
                "--store."
            )
        if version > len(schema.MIGRATIONS):
            raise StoreError(
                f"{self.path} was written by a newer longlag (version {version} of the store, "
                f"this one knows {len(schema.MIGRATIONS)}). Update longlag, or use another --store."
            )
        return version

    def _written(self) -> bool:
        """Whether a file beside has what a writer has lately written."""
        beside = self.path.with_name(f"{self.path.name}-wal")
        return beside.exists() and beside.stat().st_size > 0

    def _size(self) -> int:
        return self.path.stat().st_size

    def _identity(self) -> tuple[int, int]:
        """Device and inode of the file, zeros where there is none."""
        with contextlib.suppress(FileNotFoundError):
            found = self.path.stat()
            return found.st_dev, found.st_ino
        return 0, 0

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._guarded():
            if self._identity() != self._file:  # SQLite would go on writing to the removed file
                raise StoreError(
                    f"{self.path} was moved or removed while it was in use, so nothing more can be "
                    "stored. Leave a store where it is, and run the command again."
                )
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Say in one line what SQLite says of the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {schema.explanation(error)}") from error

    def _one(self, query: str, *given: Any) -> Any:
        with self._guarded():
            return self._connection.execute(query, given).fetchone()

    def _all(self, query: str, *given: Any) -> list[Any]:
        with self._guarded():
            return self._connection.execute(query, given).fetchall()

    def _names(self, table: str) -> list[str]:
        latest = self._all(f"SELECT id FROM {table} ORDER BY rowid DESC LIMIT 8")
        return [name for (name,) in latest if isinstance(name, str)]

    def _found(self, row: Any, trial: str) -> Any:
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


@functools.cache
def _versions() -> str:
    """Versions of what a trial runs with."""
    names = "longlag", "jax", "equinox", "optax", "numpy"
    return ", ".join(f"{name} {metadata.version(name)}" for name in names)

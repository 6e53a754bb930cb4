"""The tables of the store, and the migration of an older file."""

from __future__ import annotations

import contextlib
import functools
import re
import sqlite3
from pathlib import Path

from longlag import arguments
from longlag.store import bounds
from longlag.store.records import StoreError

APPLICATION_ID = 0x6C6C6167  # `llag`, which tells a store from any other SQLite file

MIGRATIONS = (
    """
    CREATE TABLE settings (id TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE trials (
        id TEXT PRIMARY KEY,
        setting TEXT NOT NULL REFERENCES settings,
        seed INTEGER NOT NULL,
        code TEXT NOT NULL,
        problem TEXT NOT NULL,
        framing TEXT NOT NULL,
        model TEXT NOT NULL,
        skill REAL NOT NULL,
        verdict TEXT NOT NULL,
        sequences INTEGER NOT NULL,
        seconds REAL NOT NULL,
        finished TEXT NOT NULL,
        versions TEXT NOT NULL,
        outcome TEXT NOT NULL
    );
    CREATE INDEX trials_by_time ON trials (finished);
    CREATE TABLE weights (trial TEXT PRIMARY KEY REFERENCES trials, content BLOB NOT NULL);
    CREATE TABLE studies (
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        question TEXT NOT NULL,
        command TEXT NOT NULL,
        started TEXT NOT NULL,
        ended TEXT,
        usage TEXT
    );
    CREATE TABLE asked (
        study TEXT NOT NULL REFERENCES studies,
        place INTEGER NOT NULL,
        trial TEXT NOT NULL,
        PRIMARY KEY (study, place),
        UNIQUE (study, trial)
    );
    """,
    "ALTER TABLE trials RENAME COLUMN code TO parts;",
    """
    CREATE TABLE environments (id TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
    ALTER TABLE trials ADD COLUMN environment TEXT REFERENCES environments;
    """,
)
"""Script i brings a store from version i to i + 1. A script never changes after its release."""


WHERE = "coalesce((SELECT document FROM environments AS e WHERE e.id = environment), environment)"
"""The environment of a trial as JSON, in a query of trials; NULL where it is not known."""


def version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the tables of a store.

    Raises:
        StoreError: It is another program's, or of a newer longlag.
    """
    bounds.bound(connection, path)
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (tables or application or 0 < path.stat().st_size < 512):
        raise StoreError(f"{path} is a database of another program. Use another --store.")
    if number > len(MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer longlag (version {number} of the store, "
            f"this one knows {len(MIGRATIONS)}). Update longlag, or use another --store."
        )
    if found := _strange(connection, number):
        raise StoreError(f"{path} {found}. Put back a copy, or use another --store.")
    bounds.refuse_tangles(connection, path)  # which evaluates the rules of tables
    return number


def _strange(connection: sqlite3.Connection, number: int) -> str:
    """What the tables and indexes of a database have that this version of a store has not.

    A view, a rule or a computed column may take for ever; a unique index would drop trials.
    """
    usual = _made(MIGRATIONS[:number])
    found = _scripts(connection)
    for (kind, name), script in found.items():
        what = f"holds {'an' if kind == 'index' else 'a'} {kind} `{name[:60]}`"
        if (kind, name) not in usual and script not in _STATISTICS:
            return f"{what}, which no store has"
        if script != usual.get((kind, name), script):
            return f"{what} with columns or rules that no store has"
    missing = next((f"{kind} `{name}`" for kind, name in usual if (kind, name) not in found), "")
    return f"is damaged: it has no {missing}" if missing else ""


_STATISTICS = (
    "CREATETABLEsqlite_stat1(tbl,idx,stat)",
    "CREATETABLEsqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
)
"""The tables that ANALYZE adds, without spaces."""


@functools.cache
def _made(migrations: tuple[str, ...]) -> dict[tuple[str, str], str]:
    """The tables and indexes that these migrations make."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for script in migrations:
            connection.executescript(script)
        return _scripts(connection)


def _scripts(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """The SQL of each table and index by kind and name, without spaces and quotes of names."""
    rows = connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE sql NOT NULL OR type <> 'index' LIMIT 99"
    )  # an index without SQL belongs to its table
    return {(str(kind), str(name)): re.sub(r'[\s"]', "", str(sql)) for kind, name, sql in rows}


def prepare(connection: sqlite3.Connection, version: int, *, write: bool) -> None:
    """Set up a connection to a store of this version; one that writes brings it to the latest."""
    if not write:
        connection.execute("PRAGMA query_only = ON")
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # durable even after a power cut
    connection.execute("PRAGMA foreign_keys = ON")
    migrate(connection, version)


def migrate(connection: sqlite3.Connection, since: int) -> None:
    """Bring a store up to date, in one transaction."""
    if since == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in MIGRATIONS[since:]:
            for statement in filter(str.strip, script.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it
            connection.execute("ROLLBACK")
        raise


def explanation(error: sqlite3.Error | UnicodeDecodeError) -> str:
    """An error of SQLite in plain words, with a remedy."""
    damage = sqlite3.SQLITE_CORRUPT if isinstance(error, UnicodeError) else -1  # in its message
    match getattr(error, "sqlite_errorcode", damage) & 0xFF:  # the primary code
        case sqlite3.SQLITE_FULL:
            return (
                "the disk is full. Finished trials are saved; make room, and run the same "
                "command again."
            )
        case sqlite3.SQLITE_NOTADB:
            return "this is no store. Use another --store."
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_INTERRUPT:  # the latter by its bound
            return "the file is damaged. Put back a copy, or use another --store."
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return "the file cannot be opened. Check the folder and its permissions."
        case sqlite3.SQLITE_IOERR:
            return (
                f"{error}. Perhaps the disk is full, or files may not grow so large. Finished "
                "trials are saved; make room, and run the same command again."
            )
        case sqlite3.SQLITE_ERROR | sqlite3.SQLITE_CONSTRAINT | sqlite3.SQLITE_MISMATCH:
            return f"the file is damaged: {error}. Put back a copy, or use another --store."
        case _:
            return f"{error}."


def condition(
    problem: str | None = None,
    model: str | None = None,
    verdict: str | None = None,
    study: str | None = None,
) -> tuple[str, list[str | int]]:
    """The SQL condition for the filters of `Store.records`, and its parameters."""
    arguments.check(condition, locals(), "Store")
    where, parameters = ["1"], list[str | int]()
    for column, start in (("problem", problem), ("model", model)):
        if start is not None:
            where.append(f"substr({column}, 1, ?) = ?")
            parameters += [len(start), start]
    if verdict is not None:
        where.append("verdict = ?")
        parameters.append(verdict)
    if study is not None:
        where.append("id IN (SELECT trial FROM asked WHERE study = ?)")
        parameters.append(study)
    return " AND ".join(where), parameters

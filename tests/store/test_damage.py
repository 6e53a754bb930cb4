"""A store whose content is well-formed and wrong: one line, never a traceback."""

import contextlib
import dataclasses
import json
import os
import random
import shutil
import sqlite3
import struct
from typing import Any

import pytest
from study_cases import SETTING, Scripted, outcome

import longlag as ll
from longlag.store import bounds, export
from longlag.store.records import StoreError
from longlag.store.schema import APPLICATION_ID, MIGRATIONS
from longlag.store.store import Store
from longlag.studies.comparison import Comparison
from longlag.studies.conduct import conduct
from longlag.studies.frontier import Frontier
from longlag.studies.generalisation import Generalisation
from longlag.studies.profile import Profile
from longlag.studies.registry import load_study
from longlag.trials import documents
from longlag.trials.environment import here

COLUMNS = (
    *(("trials", name) for name in ("outcome", "outcome", "seed", "skill", "finished", "setting")),
    *(
        ("studies", name)
        for name in ("question", "question", "usage", "kind", "started", "command")
    ),
    ("settings", "document"),
    ("environments", "document"),
)

WRONG = (
    None,
    True,
    -1,
    0.5,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "ramp",
    [],
    {},
    [[]],
    {"a": 1},
)


def came(task):
    tests = dict(documents.setting(task.setting).tests) or {"in-distribution": None}
    score = outcome(random.Random(task.id).choice([0.0, 1.0]))
    main = score.score()
    scores = dict.fromkeys(tests, main)
    return dataclasses.replace(score, scores=scores, environment=here())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "longlag.db"
    problem, models = ll.EchoLag(values=4, length=6), [ll.LSTM(hidden_size=3)]
    studies = (
        Frontier(SETTING, seeds=2, limit=2),
        Comparison(models, [problem], seeds=2, rungs=2),
        Profile(models[0], [problem], longer=()),
        Generalisation(problem, ll.Whole(), models, test=[6, 12], seeds=2),
    )
    with Store(path, write=True) as store:
        for study in studies:
            conduct(study, store, Scripted(came), command="longlag it")
    return path


def read_all(path):
    """Whatever is read of a store: lists, trials, studies with their answers, tables."""
    with Store(path) as store:
        records = store.records()
        store.notice()
        for record in records:
            for read in (store.setting, store.outcome, store.versions):
                read(record.id)
        export.write_table(store, records, path.with_suffix(".csv"))
        for asked in store.studies():
            study: Any = load_study(store, asked)
            assert study.id
            assert str(study.answer())


def damage(path, seed):
    """Change one value of one row."""
    rng = random.Random(seed)
    table, column = COLUMNS[seed % len(COLUMNS)]
    with contextlib.closing(sqlite3.connect(path)) as store:
        rows = store.execute(f"SELECT id, {column} FROM {table}").fetchall()
        row, text = rng.choice(rows)
        if column in ("outcome", "question", "usage", "document"):
            value = json.loads(text)
            node, steps = value, rng.randint(1, 4)
            while True:
                names = list(node) if isinstance(node, dict) else range(len(node))
                if not names:
                    break
                name, steps = rng.choice(list(names)), steps - 1
                if steps and isinstance(node[name], dict | list):
                    node = node[name]
                    continue
                if rng.random() < 0.3:
                    del node[name]
                else:
                    node[name] = rng.choice(WRONG)
                break
            new = rng.choice(
                [json.dumps(value)] * 9 + ["[" * 99_999, "", "null", text[:-9], b"\xff"]
            )
        else:
            new = rng.choice(["x", -1.5, b"\xff\x00", "9" * 400])
        store.execute("PRAGMA foreign_keys = OFF")
        with contextlib.suppress(sqlite3.IntegrityError):
            store.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (new, row))
        store.commit()


def test_what_is_whole_is_read(whole):
    read_all(whole)


@pytest.mark.parametrize("start", range(0, 78, 13))
def test_a_damaged_store_is_one_line(whole, tmp_path, start):
    lines = []
    for seed in range(start, start + 13):
        path = shutil.copy(whole, tmp_path / f"{seed}.db")
        damage(path, seed)
        try:
            read_all(path)
        except ValueError as error:
            lines.append(str(error))
    assert len(lines) > 4
    assert all("\n" not in line and len(line) < 600 for line in lines)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE studies SET kind = 'os:system'", r"no kind of study `os:system`"),
        ("DELETE FROM settings", r"is damaged: .*Put back a copy"),
    ],
)
def test_a_study_that_cannot_be_read_back_is_one_line(whole, tmp_path, statement, message):
    path = shutil.copy(whole, tmp_path / "damaged.db")
    with contextlib.closing(sqlite3.connect(path)) as store:
        store.execute(statement)
        store.commit()
    with Store(path) as store, pytest.raises(ValueError, match=message):
        load_study(store, store.studies()[0])


def test_no_module_that_a_store_names_is_imported(whole, tmp_path, monkeypatch):
    """Its model of a user's own is listed and reported by its name alone."""
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'RAN')!r}, 'w')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = shutil.copy(whole, tmp_path / "evil.db")
    model = {"kind": "user-model", "function": "make", "code": "0" * 16, "inputs": "features"}
    model |= {"outputs": "logits", "causal": True, "compiled": False}
    for place in ("evil", str(tmp_path / "evil.py")):
        with contextlib.closing(sqlite3.connect(path)) as store:
            for table, column in (("studies", "question"), ("settings", "document")):
                for id, text in store.execute(f"SELECT id, {column} FROM {table}").fetchall():
                    new = json.dumps(swapped(json.loads(text), {**model, "place": place}))
                    store.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (new, id))
            store.commit()
        read_all(path)
    assert not (tmp_path / "RAN").exists()


def swapped(part, model):
    if isinstance(part, dict):
        return {n: model if n == "model" else swapped(each, model) for n, each in part.items()}
    return [swapped(each, model) for each in part] if isinstance(part, list) else part


CROOKED = {
    "a point without a loss": (lambda o: o["curve"][1].pop(), "has points without a value"),
    "updates that fall": (lambda o: o["curve"][0].append(o["curve"][0][0]), "points without"),
    "updates that stand still": (
        lambda o: [
            o["curve"][0].insert(0, 0),
            o["curve"][1].append(1.0),
            o["curve"][2].append(1.0),
        ],
        "the updates of `curve` do not rise",
    ),
    "an accuracy that is no share": (
        lambda o: o["curve"][2].__setitem__(0, 1e308),
        r"damaged: an accuracy is 1e\+308",
    ),
    "a score that is no share": (
        lambda o: o["scores"][0].update(accuracy=-1e155),
        r"damaged: an accuracy is -1e\+155",
    ),
}


@pytest.mark.parametrize("what", CROOKED)
def test_a_learning_curve_or_a_score_that_is_none_is_damage(whole, tmp_path, what):
    change, message = CROOKED[what]
    path = shutil.copy(whole, tmp_path / "damaged.db")
    with contextlib.closing(sqlite3.connect(path)) as store:
        id, text = store.execute("SELECT id, outcome FROM trials LIMIT 1").fetchone()
        written = json.loads(text)
        change(written)
        store.execute("UPDATE trials SET outcome = ? WHERE id = ?", (json.dumps(written), id))
        store.commit()
    with Store(path) as store, pytest.raises(StoreError, match=message):
        store.outcome(id)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DROP TABLE trials; CREATE VIEW trials AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "
         "SELECT x + 1 FROM c) SELECT x AS id FROM c", "a view `trials`"),
        ("CREATE TRIGGER t AFTER INSERT ON trials BEGIN DELETE FROM trials; END", "a trigger `t`"),
        ("CREATE VIRTUAL TABLE v USING fts5(a)", "a table `v`"),
        ("CREATE UNIQUE INDEX one_a_model ON trials (model)", "an index `one_a_model`"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("write", [False, True])
def test_what_runs_code_of_its_own_is_no_store(whole, tmp_path, statement, what, write):
    path = shutil.copy(whole, tmp_path / "strange.db")
    with contextlib.closing(sqlite3.connect(path)) as store:
        if "UNIQUE" in statement:
            store.execute("DELETE FROM trials WHERE id > (SELECT min(id) FROM trials)")
            store.commit()
        store.executescript(statement)
    with pytest.raises(StoreError, match=f"holds {what}, which no store has"):
        Store(path, write=write)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("outcome TEXT NOT NULL", "outcome TEXT NOT NULL CHECK (length(outcome) < 2)", "`trials`"),
        ("seed INTEGER NOT NULL", "seed INTEGER NOT NULL UNIQUE", "`trials`"),
        ("(finished)", "(length(finished))", "holds an index `trials_by_time` with columns or"),
        ("usage TEXT", "usage TEXT DEFAULT (hex(randomblob(9)))", "holds a table `studies` with"),
        (
            "CREATE INDEX trials_by_time ON trials (finished);",
            "",
            "is damaged: it has no index `trials_by_time`",
        ),
    ],
)
@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_a_store_with_tables_of_another_kind_is_refused(
    tmp_path, monkeypatch, version, before, after, message
):
    """No check of the pages, which evaluates the rules of tables, comes first."""
    path = tmp_path / "strange.db"
    monkeypatch.setattr(bounds, "refuse_tangles", lambda *_: pytest.fail("was looked at"))
    with contextlib.closing(sqlite3.connect(path)) as store:
        for script in MIGRATIONS[:version]:
            store.executescript(script.replace(before, after))
        store.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        store.execute(f"PRAGMA user_version = {version}")
        store.commit()
    for write in (False, True):
        with pytest.raises(StoreError, match=rf"{message}.*\. Put back a copy, or use another"):
            Store(path, write=write)


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_a_store_of_an_earlier_version_is_read_also_with_statistics(tmp_path, version):
    path = tmp_path / "earlier.db"
    with contextlib.closing(sqlite3.connect(path)) as store:
        for script in MIGRATIONS[:version]:
            store.executescript(script.replace("    ", " "))
        store.execute("INSERT INTO settings VALUES ('a', '{}')")
        store.execute("ANALYZE")
        store.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        store.execute(f"PRAGMA user_version = {version}")
        store.commit()
        assert store.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchall()
    for write in (False, True):
        with Store(path, write=write) as read:
            assert read.count() == 0


def test_reasons_of_failures_are_pairs(whole, tmp_path):
    path = shutil.copy(whole, tmp_path / "damaged.db")
    with contextlib.closing(sqlite3.connect(path)) as store:
        store.execute("UPDATE studies SET usage = json_set(usage, '$.failed', json('[[]]'))")
        store.commit()
    with Store(path) as store, pytest.raises(StoreError, match="`failed` must be pairs"):
        store.studies()


def test_a_trial_without_a_name_is_not_offered_as_the_nearest(whole, tmp_path):
    path = shutil.copy(whole, tmp_path / "damaged.db")
    with contextlib.closing(sqlite3.connect(path)) as store:
        store.execute("PRAGMA foreign_keys = OFF")
        store.execute("UPDATE trials SET id = NULL WHERE rowid = (SELECT max(rowid) FROM trials)")
        store.commit()
    with Store(path) as store, pytest.raises(StoreError, match="There is no trial `x`"):
        store.named("x")


def tangle(path, table):
    """Put four levels of pages above a table, each with 200 pointers to one page below it."""
    with contextlib.closing(sqlite3.connect(path)) as store:
        store.execute("PRAGMA journal_mode = DELETE")
        query = "SELECT rootpage FROM sqlite_master WHERE name = ? UNION SELECT 1 ORDER BY 1 DESC"
        root, size = store.execute(query, (table,)).fetchone()[0], 4096
    data = bytearray(path.read_bytes())
    start, head = (root - 1) * size, 100 * (root == 1)
    root_page = data[start : start + size]
    leaf = bytearray(size)
    leaf[:] = root_page
    if head:
        pointers = 8 + 2 * struct.unpack(">H", root_page[103:105])[0]
        leaf[:pointers] = root_page[head : head + pointers]
    kind, record = (5, b"\1") if leaf[0] == 13 else (2, b"\3\2\x0d\0")
    data += leaf
    for level in range(4):
        child, top = len(data) // size, size - 200 * (4 + len(record))
        page, at = bytearray(size), head * (level == 3)
        page[:at] = root_page[:at]
        page[at : at + 12] = struct.pack(">BHHHBI", kind, 0, 200, top, 0, child)
        offsets = range(top, size, 4 + len(record))
        page[at + 12 : at + 412] = struct.pack(">200H", *offsets)
        page[top:] = (struct.pack(">I", child) + record) * 200
        if level == 3:
            data[start : start + size] = page
        else:
            data += page
    data[28:32], data[92:96] = struct.pack(">I", len(data) // size), data[24:28]
    path.write_bytes(data)


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("table", ["sqlite_master", "studies", "trials_by_time"])
def test_pages_that_lead_to_one_page_are_damage_at_once(tmp_path, table, write):
    """They would be read 200^4 times."""
    path = tmp_path / "tangled.db"
    with Store(path, write=True) as store:
        words, setting = ("problem", "framing", "model"), ("setting", "{}")
        given = {"parts": "", "words": words, "outcome": outcome(1.0), "verdict": "solved"}
        store.add("trial", setting=setting, seed=0, **given)
        store.begin("study", "frontier", {}, "longlag it")
    tangle(path, table)
    with pytest.raises(StoreError, match=r"the file is damaged\. Put back a copy"):
        Store(path, write=write)


def test_a_table_whose_name_is_no_text_is_damage(tmp_path):
    path = tmp_path / "damaged.db"
    Store(path, write=True).close()
    content = path.read_bytes().replace(b"trials_by_time", b"trials_by_tim\xff")
    path.write_bytes(content.replace(b"CREATE INDEX", b"CREATE INDXX"))
    with pytest.raises(StoreError, match=r"the file is damaged\. Put back a copy"):
        Store(path)


@pytest.mark.parametrize("write", [False, True])
def test_a_journal_that_would_have_another_file_removed_is_refused(whole, tmp_path, write):
    store, link, thesis = (tmp_path / name for name in ("store.db", "link.db", "thesis.tex"))
    shutil.copy(whole, store)
    link.symlink_to(store)
    thesis.write_text("years")
    name, magic = bytes(thesis), bytes.fromhex("d9d505f920a163d7")
    head = magic + struct.pack(">5I", 0, 1, store.stat().st_size // 4096, 512, 4096)
    end = struct.pack(">2I", len(name), sum(name)) + magic
    journal = tmp_path / "store.db-journal"
    journal.write_bytes(head.ljust(512, b"\0") + bytes(4) + name + end)
    for path in (store, link):
        with pytest.raises(StoreError, match=r"store\.db-journal is of no store, and SQLite"):
            Store(path, write=write)
    assert thesis.read_text() == "years"
    assert not (tmp_path / "store.db.lock").exists()
    shutil.copy(store, tmp_path / "other.db")
    (tmp_path / "other.db-journal").write_bytes(head.ljust(512, b"\0"))  # names none
    with Store(tmp_path / "other.db", write=write) as other:
        assert other.count()


@pytest.mark.parametrize("more", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("write", [False, True])
def test_no_store_waits_for_a_pipe_beside_it(whole, tmp_path, more, write):
    shutil.copy(whole, tmp_path / "store.db")
    os.mkfifo(tmp_path / f"store.db{more}")
    with pytest.raises(StoreError, match=f"store.db{more} is of no store, and SQLite would wait"):
        Store(tmp_path / "store.db", write=write)
    assert len(os.listdir(tmp_path)) == 2

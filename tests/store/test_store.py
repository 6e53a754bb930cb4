import contextlib
import dataclasses
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from study_cases import outcome

from longlag.files import check_outputs
from longlag.store import schema
from longlag.store import store as store_module
from longlag.store.records import StoreError
from longlag.store.store import Store
from longlag.trials.environment import Environment

WORDS = ("echo-lag lag=2", "whole", "lstm")


def add(kept, trial, came=None, *, words=WORDS, verdict="solved", weights=None, setting="aa"):
    kept.add(
        trial,
        setting=(setting, json.dumps({"name": setting})),
        seed=3,
        parts="cc",
        words=words,
        outcome=came or outcome(0.5),
        verdict=verdict,
        weights=weights,
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "longlag.db"


@pytest.fixture
def clock(monkeypatch):
    """Each look at the clock is a second later."""
    seconds = iter(range(10**6))
    monkeypatch.setattr(store_module, "_now", lambda: f"2026-01-01T{next(seconds):06d}")


def python(code, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        **options,
    )


def test_what_was_added_is_there_when_it_is_opened_again(path):
    came = outcome(0.5, by_step=(None, 0.25), shortcuts={"copy previous": 0.5})
    with Store(path, write=True) as kept:
        add(kept, "t1", came, weights=b"\x00weights")
        add(kept, "t2", outcome(0.7))
        assert kept.count() == 2
    for write in (False, True):
        with Store(path, write=write) as kept:
            assert kept.count() == 2
            assert kept.outcome("t1") == came
            assert kept.weights("t1") == b"\x00weights"
            assert kept.weights("t2") is None
            assert kept.setting("t1") == {"name": "aa"}
            assert kept.outcome("t3") is None


@pytest.mark.usefixtures("clock")
def test_a_record_has_the_figures_of_its_trial(path):
    came = outcome(0.5, sequences=77)
    with Store(path, write=True) as kept:
        add(kept, "t1", came, verdict="stuck")
        (record,) = kept.records()
    assert record == (
        *("t1", 3, *WORDS, came.skill, "stuck", 77, came.seconds.total),
        *("2026-01-01T000000", "cc"),
    )


def test_a_trial_added_twice_stays_as_it_was_first(path):
    with Store(path, write=True) as kept:
        add(kept, "t1", outcome(0.5), weights=b"first")
        add(kept, "t1", outcome(0.9), weights=b"second", verdict="stuck", setting="bb")
        found = kept.outcome("t1")
        assert found is not None
        assert found.skill == pytest.approx(0.5)
        assert kept.weights("t1") == b"first"
        assert kept.setting("t1") == {"name": "aa"}
        assert kept.count() == 1


@pytest.mark.usefixtures("clock")
def test_records_are_the_latest_first_and_as_asked_for(path):
    words = [("echo-lag lag=2", "whole", "lstm"), ("echo-lag", "whole", "gru"), WORDS]
    words.append(("echo-value", "whole", "lstm hidden_size=9"))
    verdicts = ["solved", "stuck", "stuck", "solved"]
    with Store(path, write=True) as kept:
        for place, (said, verdict) in enumerate(zip(words, verdicts, strict=True)):
            add(kept, f"t{place}", words=said, verdict=verdict)
        kept.begin("study", "frontier", {}, "")
        kept.ask("study", ["t3", "t1"])

        def names(**asked):
            return [record.id for record in kept.records(**asked)]

        assert names() == ["t3", "t2", "t1", "t0"]
        assert names(problem="echo-lag") == ["t2", "t1", "t0"]
        assert names(problem="echo-lag lag=2") == ["t2", "t0"]
        assert names(problem="echo%") == []
        assert names(model="lstm") == ["t3", "t2", "t0"]
        assert names(model="lstm", verdict="solved", problem="echo-lag") == ["t0"]
        assert names(study="study") == ["t3", "t1"]
        assert names(study="other") == []
        assert names(limit=2) == ["t3", "t2"]
        assert names(limit=0) == []


def test_a_trial_is_found_by_the_beginning_of_its_name(path):
    with Store(path, write=True) as kept:
        with pytest.raises(StoreError, match=r"There is no trial `ab`\. Known: none"):
            kept.named("ab")
        for name in ("abcd1234", "abce5678", "ffff0000"):
            add(kept, name)
        assert kept.named("abcd") == "abcd1234"
        assert kept.named("f") == "ffff0000"
        with pytest.raises(StoreError, match="More than one trial begins with `abc`"):
            kept.named("abc")
        with pytest.raises(StoreError, match=r"no trial `abcf1234`\. Did you mean `abcd1234`"):
            kept.named("abcf1234")
        with pytest.raises(StoreError, match=r"There is no trial `a%`"):
            kept.named("a%")
        with pytest.raises(StoreError, match=r"There is no finished trial abc in .*longlag\.db"):
            kept.setting("abc")


@pytest.mark.usefixtures("clock")
def test_a_study_is_kept_with_what_it_asked_for(path):
    usage = {"ran": 4, "reused": 0, "cut": 0, "failed": [["a", "b"]], "wall": 1.5, "workers": 2}
    usage |= {"spent": {"train": 1.0, "compile": 2.0, "evaluate": 0.5}, "interrupted": False}
    with Store(path, write=True) as kept:
        kept.begin("s1", "frontier", {"seeds": [0, 1]}, "longlag frontier")
        kept.begin("s2", "compare", {}, "longlag compare")
        kept.ask("s1", ["t2", "t1"])
        kept.ask("s2", ["t1"])
        kept.ask("s1", ["t3", "t2", "t4"])
        for trial in ("t1", "t2", "t4"):
            add(kept, trial, outcome(0.5, sequences=int(trial[1])))
        assert [name for name, *_ in kept.asked("s1")] == ["t2", "t1", "t4"]
        assert [name for name, *_ in kept.asked("s2")] == ["t1"]
        assert kept.asked("s3") == []
        _, seed, setting, came = kept.asked("s1")[0]
        assert (seed, setting, came.sequences) == (3, {"name": "aa"}, 2)
        add(kept, "t3")
        assert [name for name, *_ in kept.asked("s1")] == ["t2", "t1", "t3", "t4"]

        first, second = kept.studies()
        assert (first.id, first.kind, first.question) == ("s1", "frontier", {"seeds": [0, 1]})
        assert (first.ended, first.usage) == (None, None)
        kept.end("s1", usage)
        ended = kept.study("frontier")
        assert ended.usage == usage
        assert ended.ended is not None
        assert ended.ended > ended.started == first.started
        assert kept.study("s2") == second

        kept.begin("s1", "frontier", {"seeds": [0, 1]}, "longlag frontier --again")
        again = kept.study("s1")
        assert (again.started, again.ended) == (first.started, None)
        assert again.command == "longlag frontier --again"
        assert [name for name, *_ in kept.asked("s1")] == ["t2", "t1", "t3", "t4"]


def test_a_study_is_found_by_name_or_kind(path):
    with Store(path, write=True) as kept:
        for name, kind in (("aab", "frontier"), ("aac", "compare"), ("bbb", "compare")):
            kept.begin(name, kind, {}, "")
        assert kept.study("frontier").id == "aab"
        assert kept.study("b").id == "bbb"
        with pytest.raises(StoreError, match="More than one study is called `compare`"):
            kept.study("compare")
        with pytest.raises(StoreError, match="More than one study is called `aa`"):
            kept.study("aa")
        with pytest.raises(StoreError, match=r"no study `bbc`\. Did you mean `bbb`"):
            kept.study("bbc")


def test_others_read_while_one_writes(path):
    code = """
import sys
from longlag.store.store import Store
with Store(sys.argv[1]) as kept:
    print(kept.count(), kept.outcome("t0").sequences)
assert "jax" not in sys.modules
"""
    with Store(path, write=True) as kept:
        add(kept, "t0", outcome(sequences=12))
        assert python(code, path, check=True).stdout == "1 12\n"
        with Store(path) as reader:
            add(kept, "t1")
            assert reader.count() == 2
            assert python(code, path, check=True).stdout == "2 12\n"


def test_one_process_writes_at_a_time(path):
    code = """
import sys
from longlag.store.store import Store
from longlag.store.records import StoreError
try:
    Store(sys.argv[1], write=True).close()
except StoreError as error:
    print(error)
"""
    with Store(path, write=True) as kept:
        said = python(code, path, check=True).stdout
        assert said == (
            f"{path} is being written to already. Wait until that has ended, or use "
            "another --store.\n"
        )
        add(kept, "t0")
    assert python(code, path, check=True).stdout == ""


def test_a_writer_that_was_killed_lets_others_write_and_loses_nothing(path):
    """Killed between two trials or within one: what it has told of is there."""
    code = """
import sys
from longlag.store.store import Store
sys.path.insert(0, sys.argv[2])
from study_cases import outcome
came = outcome(0.5)
with Store(sys.argv[1], write=True) as kept:
    for place in range(10**6):
        kept.add(f"{place:06d}", setting=("a", "{}"), seed=0, parts="c", words=("p", "f", "m"),
                 outcome=came, verdict="stuck", weights=b"w" * 9999)
        print(place, flush=True)
"""
    tests = Path(__file__).parent.parent
    told = -1
    for _ in range(2):
        writer = subprocess.Popen(
            [sys.executable, "-c", code, str(path), str(tests)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for line in writer.stdout:
            told = int(line)
            if told % 40 == 39:
                break
        os.kill(writer.pid, signal.SIGKILL)
        rest, _ = writer.communicate()
        told = max([told, *(int(line) for line in rest.split("\n")[:-1])])
        with Store(path, write=True) as kept:
            assert kept.count() in (told + 1, told + 2)
            records = kept.records()
            assert all(kept.weights(record.id) == b"w" * 9999 for record in records)


def read_all(kept):
    for record in kept.records():
        kept.outcome(record.id)
        kept.setting(record.id)
        kept.weights(record.id)
    for study in kept.studies():
        kept.asked(study.id)
    return kept.count()


def test_a_file_cut_off_anywhere_is_refused_or_whole(path, tmp_path):
    with Store(path, write=True) as kept:
        for place in range(12):
            add(kept, f"t{place}", weights=b"w" * 3000, setting=f"s{place}")
        kept.begin("s", "frontier", {}, "")
        kept.ask("s", [f"t{place}" for place in range(12)])
    content = path.read_bytes()
    refused = []
    for length in [2, 15, 50, 99, 100, 511, *range(512, len(content), 2500), len(content) - 1]:
        cut = tmp_path / f"cut{length}.db"
        cut.write_bytes(content[:length])
        for write in (False, True):
            try:
                with Store(cut, write=write) as kept:
                    assert read_all(kept) == 12
                    if write:
                        add(kept, "more")
            except StoreError as error:
                refused.append(str(error))
    assert len(refused) > 10
    assert all(re.fullmatch(rf"{tmp_path}/cut\d+\.db: [^\n]+", said) for said in refused)


def test_a_damaged_page_is_told_in_one_line(path):
    with Store(path, write=True) as kept:
        for place in range(30):
            add(kept, f"t{place}")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * len(content[4096:])
    path.write_bytes(content)
    with (
        pytest.raises(StoreError, match=r"the file is damaged\. Put back a copy"),
        Store(path) as kept,
    ):
        read_all(kept)


def test_a_text_file_is_no_store(path):
    path.write_text("epochs,accuracy\n" * 100)
    before = path.read_bytes()
    for write in (False, True):
        with pytest.raises(StoreError, match=r"this is no store\. Use another --store"):
            Store(path, write=write)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("application", [0, 77])
def test_the_database_of_another_program_is_left_alone(path, application):
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA application_id = {application}")
        other.execute("CREATE TABLE bookmarks (url)")
        other.commit()
    before = path.read_bytes()
    for write in (False, True):
        with pytest.raises(StoreError, match="is a database of another program"):
            Store(path, write=write)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_store_of_a_newer_version_is_refused(path):
    Store(path, write=True).close()
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 9")
    for write in (False, True):
        with pytest.raises(StoreError, match=r"newer longlag \(version 9 .* knows 3\)\. Update"):
            Store(path, write=write)


def environment(**fields: Any) -> Environment:
    usual: dict[str, Any] = {
        "packages": {"longlag": "0.1.0", "jax": "0.10.2"},
        "commit": None,
        "cores": 2,
    }
    usual |= {"python": "3.11.7", "system": "Linux x86_64", "device": "cpu", "device_name": "x"}
    usual["dtype"] = "float32"
    return Environment(**(usual | fields))


def test_environments_are_kept_beside_outcomes_each_once(path):
    one, other = environment(), environment(cores=64, commit="ab" * 20)
    with Store(path, write=True) as kept:
        for trial, where in {"t1": one, "t2": other, "t3": one, "t4": None}.items():
            add(
                kept,
                trial,
                dataclasses.replace(outcome(0.5), environment=where),
                words=(trial,) * 3,
            )
        found = [kept.outcome(f"t{number}") for number in (1, 2, 3, 4)]
        assert [each and each.environment for each in found] == [one, other, one, None]
        assert kept.outcome("t1") == kept.outcome("t2") == kept.outcome("t4")
        assert sorted(kept.environments(), key=lambda each: each.cores) == [one, other]
        assert kept.versions("t2") == "longlag 0.1.0 (abababababab), jax 0.10.2"
        kept.begin("s", "frontier", {}, "")
        kept.ask("s", ["t2"])
        assert [came.environment for *_, came in kept.asked("s")] == [other]
        assert kept.environments(study="s") == [other]
        assert kept._all("SELECT count(*) FROM environments") == [(2,)]


def test_a_store_without_environments_is_read(path):
    document = json.dumps(outcome(0.5).document())
    row = (
        "t0",
        "aa",
        3,
        "cc",
        *WORDS,
        0.5,
        "solved",
        9,
        1.0,
        "2026-01-01T00:00",
        "jax 0.8",
        document,
    )
    with contextlib.closing(sqlite3.connect(path)) as older:
        for script in schema.MIGRATIONS[:2]:
            older.executescript(script)
        older.execute("INSERT INTO settings VALUES ('aa', '{}')")
        older.execute(f"INSERT INTO trials VALUES ({', '.join('?' * len(row))})", row)
        older.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        older.execute("PRAGMA user_version = 2")
        older.commit()
    with Store(path) as kept:
        assert kept.outcome("t0") == outcome(0.5)
        assert getattr(kept.outcome("t0"), "environment", "missing") is None
        assert kept.versions("t0") == "jax 0.8"
        assert kept.environments() == []


@pytest.mark.parametrize(
    "text", ["null", "[]", "{}", '{"cores": true}', "{", "\x00", '{"packages": {"jax": 1}}']
)
def test_a_wrong_environment_is_one_line(path, text):
    with Store(path, write=True) as kept:
        add(kept, "t1", dataclasses.replace(outcome(0.5), environment=environment()))
    with contextlib.closing(sqlite3.connect(path)) as damaged:
        damaged.execute("UPDATE environments SET document = ?", (text,))
        damaged.commit()
    with Store(path) as kept:
        for read in (lambda: kept.outcome("t1"), kept.environments):
            with pytest.raises(StoreError, match=r"an environment is damaged: .*Put back a copy"):
                read()


@pytest.mark.parametrize(
    "fields",
    [
        {"packages": {"jax": "0.1\n--extra-index-url https://example.org\nother==1"}},
        {"packages": {"other @ https://example.org/x.whl #": "1"}},
        {"packages": {"-r": "x"}},
        {"packages": {"jax": "1 ; x"}},
        {"packages": {"jax": ""}},
        {"device_name": "a\nother==1"},
        {"commit": "x\u2028-r /etc/passwd"},
        {"python": "3\r-r x"},
        {"random_numbers": "\ud800"},
    ],
)
def test_an_environment_with_no_names_versions_or_lines_is_damaged(path, fields):
    with Store(path, write=True) as kept:
        add(kept, "t1", dataclasses.replace(outcome(0.5), environment=environment(**fields)))
    with Store(path) as kept:
        for read in (lambda: kept.outcome("t1"), kept.environments):
            with pytest.raises(StoreError, match=r"an environment is damaged: .*Put back a copy"):
                read()


def test_versions_as_libraries_have_them_are_whole(path):
    numbers = {"jax": "0.10.3.dev20+g1a2_b-c", "torch": "2.13.0+cpu", "a.b_c-d": "1!2.0rc1"}
    usual = environment(packages=numbers, device_name="Apple M2 \u2013 8 cores (R)")
    with Store(path, write=True) as kept:
        add(kept, "t1", dataclasses.replace(outcome(0.5), environment=usual))
        assert kept.environments() == [usual]


ONE_MORE = "CREATE TABLE notes (trial TEXT); INSERT INTO notes SELECT id FROM trials;"


@pytest.mark.parametrize("write", [False, True])
def test_an_older_store_is_brought_up_to_date(path, write, monkeypatch):
    with Store(path, write=True) as kept:
        add(kept, "t0")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ONE_MORE))
    with Store(path, write=write) as kept:
        assert kept.count() == 1
    with contextlib.closing(sqlite3.connect(path)) as migrated:
        assert migrated.execute("SELECT trial FROM notes").fetchall() == [("t0",)]
        assert migrated.execute("PRAGMA user_version").fetchone() == (4,)


def test_a_store_is_not_brought_up_to_date_while_another_process_writes_to_it(path, monkeypatch):
    with Store(path, write=True) as kept:
        monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ONE_MORE))
        with pytest.raises(StoreError, match="being written to already"):
            Store(path)
        add(kept, "t0")


@pytest.mark.parametrize("write", [False, True])
def test_a_migration_that_fails_leaves_the_store_as_it_was(path, write, monkeypatch):
    with Store(path, write=True) as kept:
        add(kept, "t0")
    before = path.read_bytes()
    with monkeypatch.context() as patched:
        failing = f"{ONE_MORE} ALTER TABLE trials DROP COLUMN seed; DROP TABLE nowhere;"
        patched.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, failing))
        with pytest.raises(StoreError, match="no such table: nowhere"):
            Store(path, write=write)
    assert path.read_bytes() == before
    with Store(path, write=True) as kept:
        assert kept.records()[0].seed == 3
        add(kept, "t1")


def test_a_full_disk_loses_nothing_and_one_goes_on_once_there_is_room(path):
    with Store(path, write=True) as kept:
        add(kept, "t0")
        (pages,) = kept._connection.execute("PRAGMA page_count").fetchone()
        kept._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreError, match=r"the disk is full\. Finished trials are saved"):
            add(kept, "t1", weights=b"w" * 100_000, setting="bb")
        assert [record.id for record in kept.records()] == ["t0"]
        assert kept._all("SELECT id FROM settings") == [("aa",)]
        kept._connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
        add(kept, "t1", weights=b"w" * 100_000)
        assert kept.count() == 2
    with Store(path) as kept:
        assert kept.weights("t1") == b"w" * 100_000


def test_what_cannot_be_written_whole_is_not_written(path, monkeypatch):
    """Weights of no type that the file knows: the trial is not there either."""
    with Store(path, write=True) as kept:
        monkeypatch.setattr(store_module, "_now", lambda: ["no", "text"])
        with pytest.raises(StoreError, match=r"longlag\.db: "):
            add(kept, "t0")
        monkeypatch.undo()
        assert kept.count() == 0
        assert kept._all("SELECT id FROM settings") == []
        add(kept, "t0")


def test_a_store_that_is_not_there_is_not_read(path):
    with pytest.raises(StoreError, match=f"There is no store at {path}. Name one with --store"):
        Store(path)
    assert list(path.parent.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "longlag.db"
    with pytest.raises(StoreError, match=f"{tmp_path / 'file'}"):
        Store(place, write=True)
    with pytest.raises(StoreError, match=f"{tmp_path} is no file"):
        Store(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_named(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(StoreError, match=r"cannot write .*longlag.db: Permission denied"):
        Store(tmp_path / "longlag.db", write=True)
    tmp_path.chmod(0o755)


def test_a_closed_store_lets_others_write(path):
    first = Store(path, write=True)
    first.close()
    with Store(path, write=True) as kept:
        add(kept, "t0")
    first.close()


def test_an_error_within_the_block_closes_the_store(path):
    with pytest.raises(KeyError, match="struck"), Store(path, write=True):
        raise KeyError("struck")
    Store(path, write=True).close()


def test_a_link_to_a_store_leads_to_its_lock(path, tmp_path):
    Store(path, write=True).close()
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with Store(path, write=True), pytest.raises(StoreError, match="written to already"):
        Store(link, write=True)


@pytest.mark.parametrize("write", [False, True])
def test_a_store_with_a_hard_link_is_refused_under_both_names(path, tmp_path, write):
    with Store(path, write=True) as kept:
        add(kept, "one")
    link = tmp_path / "link.db"
    os.link(path, link)
    for name in (path, link):
        with pytest.raises(StoreError, match=r"one of 2 names of a file .* cp "):
            Store(name, write=write)
    path.with_name(f"{path.name}-wal").touch()  # of a process that was killed: rows are in it
    both = f"cp {path} copy.db && cp {path}-wal copy.db-wal$"
    with pytest.raises(StoreError, match=both):
        Store(path, write=write)
    path.unlink()
    with Store(link, write=write) as moved:
        assert moved.count() == 1


def test_a_reader_who_may_not_write_sees_what_a_writer_has_just_written(path, monkeypatch):
    with Store(path, write=True) as kept:
        add(kept, "one")
        monkeypatch.setattr(os, "access", lambda *_: False)
        with Store(path) as reader:
            assert reader.count() == 1
    with Store(path) as reader:
        assert reader.count() == 1


def stored_earlier(path, *trials):
    """A store as an earlier longlag left it: names of source text, outcomes of the first schema."""
    with Store(path, write=True) as kept:
        for trial in trials:
            add(kept, trial, outcome(0.5))
    with contextlib.closing(sqlite3.connect(path)) as earlier:
        written = outcome(0.5).document()
        (score,) = written.pop("scores")
        updates, loss, accuracy = written["curve"]
        first = {name: each for name, each in (written | score).items() if name != "bounds"}
        first["whole"] = first.pop("sequence_accuracy")
        del first["schema"], first["test"], first["in_distribution"]
        first["curve"] = [updates, loss, loss, accuracy]
        row = json.dumps(first), "0123456789abcdef"
        earlier.execute("UPDATE trials SET outcome = ?, parts = ?", row)
        earlier.commit()


def test_trials_of_an_earlier_longlag_are_listed_and_read(path):
    stored_earlier(path, "t0", "t1")
    with Store(path) as kept:
        assert {record.id for record in kept.records()} == {"t0", "t1"}
        assert kept.outcome("t0") == outcome(0.5, fresh=False)
        assert kept.notice() == (
            "longlag.db lists 2 trials of an earlier longlag, but reuses none: results may differ."
        )
    with Store(path, write=True) as kept:
        add(kept, "t2")
        assert kept.notice().startswith("longlag.db lists 2 trials")


def test_a_store_of_this_longlag_has_nothing_to_say(path):
    with Store(path, write=True) as kept:
        kept.add(
            "t0",
            setting=("aa", "{}"),
            seed=0,
            parts="engine 1, echo-lag 1",
            words=WORDS,
            outcome=outcome(),
            verdict="solved",
        )
        assert kept.notice() == ""


def test_an_outcome_of_a_newer_longlag_is_one_line(path):
    with Store(path, write=True) as kept:
        add(kept, "t0")
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute("UPDATE trials SET outcome = ?", ('{"schema": 7}',))
        newer.commit()
    with (
        Store(path) as kept,
        pytest.raises(StoreError, match=r"trial t0: .* written by a newer longlag") as said,
    ):
        kept.outcome("t0")
    assert "\n" not in str(said.value)


DAMAGE = {
    "a table": (
        "DROP TABLE asked",
        lambda store: store.count(study="x"),
        "it has no table `asked`",
    ),
    "the settings": ("DELETE FROM settings", lambda store: store.setting("one"), "has no setting"),
    "weights as text": (
        "INSERT OR REPLACE INTO weights (trial, content) VALUES ('one', 'hello')",
        lambda store: store.weights("one"),
        "the model of trial one is damaged",
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_a_stranger_took_out_is_called_damaged_with_a_remedy(path, what):
    statement, ask, message = DAMAGE[what]
    with Store(path, write=True) as kept:
        add(kept, "one")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(statement)
    connection.commit()
    connection.close()
    with (
        pytest.raises(StoreError, match=rf"{message}.*Put back a copy, or use another --store"),
        Store(path) as store,
    ):
        ask(store)


@pytest.mark.parametrize("how", ["moved", "removed", "replaced"])
def test_a_store_that_is_moved_while_it_is_written_to_takes_nothing_more(path, how):
    with Store(path, write=True) as store:
        store.begin("a" * 16, "frontier", {}, "longlag frontier")
        other = path.with_name("other.db")
        path.rename(other)
        if how == "removed":
            other.unlink()
        if how == "replaced":
            path.write_bytes(b"")
        with pytest.raises(StoreError, match=r"was moved or removed while the store .* was in use"):
            store.begin("b" * 16, "frontier", {}, "longlag frontier")


def test_a_store_whose_lock_is_removed_takes_nothing_more_from_the_first_writer(path):
    with Store(path, write=True) as store:
        store.begin("a" * 16, "frontier", {}, "longlag frontier")
        path.with_name(f"{path.name}.lock").unlink()
        with Store(path, write=True) as second:
            second.begin("b" * 16, "frontier", {}, "longlag frontier")
            with pytest.raises(
                StoreError, match=r"\.lock was moved or removed while .* was in use"
            ):
                store.begin("c" * 16, "frontier", {}, "longlag frontier")
            assert len(second.studies()) == 2


def test_a_store_is_where_it_was_opened(path, tmp_path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with Store(path.name, write=True) as store:
        (tmp_path / "there").mkdir()
        monkeypatch.chdir(tmp_path / "there")
        store.begin("a" * 16, "frontier", {}, "longlag frontier")
        assert len(store.studies()) == 1


def test_a_store_whose_log_is_removed_takes_nothing_more(path):
    with Store(path, write=True) as store:
        store.begin("a" * 16, "frontier", {}, "longlag frontier")
        path.with_name(f"{path.name}-wal").unlink()
        with pytest.raises(
            StoreError, match=r"-wal was moved or removed while the store .* was in use"
        ):
            store.begin("b" * 16, "frontier", {}, "longlag frontier")


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal", ".lock"])
def test_no_store_and_no_output_is_named_like_a_file_beside_a_store(path, suffix):
    Store(path, write=True).close()
    beside = path.with_name(path.name + suffix)
    with pytest.raises(StoreError, match=r"belongs to the store .*\. Name another --store"):
        Store(beside, write=True)
    for force in (False, True):
        with pytest.raises(ValueError, match="is a store or belongs to one, and is never written"):
            check_outputs({"--save": (beside, "safetensors")}, {}, force=force)
    with pytest.raises(ValueError, match="is the file of --store, which would be lost"):
        check_outputs({"--output": (beside, "JSON")}, {"--store": path})


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_a_file_beside_a_new_store_is_not_replaced(tmp_path, suffix):
    beside = tmp_path / f"a.db{suffix}"
    beside.write_text("mine")
    with pytest.raises(StoreError, match=r"would replace it\. It may hold"):
        Store(tmp_path / "a.db", write=True)
    assert beside.read_text() == "mine"
    assert not (tmp_path / "a.db").exists()


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("CREATE TABLE c (a, b GENERATED ALWAYS AS (hex(zeroblob(4))))", "table `c`"),
        (
            "PRAGMA writable_schema = 1; INSERT INTO sqlite_master VALUES "
            "('table', 'v', 'v', 0, 'create /**/ virtual table v using fts5(a)')",
            "table `v`",
        ),
    ],
)
def test_a_store_that_computes_when_it_is_read_is_refused(tmp_path, script, what):
    with Store(tmp_path / "a.db", write=True):
        pass
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.executescript(script)
    with pytest.raises(StoreError, match=re.escape(what)):
        Store(tmp_path / "a.db")


@pytest.mark.parametrize("kind", ["text", "pipe", "link"])
def test_the_lock_of_another_program_is_no_lock_of_a_store(tmp_path, kind):
    """Some versions of filelock empty what they lock."""
    lock = tmp_path / "uv.lock"
    (tmp_path / "notes").write_text("mine")
    match kind:
        case "text":
            lock.write_text("version = 1")
        case "pipe":
            os.mkfifo(lock)
        case _:
            lock.symlink_to(tmp_path / "notes")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(StoreError, match=r"uv needs .*uv\.lock as its lock.* Name another --store"):
        Store(tmp_path / "uv", write=True)
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "notes").read_text() == "mine"


def test_a_lock_that_was_there_outlives_a_refusal(path):
    Store(path, write=True).close()
    path.write_text("no store")
    lock = path.with_name(f"{path.name}.lock")
    for content in ("", "123\nhost\n"):  # of filelock, where files cannot be locked
        lock.write_text(content)
        with pytest.raises(StoreError, match="this is no store"):
            Store(path, write=True)
        assert lock.exists()


def test_a_circle_of_links_is_one_line(tmp_path):
    path = tmp_path / "loop.db"
    path.symlink_to(path)
    with pytest.raises(StoreError, match=r"loop\.db"):
        Store(path, write=True)

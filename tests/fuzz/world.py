"""The folder that a case runs in: files of a user, and what may not become of them."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
import sqlite3
import stat
from collections.abc import Sequence
from pathlib import Path

from .cases import Fault

MODEL = """
import equinox as eqx, jax
def make(sizes, seed):
    return eqx.filter_vmap(eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed)))
"""
PROBLEM = """
from longlag.problems import EchoLag
class Mine(EchoLag):
    pass
"""
STRANGER = "open(__file__ + '.ran', 'w').close()\n" + MODEL

OWNED = (
    "good.csv",
    "two.csv",
    "model.py",
    "problem.py",
    "README.md",
    "notes.txt",
    "folder/README.md",
)
"""Files that no command may change, unless it has `--force`."""

STORES = ("store.db",)
"""Files that a command may add to, where it names them as its store."""

MARKUP = "[red]x[/b].csv"  # a file in a folder `[red]x[`
CONTROL = "x\x1b[31m\ty.csv"
READS = (
    *OWNED,
    *STORES,
    "trained.safetensors",
    "stranger.safetensors",
    "stranger.db",
    "store.zip",
    "stranger.zip",
    "link.db",
    "hard.db",
    "empty",
    "folder",
    MARKUP,
)
NAMES = (
    *READS,
    CONTROL,
    "späte Reihe.csv",
    "\udcff.csv",  # a name that is no UTF-8
    "pipe",
    "dangling",
    "full",
    "null",
    "no/such/file",
    "n" * 300,
    "",
    ".",
    "-",
    "old.json",
    "old.html",
    "./store.db",
    "folder/../good.csv",
    "model.py:make",
    "new",
)


def build(folder: Path) -> None:
    """Make the files once; a case gets a copy of them."""
    from study_cases import SETTING, Scripted, outcome

    from longlag.adapters.models import user_model
    from longlag.store import bundle
    from longlag.store.store import Store
    from longlag.studies.conduct import conduct
    from longlag.studies.frontier import Frontier
    from longlag.trials.checkpoint import Trained

    folder.mkdir()
    (folder / "folder").mkdir()
    rows = [f"{(7 * row) % 24 / 3:.3f}" for row in range(90)]
    (folder / "good.csv").write_text("\n".join(["a", *rows]) + "\n")
    (folder / MARKUP).parent.mkdir()
    (folder / MARKUP).write_text("\n".join(["[red]a[/b]", *rows]) + "\n")
    (folder / "späte Reihe.csv").write_text("\n".join(["größe", *rows]) + "\n", encoding="utf-8")
    (folder / CONTROL).write_text("\n".join(["a\x1b[31m", *rows]) + "\n")
    pairs = [f"{row},{value}" for row, value in enumerate(rows)]
    (folder / "two.csv").write_text("\n".join(["b,a", *pairs]) + "\n")
    (folder / "model.py").write_text(MODEL)
    (folder / "problem.py").write_text(PROBLEM)
    for name in ("README.md", "notes.txt", "folder/README.md"):
        (folder / name).write_text("precious\n")
    (folder / "old.json").write_text('{\n  "longlag": "0.1.0",\n  "verdict": "learnable"\n}\n')
    (folder / "old.html").write_text('<!DOCTYPE html><meta name="generator" content="longlag">\n')
    (folder / "empty").write_text("")
    (folder / "stranger.py").write_text(STRANGER)
    own = dataclasses.replace(
        SETTING, model=user_model.from_reference(f"{folder / 'stranger.py'}:make")
    )
    for name, setting in (("trained", SETTING), ("stranger", own)):
        model = setting.create(0)
        Trained(setting, 0, model).save(folder / f"{name}.safetensors")
    for name, setting in (("store", SETTING), ("stranger", own)):
        with Store(folder / f"{name}.db", write=True) as store:
            study = Frontier(setting, seeds=2, limit=3)
            executor = Scripted(lambda task: outcome(1.0 if task.seeds[0] else 0.3))
            conduct(study, store, executor, command="longlag frontier echo-lag", keep="none")
            bundle.write(store, store.records(), folder / f"{name}.zip")
    (folder / "stranger.py.ran").unlink()


def populate(template: Path, folder: Path) -> None:
    """A fresh copy of the files, with what cannot be copied."""
    shutil.copytree(template, folder)
    (folder / "link.db").symlink_to("store.db")
    shutil.copy(folder / "store.db", folder / "linked.db")
    os.link(folder / "linked.db", folder / "hard.db")
    (folder / "dangling").symlink_to("nowhere/target")
    os.mkfifo(folder / "pipe")
    for name, minor in (("full", 7), ("null", 3)):
        # Of its own: the one of the machine could be replaced by who is root.
        try:
            os.mknod(folder / name, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        except OSError:
            (folder / name).symlink_to(f"/dev/{name}")


def digests(folder: Path) -> dict[str, str]:
    """What the files hold that are not to change; of devices and links, that they are there."""
    files = {name: folder / name for name in (*OWNED, "full", "null", "pipe", "link.db")}
    return {name: _digest(path) for name, path in files.items()}


def _digest(path: Path) -> str:
    try:
        mode = path.lstat().st_mode
        content = path.read_bytes() if stat.S_ISREG(mode) else b""
    except OSError:
        return "gone"
    return f"{stat.S_IFMT(mode):o} {hashlib.sha256(content).hexdigest()}"


def trials(path: Path) -> dict[str, str]:
    """The finished trials of a store, with what came of them."""
    reading = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)
    with contextlib.closing(reading) as connection:
        rows = connection.execute("SELECT id, outcome FROM trials").fetchall()
    connection.close()
    return {name: hashlib.sha256(str(text).encode()).hexdigest() for name, text in rows}


def faults(
    template: Path,
    folder: Path,
    before: dict[str, str],
    finished: dict[str, str],
    arguments: Sequence[str],
) -> list[Fault]:
    """Files that a command destroyed, and trials that it lost."""
    found = []
    if "--force" not in arguments:
        after = digests(folder)
        changed = [name for name in before if after[name] != before[name]]
        found += [Fault("destroyed", f"{name} is another file now") for name in changed]
    try:
        left = trials(folder / "store.db")
    except sqlite3.Error as error:
        if "--force" in arguments:
            return found
        return [*found, Fault("destroyed", f"store.db: {error}")]
    gone = [name for name in finished if left.get(name) != finished[name]]
    found += [Fault("lost", f"{len(gone)} trials of store.db")] if gone else []
    if (ran := template / "stranger.py.ran").exists():
        ran.unlink()
        found.append(Fault("code run", "stranger.py"))
    return found

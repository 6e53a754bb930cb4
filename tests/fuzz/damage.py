"""Tables, files of code, stores and checkpoints that are not what they should be."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .cases import local, pick
from .commands import BASES, TRAINED, WORDS, flags

CELLS = (
    *("1", "-2.5", "1e308", "-1e308", "1e309", "inf", "-inf", "nan", "NaN", "NA", "", " ", "?"),
    *("1,5", "1.000,5", "1 000", "12%", "$3", "-99.99", "1e-320", '"', '"1', "a\x00b", "[red]1[/]"),
    *("2020-01-01", "12:30", "9" * 400, "٣", "−1", "\x1b[31m", "true", "0x1F", "1_000", "+1", "'1"),
)
NAMES = (
    "a",
    "b",
    "",
    " a",
    "a",
    "[red]",
    "[/b]",
    "\x1b[31m",
    "größe",
    "date",
    "1",
    "a,b",
    "c" * 999,
)

MODELS = (
    "def make(sizes, seed):\n    raise ValueError('[/b] of its own')\n",
    "def make(sizes, seed):\n    return None\n",
    "def make(sizes, seed):\n    return 3\n",
    "def make():\n    pass\n",
    "def make(sizes, seed):\n    raise SystemExit(5)\n",
    "def make(sizes, seed):\n    raise KeyboardInterrupt\n",
    "def make(sizes, seed):\n    return make(sizes, seed)\n",
    "raise SystemExit\n",
    "raise BaseException('[/red]')\n",
    "make = 1 / 0\n",
    "make = None\n",
    "print('a line of its own')\ndef make(sizes, seed):\n    return lambda x: x\n",
    "def make(:\n",
    "def make(sizes, seed):\n    return 'caf\xe9'\n",  # in Latin-1, see `model_file`
    "\x00\n",
    "",
    "import no_such_library\n",
    "import sys; sys.exit('bye')\n",
    "def other(sizes, seed):\n    pass\n",
    "class make:\n    def __init__(self, sizes, seed): pass\n    def __call__(self, x): return x\n",
    "import jax.numpy as jnp\ndef make(sizes, seed):\n    return lambda x, **_: jnp.zeros(3)\n",
    "import equinox as eqx, jax\ndef make(sizes, seed):\n"
    "    return eqx.nn.Linear(sizes.features + 1, sizes.outputs, key=jax.random.key(seed))\n",
    "import equinox as eqx, jax\ndef make(sizes, seed):\n"
    "    return eqx.nn.GRUCell(sizes.features, sizes.outputs, key=jax.random.key(seed))\n",
    "import equinox as eqx, jax.numpy as jnp\nclass Nan(eqx.Module):\n    w: jnp.ndarray\n"
    "    def __call__(self, x):\n"
    "        return jnp.stack([self.w * jnp.nan] * 4, -1)[:1] + 0 * x[:, :1]\n"
    "def make(sizes, seed):\n    return Nan(jnp.ones(()))\n",
)
PROBLEMS = (
    "from longlag.problems import Problem\nclass make(Problem):\n    pass\n",
    "from longlag.problems import EchoLag\nclass make(EchoLag):\n"
    "    def draw(self, rng, count):\n        raise RuntimeError('[/b]')\n",
    "from longlag.problems import EchoLag\nclass make(EchoLag):\n"
    "    def draw(self, rng, count):\n        return None\n",
    "from longlag.problems import EchoLag\nclass make(EchoLag):\n"
    "    def draw(self, rng, count):\n        return super().draw(rng, count + 1)\n",
    "from longlag.problems import EchoLag\nclass make(EchoLag):\n"
    "    def oracle(self, inputs):\n        return inputs * 1.5\n",
    "from longlag.problems import EchoLag\nclass make(EchoLag):\n"
    "    @property\n    def needs(self):\n        return 7\n",
    "from longlag.problems import EchoLag\nmake = EchoLag(lag=2)\n",
)

ANSWERED = "audit", "train", "frontier", "compare", "profile", "generalise", "suite"
"""The commands that take a settings file."""

TOML = (
    *("1", "-1", "0.5", "nan", "-inf", "true", "[]", "[1, [2]]", "{}", "{a = 1}", "1979-05-27"),
    *("''", "'x'", '"\\u0000"', '"[/b]"', "'''a\nb'''", "9" * 400, "9" * 5000, "[" * 3000, "x", ""),
    *("'lstm'", "'mlp(hidden_size=3)'", "'model.py:make'", "['rnn', 1]", "'new.db'", "07:32:00"),
)

JSON: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**63, 10**400, 1.5, 1e308, float("nan"), float("inf"), "", "x"),
    *(
        "[/b]",
        "\x1b[31m",
        "9" * 50,
        [],
        [None],
        {},
        {"kind": "lstm"},
        {"kind": None},
        [[[]]],
        "lstm",
    ),
)


def table_file(rng: np.random.Generator, folder: Path) -> list[str]:
    """A table of nonsense, and the command that reads it."""
    columns, rows = int(rng.integers(1, 4)), int(pick(rng, (0, 1, 2, 5, 40, 120)))
    mark = pick(rng, (",", ",", ",", ";", "\t", " ", "|"))
    numbers = rng.normal(size=(rows, columns)) * pick(rng, (1.0, 1e-30, 1e200, 1e307))
    cells = [[f"{value:.5g}" for value in row] for row in numbers]
    for _ in range(int(rng.integers(0, 6)) if rows else 0):
        cells[int(rng.integers(rows))][int(rng.integers(columns))] = pick(rng, CELLS)
    if rows and rng.random() < 0.2:
        cells[int(rng.integers(rows))] = [pick(rng, CELLS)] * int(rng.integers(0, 5))
    if rows and rng.random() < 0.15:
        constant = pick(rng, CELLS)
        cells = [[constant, *row[1:]] for row in cells]
    header = [pick(rng, NAMES) if rng.random() < 0.5 else "ab c"[place] for place in range(columns)]
    lines = [mark.join(row) for row in ([header] if rng.random() < 0.85 else []) + cells]
    text = pick(rng, ("\n", "\n", "\r\n", "\r")).join(lines) + pick(rng, ("", "\n", "\n\n"))
    content = text.encode(pick(rng, ("utf-8", "utf-8", "utf-8-sig", "utf-16")), "replace")
    if rng.random() < 0.1:
        content = damaged(rng, content)
    file = folder / pick(
        rng, ("table.csv", "table.csv", "table.parquet", "table.txt", "[red]t.csv")
    )
    file.write_bytes(content)
    arguments = ["frame", file.name, "--timesteps", str(rng.integers(1, 6))]
    for name in header[: int(rng.integers(0, 3))]:
        arguments += ["--column", name]
    if rng.random() < 0.15:
        arguments += TRAINED.split()
    extras = ("--every-step", "--as features", "--missing mark", "--horizon 2", "--scale range")
    arguments += pick(
        rng, (*extras, "--missing mask", "--scale none", "--season 7", "--json")
    ).split()
    return arguments


def settings_file(rng: np.random.Generator, folder: Path) -> list[str]:
    """A settings file of nonsense, and the command that reads it."""
    command = pick(rng, ANSWERED)
    values = BASES[command].split()
    first = [] if values[0].startswith("--") else [f"problem = {json.dumps(values.pop(0))}"]
    pairs = zip(values, [*values[1:], ""], strict=True)
    settings = {
        name[2:]: value if value.replace(".", "").isdigit() else json.dumps(value)
        for name, value in pairs
        if name.startswith("--") and name not in ("--framing", "--carry")
    }
    for _ in range(int(rng.integers(1, 4))):
        known = [name[2:].replace("-", "_") for name in flags(command)]
        name = pick(rng, known) if rng.random() < 0.9 else json.dumps(pick(rng, WORDS))
        settings[name] = pick(rng, TOML)
    text = "\n".join([*first, *(f"{name} = {value}" for name, value in settings.items())])
    content = text.encode("utf-8", "surrogatepass")
    file = folder / "study.toml"
    file.write_bytes(damaged(rng, content) if rng.random() < 0.2 else content)
    rest = pick(rng, ([], [], ["--json"], ["--print-config"], ["--seeds", "2"]))
    return [command, file.name, *rest]


def code_file(rng: np.random.Generator, folder: Path) -> list[str]:
    """A file that makes no model and no problem, and the command that reads it."""
    text = pick(rng, MODELS if rng.random() < 0.7 else PROBLEMS)
    names = "mine.py", "mine.py", "[red]m[/b].py", "my file.py", "längst.py"
    file = folder / local(pick(rng, names))
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text.encode("latin-1"))
    name = pick(rng, ("make", "make", "make", "made", "", "make.x", "1"))
    subject = f"{file.relative_to(folder)}:{name}"
    rest = pick(rng, ([], [], ["--json"], ["--problem", "ramp"], ["--encoding", "scaled"]))
    small = ["--values", "4", "--length", "6"]
    return pick(
        rng,
        (
            ["check", subject, *rest],
            ["train", "echo-lag", "--model", subject, *small, "--sequences", "2", "--seeds", "1"],
            ["frame", "good.csv", "--timesteps", "3", *TRAINED.split()[4:], "--model", subject],
            ["train", subject, "--sequences", "2", "--seeds", "1", "--model", "mlp"],
        ),
    )


def store_file(rng: np.random.Generator, folder: Path) -> list[str]:
    """A damaged store, and the command that reads it."""
    from_stranger = rng.random() < 0.15
    content = (folder / ("stranger.db" if from_stranger else "store.db")).read_bytes()
    path = folder / "damaged.db"
    path.write_bytes(content)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        trial = pick(rng, connection.execute("SELECT id FROM trials ORDER BY id").fetchall())[0]
        if not from_stranger:
            (wrong_cell if rng.random() < 0.7 else wrong_schema)(rng, connection, trial)
    connection.close()
    if not from_stranger and rng.random() < 0.3:
        path.write_bytes(damaged(rng, path.read_bytes()))
    return pick(
        rng,
        (
            ["runs", "--store", path.name],
            ["runs", "--store", path.name, "--json"],
            ["runs", trial, "--store", path.name],
            ["runs", trial, "--store", path.name, "--save", "model.safetensors"],
            ["runs", "--studies", "--store", path.name],
            ["runs", "--export", "trials.csv", "--store", path.name],
            ["runs", "--tensorboard", "tb", "--store", path.name],
            ["report", "--store", path.name, "--out", "page.html"],
            ["report", "--store", path.name, "--out", "page.html"],
            "frontier echo-lag --values 4 --length 6 --hidden-size 3 --budget 1000 --seeds 2 "
            "--limit 3 --store damaged.db".split(),
        ),
    )


def wrong_cell(rng: np.random.Generator, connection: sqlite3.Connection, trial: str) -> None:
    """Put a wrong value where a store has JSON, or any value."""
    places = (
        ("trials", "outcome", "id", trial),
        ("trials", "outcome", "id", trial),
        ("settings", "document", "1", 1),
        ("studies", "question", "1", 1),
        ("studies", "usage", "1", 1),
        ("trials", pick(rng, ("skill", "verdict", "seconds", "finished", "versions")), "id", trial),
        ("trials", pick(rng, ("problem", "model", "parts", "seed", "sequences")), "id", trial),
        ("studies", pick(rng, ("kind", "command", "started", "ended")), "1", 1),
        ("asked", "trial", "1", 1),
    )
    table, column, key, value = pick(rng, places)
    (before,) = connection.execute(
        f"SELECT {column} FROM {table} WHERE {key} = ?", (value,)
    ).fetchone()
    if column in ("outcome", "document", "question", "usage"):
        after = json.dumps(wrong(rng, json.loads(before)))
    else:
        after = pick(rng, ("", "x", "[/b]", "\x1b[31m", -1, 1e400, 2**62, b"\xff\xfe", "9" * 400))
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {key} = ?", (after, value))


def wrong_schema(rng: np.random.Generator, connection: sqlite3.Connection, _: str) -> None:
    """Change the tables of a store."""
    connection.execute(
        pick(
            rng,
            (
                "DELETE FROM settings",
                "DELETE FROM studies",
                "DELETE FROM asked",
                "DROP TABLE weights",
                "DROP TABLE asked",
                "PRAGMA user_version = 99",
                "PRAGMA user_version = -1",
                "PRAGMA user_version = 0",
                "PRAGMA application_id = 7",
                "ALTER TABLE trials RENAME COLUMN parts TO code",
                "UPDATE trials SET outcome = x'00ff'",
                "UPDATE trials SET outcome = '" + "[" * 5000 + "'",
                "UPDATE settings SET document = 'null'",
            ),
        )
    )


def checkpoint_file(rng: np.random.Generator, folder: Path) -> Path:
    """A damaged checkpoint."""
    content = (folder / "trained.safetensors").read_bytes()
    draw = rng.random()
    if draw < 0.1:
        return folder / "stranger.safetensors"
    path = folder / "damaged.safetensors"
    if draw < 0.3:
        path.write_bytes(damaged(rng, content))
        return path
    length = int.from_bytes(content[:8], "little")
    header, rest = json.loads(content[8 : 8 + length]), content[8 + length :]
    if draw < 0.5:
        header = wrong(rng, header)
    else:
        inner = json.loads(header["__metadata__"]["longlag"])
        header["__metadata__"]["longlag"] = json.dumps(wrong(rng, inner))
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    path.write_bytes(len(text).to_bytes(8, "little") + text + rest)
    return path


def bundle_file(rng: np.random.Generator, folder: Path) -> list[str]:
    """A damaged bundle, and the command that reads it."""
    source, path = folder / pick(rng, ("store.zip", "stranger.zip")), folder / "damaged.zip"
    if rng.random() < 0.3:
        path.write_bytes(damaged(rng, source.read_bytes()))
        return ["reproduce", path.name, "--sample", "1"]
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = pick(rng, sorted(members))
    draw = rng.random()
    if draw < 0.1:
        del members[name]
    elif draw < 0.3:
        members[pick(rng, ("../x", "/x", "evil.py", "trials/", "[/b]", "\x1b[31m"))] = b"{}"
    elif name.endswith(".json"):
        members[name] = json.dumps(wrong(rng, json.loads(members[name]))).encode()
    if rng.random() < 0.8 and name != "bundle.json":
        sums = {each: hashlib.sha256(content).hexdigest() for each, content in members.items()}
        sums.pop("bundle.json", None)
        members["bundle.json"] = json.dumps({"format": 1, "files": sums}).encode()
    with zipfile.ZipFile(path, "w", pick(rng, (zipfile.ZIP_STORED,) * 9 + (8, 12))) as archive:
        archive.comment = b"longlag bundle"
        for each, content in members.items():
            archive.writestr(each, content)
    return ["reproduce", path.name, "--sample", "1"]


def wrong(rng: np.random.Generator, document: Any) -> Any:
    """A JSON document with something else in one place."""
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in items:
            places.append((value, key))
            if isinstance(each, dict | list):
                walk(each)

    document = json.loads(json.dumps(document))
    if rng.random() < 0.05 or not isinstance(document, dict | list):
        return pick(rng, JSON)
    walk(document)
    if not places:
        return pick(rng, JSON)
    holder, key = pick(rng, places)
    draw = rng.random()
    if draw < 0.15:
        del holder[key]
    elif draw < 0.25 and isinstance(holder, dict):
        holder[pick(rng, ("x", "[/b]", ""))] = holder.pop(key)
    elif draw < 0.35 and isinstance(holder[key], int | float):
        holder[key] = pick(rng, (-1, 0, 10**6, 2**40, 1e-300))
    elif draw < 0.4:
        holder[key] = [holder[key]]
    else:
        holder[key] = pick(rng, JSON)
    return document


def damaged(rng: np.random.Generator, content: bytes) -> bytes:
    """Bytes with something wrong in one place."""
    changed = bytearray(content)
    at = int(rng.integers(max(1, len(changed))))
    ways: tuple[Callable[[], object], ...] = (
        lambda: changed.__delitem__(slice(at, None)),
        lambda: changed.__setitem__(slice(at, at + 1), bytes([int(rng.integers(256))])),
        lambda: changed.__setitem__(slice(at, at + 64), rng.bytes(64)),
        lambda: changed.__setitem__(slice(at, at + 512), bytes(512)),
        lambda: changed.__delitem__(slice(at, at + 1)),
        lambda: changed.__setitem__(slice(at, at), changed[:100]),
    )
    pick(rng, ways)()
    return bytes(changed)

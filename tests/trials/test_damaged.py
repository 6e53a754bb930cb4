"""Checkpoints with damage: each is refused in one line, or read; none does anything else.

`python tests/trials/test_damaged.py COUNT` tries as many as you like.
"""

import copy
import json
import random
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import longlag as ll
from longlag.trials import checkpoint
from longlag.trials.checkpoint import Trained

VALUES = (
    *(None, True, 0, -1, 1, 2.5, 10**6, 10**9, 2**63, 10**400, float("nan"), float("inf"), "", "x"),
    *("lstm", "\x00", "../../x", [], [1], [["a", 1]], {}, {"kind": "lstm"}, {"kind": "user-model"}),
    {"kind": "series", "names": ["a"], "path": "/dev/zero", "digest": "0"},
    {"kind": "user-problem", "class": "X", "path": "x.py", "code": "0", "knobs": {}},
)

DTYPES = ("F64", "F32", "F16", "BF16", "F8_E5M2", "F8_E4M3", "I64", "U8", "BOOL", "C64", "X9")

SERIES = ll.Series(np.sin(np.arange(60.0)), length=3, path="series.csv")
SETTINGS = (
    ll.Setting(problem=ll.EchoLag(lag=1, length=5, values=4), framing=ll.Whole(), model=ll.GRU()),
    ll.Setting(problem=SERIES, framing=ll.Whole(), model=ll.MLP(hidden_size=3, context=2)),
)


def contents() -> list[bytes]:
    return [checkpoint.to_bytes(Trained(setting, 0, setting.create(0))) for setting in SETTINGS]


def split(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and the bytes of the arrays."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def joined(header: Any, rest: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + rest


def paths(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where values stand in a document."""
    if path:
        yield path
    lists = enumerate(part) if isinstance(part, list) else ()
    for name, each in part.items() if isinstance(part, dict) else lists:
        yield from paths(each, (*path, name))


def changed(document: Any, chance: random.Random) -> None:
    """One value of a document taken out, renamed, or another in its place."""
    if not (places := list(paths(document))):
        return
    *path, last = chance.choice(places)
    for name in path:
        document = document[name]
    match chance.randrange(4):
        case 0:
            del document[last]
        case 1 if isinstance(document, dict):
            document[chance.choice(("kind", "place", "values", "x"))] = document.pop(last)
        case _:
            document[last] = copy.deepcopy(chance.choice(VALUES))


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The content with one damage or a few."""
    kind = chance.choice(("bytes", "cut", "header", "document", "document", "document", "shape"))
    if kind == "cut":
        return content[: chance.randrange(len(content))] + b"\0" * chance.randrange(3)
    if kind == "bytes":
        raw, end = bytearray(content), chance.choice((16, 2000, len(content)))
        for _ in range(chance.randint(1, 8)):
            raw[chance.randrange(min(end, len(raw)))] = chance.randrange(256)
        return bytes(raw)
    header, rest = split(content)
    if kind == "shape":
        name = chance.choice([name for name in header if name != "__metadata__"])
        sizes = (0, 1, 2, 3, 4, 2**31, 2**62)
        header[name]["shape"] = [chance.choice(sizes) for _ in range(chance.randrange(4))]
        header[name]["dtype"] = chance.choice(DTYPES)
        return joined(header, rest)
    if kind == "header":
        changed(header, chance)
        return joined(header, rest)
    document = json.loads(header["__metadata__"]["longlag"])
    for _ in range(chance.randint(1, 3)):
        changed(document, chance)
    header["__metadata__"]["longlag"] = json.dumps(document)
    return joined(header, rest)


def outcome(content: bytes) -> str:
    """What came of reading it."""
    try:
        trained = checkpoint.from_bytes(content)
    except ValueError as error:
        message = str(error)
    else:
        assert isinstance(trained, Trained)
        return "read"
    assert "\n" not in message
    assert len(message) < 700
    return "refused"


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_file_is_refused_in_one_line_and_takes_no_memory(seed):
    chance, good = random.Random(seed), contents()
    tracemalloc.start()
    try:
        found = Counter(outcome(damaged(chance.choice(good), chance)) for _ in range(60))
        assert tracemalloc.get_traced_memory()[1] < 300 * 2**20
    finally:
        tracemalloc.stop()
    assert found["refused"] > 30


DEEP = b"[" * 100_000


@pytest.mark.parametrize("text", [DEEP.decode(), '{"format": 1}', "null", '"x"', "1", "[]"])
def test_a_header_of_another_form_is_refused(text):
    arrays = {"weight": np.zeros(2, np.float32)}
    with pytest.raises(ValueError, match="holds no longlag model"):
        checkpoint.from_bytes(safetensors.numpy.save(arrays, metadata={"longlag": text}))


if __name__ == "__main__":
    import resource
    import traceback

    resource.setrlimit(resource.RLIMIT_AS, (12 * 2**30, 12 * 2**30))
    source, good, counts = random.Random(int(sys.argv[2])), contents(), Counter[str]()
    for number in range(int(sys.argv[1])):
        content = damaged(source.choice(good), source)
        try:
            counts[outcome(content)] += 1
        except BaseException as error:
            counts[f"{type(error).__name__}: {str(error)[:100]}"] += 1
            print(number, split(content)[0].get("__metadata__") if len(content) > 8 else "")
            traceback.print_exc(limit=-4)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{counts}, {peak} MiB at most")

"""Bundles: finished trials in one zip file, for others to read and to run again.

Equal trials give equal bytes: members are sorted and not compressed, and times are left out. Paths
are left out too, but for the names of files. Nothing of a bundle is unpacked to the disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from longlag import files
from longlag.answers.format import counted, visible
from longlag.store import parsing
from longlag.store.records import Record, StoreError
from longlag.store.store import Store
from longlag.trials.documents import public
from longlag.trials.environment import Environment, is_version
from longlag.trials.identity import digest, identity_document
from longlag.trials.outcome import Outcome

MARK = b"longlag bundle"
"""The comment at the end of the file."""

_FORMAT = 1

_CONTENTS = "bundle.json"

_MEMBERS = re.compile(
    r"README\.txt|requirements(-\d+)?\.txt|bundle\.json|"
    r"trials/[0-9a-f]{16}\.json|models/[0-9a-f]{16}\.safetensors"
)

_LARGEST = 2**26  # bytes of a text

_TRIAL = {
    **dict.fromkeys(("trial", "parts", "verdict", "libraries"), str),
    "seed": int,
    "words": list[str],
    "setting": dict[str, Any],
    "outcome": dict[str, Any],
    "environment": dict[str, Any] | None,
}
"""Types of the fields of a trial."""

_README = """\
{count} of sequence models, trained with longlag
{rule}

What is here

  trials/ID.json          a trial: its setting, seed, results, the versions of its parts, and the
                          libraries and the machine it ran with
  models/ID.safetensors   its trained model, where it was kept
  requirements.txt        the exact versions of the libraries; requirements-2.txt and so on where
                          some trials ran with others
  bundle.json             the checksum of each file

Run some of the trials again, and compare

  pip install -r requirements.txt   (or -2.txt, for the trials that ran with that)
  longlag reproduce BUNDLE.zip

BUNDLE.zip is this file. It runs the 5 trials with the fewest calculations; --sample 20 more, --all
all. It runs no code of others: for a model or a problem of somebody's own add --model FILE:NAME or
--problem FILE:NAME. Skill is 0 for chance and 1 for the best possible score, on fresh sequences.

Times and paths are left out, so equal trials give equal bytes.

The trials

"""


class Packed(NamedTuple):
    """A trial of a bundle.

    Attributes:
        id: Its name.
        seed: Its seed.
        parts: Versions of the parts that decided its result.
        words: Problem, framing and model in words.
        setting: Its setting, as a document.
        outcome: Its results, without times.
        model: Its trained model, as the content of a safetensors file; None where it was not kept.
    """

    id: str
    seed: int
    parts: str
    words: tuple[str, str, str]
    setting: dict[str, Any]
    outcome: Outcome
    model: bytes | None


def write(store: Store, records: Sequence[Record], path: files.Name) -> None:
    """Write trials as a bundle.

    Args:
        store: The store of the trials.
        records: The trials, from `store.records`.
        path: The file; it ends in `.zip`.

    Raises:
        ValueError: There is no trial.
    """
    if not records:
        raise StoreError(f"There is no such trial in {store.path}. Leave out a filter.")
    environments: Counter[tuple[str, str]] = Counter()  # requirements and their heading
    lines, sums = [], dict[str, str]()
    with (
        files.replacing(path) as beside,
        zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive,
    ):
        archive.comment = MARK

        def add(name: str, content: str | bytes) -> None:
            member = zipfile.ZipInfo(name)  # of 1980, without a user's permissions
            member.create_system = 3  # wherever it is written
            content = content.encode() if isinstance(content, str) else content
            sums[name] = hashlib.sha256(content).hexdigest()
            archive.writestr(member, content)

        for record in sorted(records):
            if not _MEMBERS.fullmatch(f"trials/{record.id}.json"):
                raise parsing.damaged(store.path, f"trial {record.id!r}", "no trial is named so")
            document, outcome = _document(store, record)
            environments[_requirements(outcome.environment, document["libraries"])] += 1
            add(f"trials/{record.id}.json", _json(document))
            if (model := store.weights(record.id)) is not None:
                model = parsing.model(store.path, record.id, model)
                try:
                    add(f"models/{record.id}.safetensors", without_paths(model))
                except (ValueError, RecursionError) as error:
                    what = f"the model of trial {record.id}"
                    raise parsing.damaged(store.path, what, str(error)) from error
            words = f"{record.problem}; {record.framing}; {record.model}; seed {record.seed}"
            words = visible(" ".join(words.split()))  # a line, whatever a store has
            lines.append(f"  {record.id}  skill {record.skill:.3f}  {words}\n")
        most = sorted(environments, key=lambda each: (-environments[each], each))
        for place, each in enumerate(most, 1):
            add(f"requirements{f'-{place}' * (place > 1)}.txt", "".join(each))
        count = counted(len(records), "finished trial")
        rule = "=" * len(f"{count} of sequence models, trained with longlag")
        add("README.txt", _README.format(count=count, rule=rule) + "".join(lines))
        add(_CONTENTS, _json({"format": _FORMAT, "files": sums}))


def read(path: files.Name) -> list[Packed]:
    """The trials of a bundle, in the order of their names.

    Raises:
        ValueError: It is no bundle, is damaged, or holds what no bundle has.
    """
    file = Path(path)
    if not file.is_file():
        raise StoreError(f"There is no file {file}. Name a bundle of longlag runs --bundle.")
    with _zip_errors(file), zipfile.ZipFile(file) as archive:
        if archive.comment != MARK:
            raise StoreError(f"{file} is no bundle. Name one of longlag runs --bundle.")
        members = _members(file, archive)
        contents = _contents(file, archive, members)
        for name in members - {_CONTENTS}:
            if hashlib.sha256(archive.read(name)).hexdigest() != contents.get(name):
                raise parsing.damaged(file, name, "its checksum is another")
        trials = sorted(name for name in members if name.startswith("trials/"))
        if not trials:
            raise parsing.damaged(file, "the bundle", "it has no trial")
        return [_packed(file, archive, name, members) for name in trials]


def without_paths(model: bytes) -> bytes:
    """A safetensors file of longlag whose setting has the names of files for their paths."""
    length = int.from_bytes(model[:8], "little")
    header = json.loads(model[8 : 8 + length])
    document = json.loads(header["__metadata__"]["longlag"])
    if (own := public(document)) == document:
        return model
    header["__metadata__"]["longlag"] = json.dumps(own, sort_keys=True)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + model[8 + length :]


def _document(store: Store, record: Record) -> tuple[dict[str, Any], Outcome]:
    """A trial as plain JSON values, and its outcome."""
    outcome = store.outcome(record.id)
    assert outcome is not None
    results, where = outcome.document(), outcome.environment
    del results["seconds"], results["resources"]
    document = {
        "trial": record.id,
        "seed": record.seed,
        "parts": record.parts,
        "words": [record.problem, record.framing, record.model],
        "verdict": record.verdict,
        "libraries": store.versions(record.id),
        "setting": public(store.setting(record.id)),
        "outcome": results,
        "environment": where and where.document(),
    }
    return document, outcome


def _requirements(where: Environment | None, libraries: str) -> tuple[str, str]:
    """A text for pip, in two parts: where the libraries ran, and their versions."""
    if where is None:
        pairs = [each.partition(" ")[::2] for each in libraries.split(", ") if " " in each]
        return "# Python unknown\n", _pinned(pairs)
    commit = f"; longlag at commit {where.commit}" if where.commit else ""
    head = f"# {where.machine}{commit}\n"
    return head, _pinned(sorted(where.packages.items()))


def _pinned(versions: Iterable[tuple[str, ...]]) -> str:
    """Lines for pip; a build such as `+cpu` is no version that an index has."""
    return "".join(
        f"{name}=={number.partition('+')[0]}\n"
        if is_version(name, number)
        else "# left out: a library without a valid name and version\n"
        for name, number in versions
    )


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


@contextlib.contextmanager
def _zip_errors(path: Path) -> Iterator[None]:
    """Raise what `zipfile` raises for a damaged file as one line."""
    try:
        yield
    except StoreError:
        raise
    except (zipfile.BadZipFile, EOFError, ValueError, RuntimeError, OverflowError) as error:
        raise parsing.damaged(path, "the file", f"it is no whole zip file: {error}") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}.") from error


def _members(path: Path, archive: zipfile.ZipFile) -> set[str]:
    """The names of the members, each checked."""
    found: set[str] = set()
    total = 0
    for member in archive.infolist():
        total += member.file_size
        if not _MEMBERS.fullmatch(member.filename) or member.filename in found:
            raise StoreError(
                f"{path} holds {member.filename[:80]!r}, which no bundle has. Use another bundle."
            )
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise StoreError(
                f"{path}: {member.filename} is compressed or encrypted, as in no bundle. Use the "
                "file that longlag runs --bundle wrote."
            )
        found.add(member.filename)
    if total > path.stat().st_size:  # members lie over one another
        raise parsing.damaged(path, "the file", "its parts are larger than the whole")
    return found


def _contents(path: Path, archive: zipfile.ZipFile, members: set[str]) -> dict[str, str]:
    """The checksums of all members but the list of them."""
    if _CONTENTS not in members:
        raise parsing.damaged(path, "the bundle", f"it has no {_CONTENTS}")
    text = _text(path, archive, _CONTENTS)
    kinds = {"format": int, "files": dict[str, str]}
    contents = parsing.fields(path, _CONTENTS, text, {"format": int})
    if contents["format"] != _FORMAT:
        raise StoreError(
            f"{path} has format {contents['format']}, this longlag reads {_FORMAT}. Update longlag."
        )
    contents = parsing.fields(path, _CONTENTS, text, kinds)
    if missing := sorted(set(contents["files"]) - members):
        raise parsing.damaged(path, "the bundle", f"it has no {missing[0][:80]}")
    return contents["files"]


def _text(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > _LARGEST:
        raise parsing.damaged(path, name, "it is too large")
    return archive.read(name)


def _packed(path: Path, archive: zipfile.ZipFile, name: str, members: set[str]) -> Packed:
    """A trial, with all of it checked."""
    fields = parsing.fields(path, name, _text(path, archive, name), _TRIAL)
    id, seed, parts = fields["trial"], fields["seed"], fields["parts"]
    # What a stranger's bundle names is looked for by its name alone.
    setting = public(parsing.setting(path, name, json.dumps(fields["setting"])))
    earlier = re.fullmatch("[0-9a-f]{16}", parts)  # a hash of source text
    named = earlier or id == digest(f"{identity_document(setting)} {seed} {parts}")
    if not named or name != f"trials/{id}.json":
        raise parsing.damaged(path, name, "its setting or its seed is not that of its name")
    if len(fields["words"]) != 3 or not 0 <= seed < 2**64:
        raise parsing.damaged(path, name, "its words or its seed are none")
    if not isinstance(setting.get("problem"), dict):
        raise parsing.damaged(path, name, "its setting has no problem")
    results = fields["outcome"] | {"seconds": [0.0, 0.0, 0.0]}
    where = fields["environment"]
    outcome = parsing.outcome(
        path, id, json.dumps(results), None if where is None else json.dumps(where)
    )
    model = f"models/{id}.safetensors"
    content = parsing.model(path, id, archive.read(model)) if model in members else None
    return Packed(id, seed, parts, tuple(fields["words"]), setting, outcome, content)

"""Files that longlag writes: completely or not at all, and never over those of others."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from longlag import arguments
from longlag.file_kinds import KINDS as KINDS
from longlag.file_kinds import holds

Name = str | os.PathLike[str]

_LONG_ENDING, _LONG_NAME = 20, 240  # bytes, of the 255 that a system allows

_PICTURES = {".png": "PNG", ".svg": "SVG"}
_PICTURES |= dict.fromkeys(".bmp .eps .gif .jpeg .jpg .pdf .ps .tif .tiff .webp".split(), "")
_TABLES = {".csv": "CSV", ".parquet": "Parquet"}
_TABLES |= dict.fromkeys(".arrow .feather .ods .pq .tsv .xls .xlsm .xlsx".split(), "")
_DOCUMENTS = {".json": "JSON", ".html": "HTML", ".htm": "HTML", ".tex": "LaTeX"}
_MODELS = ".ckpt .eqx .h5 .hdf5 .joblib .keras .msgpack .npy .npz .onnx .pickle .pkl .pt .pth"
_ENDINGS = {"text": ".txt", "JSON": ".json", "HTML": ".html", "claims": ".md", "SVG": ".svg"}
_ENDINGS |= {
    "LaTeX": ".tex",
    "Markdown": ".md",
    "PNG": ".png",
    "CSV": ".csv",
    "Parquet": ".parquet",
    "safetensors": ".safetensors",
    "bundle": ".zip",
}
"""Endings of pictures, tables and documents with longlag's kind; of other models; of each kind."""

_BESIDE = "-wal", "-shm", "-journal", ".lock"
"""The endings of the files that SQLite and longlag keep beside a store."""

_unfinished: set[str] = set()

_checked: dict[str, tuple[Path, str]] = {}
"""The outputs of a command as it names them: where they are, and their kind; empty with --force."""


@contextlib.contextmanager
def replacing(path: Name) -> Iterator[Path]:
    """Write a temporary file, which replaces the file at the end; after an error the old one stays.

    The target of a link is replaced, not the link. A device or a pipe is written directly.

    Yields:
        The path of the temporary file.

    Raises:
        ValueError: A store is there, or the file would be one beside it.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "notes.txt")
    >>> with replacing(path) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> path.read_text()
    'whole'
    """
    target, kind = _checked.get(os.fspath(path), (Path(path), ""))
    if target.exists() and not target.is_file():
        with _named(path):
            yield target
        return
    target = Path(os.path.realpath(target))
    if not kind:  # else what was made meanwhile is told at the end
        _refuse_store(target, path)
    ending = target.suffix if len(os.fsencode(target.suffix)) < _LONG_ENDING else ""
    temporary = target.with_name(f".longlag-{os.urandom(6).hex()}{ending}")
    _unfinished.add(str(temporary))
    try:
        with _named(path, temporary):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            if kind and target.is_file() and not holds(target, kind):
                raise _made_meanwhile(temporary, target)
            if target.exists():
                temporary.chmod(target.stat().st_mode & 0o7777)
            temporary.replace(target)
    finally:
        discard([str(temporary)])


def _made_meanwhile(temporary: Path, target: Path) -> ValueError:
    """Keep an answer beside the file of another program that took its place."""
    name = os.fsencode(target.name)[-_LONG_NAME:].decode(errors="ignore")
    names = (f"{number}-{name}" for number in itertools.count(2))
    beside = next(path for path in map(target.with_name, names) if not path.exists())
    temporary.replace(beside)
    return ValueError(
        f"{target} was made by another program while this command ran, and stays. The answer is in "
        f"{beside}."
    )


@contextlib.contextmanager
def _named(path: Name, temporary: Path | None = None) -> Iterator[None]:
    """Have an error of writing name the user's file instead of the temporary one."""
    try:
        yield
    except OSError as error:
        if error.filename is None or error.filename == str(temporary):
            error.filename = os.fspath(path)
        raise


def discard(paths: Iterable[str] | None = None) -> None:
    """Remove temporary files of unfinished writes; all of them by default."""
    for temporary in list(_unfinished) if paths is None else paths:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        _unfinished.discard(temporary)


def write(path: Name, content: str | bytes) -> None:
    """Write a file; text as UTF-8."""
    if isinstance(content, str):
        content = content.encode("utf-8", "backslashreplace")
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def check_outputs(
    outputs: Mapping[str, tuple[Name | None, str]],
    inputs: Mapping[str, Name | None],
    *,
    force: bool = False,
) -> None:
    """Raise if an output would replace an input, another output, or a file of another program.

    Args:
        outputs: The path and the kind (`KINDS`, or `folder`) of each output, by the name of its
            option; None for no output.
        inputs: The files to read or extend, by the names of their options.
        force: Replace a file that longlag did not write.

    Raises:
        ValueError: A path is that of an input or of another output, holds a file that longlag did
            not write, or ends as a picture or a table does but would hold something else.
        OSError: A path cannot be written.
    """
    used = {name: os.fspath(path) for name, path in inputs.items() if path is not None}
    for name, (path, kind) in outputs.items():
        if path is None:
            continue
        for other, used_path in used.items():
            beside = (f"{os.path.realpath(used_path)}{end}" for end in _BESIDE)
            if any(_same(path, each) for each in (used_path, *beside)):
                raise ValueError(
                    f"{name}: {os.fspath(path)} is the file of {other}, which would be lost. Name "
                    "another file."
                )
        used[name] = os.fspath(path)
        if kind != "folder":
            check_ending(path, name, outputs)
            check_file(path, name, kind, force=force)
            if kind == "safetensors":
                check_model_ending(path, name)
            _checked[os.fspath(path)] = Path(os.path.abspath(path)), "" if force else kind


def check_folder(folder: Name, own: Mapping[str, str], *, force: bool = False) -> None:
    """Raise if a folder holds anything but files of an earlier output.

    Args:
        folder: The folder; it need not exist.
        own: The kind of each file of the output, by its name.
        force: Accept any other files.

    Raises:
        ValueError: It holds another file, or a store needs its name.
        OSError: It is no folder, or cannot be written.
    """
    home = Path(folder)
    if home.exists() and not home.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(home))
    _refuse_store(Path(os.path.realpath(home)), folder)
    for file in sorted(home.iterdir()) if home.exists() and not force else ():
        kind = own.get(file.name)
        if kind is None or not holds(file, kind):
            raise ValueError(
                f"{home} holds {file.name}, which longlag did not write. Name an empty folder, or "
                "add --force."
            )
    for name, kind in own.items():
        _checked[str(home / name)] = Path(os.path.abspath(home / name)), "" if force else kind


def forget() -> None:
    """Forget the outputs that `check_outputs` and `check_folder` have checked for a command."""
    _checked.clear()


def picture_kind(name: str, path: Name | None) -> str:
    """The kind of picture by the ending of a path; PNG without a path.

    Args:
        name: The option that names the path, for the message.
        path: The path.

    Raises:
        ValueError: It does not end in .png or .svg.

    >>> picture_kind("--figure", "map.SVG"), picture_kind("--figure", None)
    ('SVG', 'PNG')
    """
    if path is None:
        return "PNG"
    kind = _PICTURES.get(arguments.ending(path), "")
    if not kind:
        other = "figure.png" if Path(path).name[:1] in ("", ".") else Path(path).with_suffix(".png")
        raise ValueError(f"{name}: {path} must end in .png or .svg. Use {name} {other}.")
    return kind


def check_ending(path: Name, name: str, outputs: Mapping[str, tuple[Name | None, str]]) -> None:
    """Raise if a file would have the ending of a picture, a table or a model, but hold another.

    Args:
        path: The path.
        name: The name of its option or method, for the message.
        outputs: As of `check_outputs`.

    >>> check_ending("m.pt", "save", {"save": ("m.pt", "safetensors")})
    Traceback (most recent call last):
    ValueError: save: m.pt ends as a model of another library does, but would hold safetensors. ...
    """
    path, kind = Path(path), outputs[name][1]
    ending = arguments.ending(re.sub(r"\.(gz|bz2|xz|zip|zst)$", "", path.name.lower()))
    if kind == "text" and ending == ".json":
        raise ValueError(f"{name}: {path} ends as JSON does. Add --json, or end it in .txt.")
    models = dict.fromkeys(_MODELS.split(), "")
    every = {"picture": _PICTURES, "table": _TABLES, "page": _DOCUMENTS}
    for what, endings in {**every, "model of another library": models}.items():
        if endings.get(ending, kind) == kind:
            continue
        option, right = name, _ENDINGS.get(kind, "")
        if name == "--output":  # another option may write that picture or table
            for other, (_, other_kind) in outputs.items():
                if other_kind in endings.values():
                    option, right = other, ending if endings[ending] else _ENDINGS[other_kind]
        raise ValueError(
            f"{name}: {path} ends as a {what} does, but would hold {kind}. Use "
            f"{f'{option} ' * option.startswith('-')}{path.with_suffix(right)}."
        )


def check_model_ending(path: Name, name: str) -> None:
    """Raise if a trained model would have an ending that is not its own."""
    if arguments.ending(path) not in ("", ".safetensors"):
        use = f"Use {f'{name} ' * name.startswith('-')}{path}.safetensors."
        raise ValueError(f"{name}: {path} would hold safetensors, but ends otherwise. {use}")


def check_save(path: Name, name: str, kind: str, *, force: bool) -> None:
    """`check_file` for a method of Python, where no command has checked the path before it."""
    if os.fspath(path) not in _checked:
        check_file(path, name, kind, force=force)


def check_file(path: Name, name: str, kind: str, *, force: bool) -> None:
    """Raise if a file would replace one that longlag did not write, or cannot be written.

    Args:
        path: The path.
        name: The name of its option or method, for the message.
        kind: Its kind, one of `KINDS`.
        force: Replace a file that longlag did not write.
    """
    path = Path(path)
    place = Path(os.path.realpath(path))  # where a link leads, be it to nothing yet
    direct = path.exists() and not path.is_file()  # else its folder gets another file first
    needed, code = {path if path.exists() else place.parent, path if direct else place.parent}, 0
    if path.is_dir():
        code = errno.EISDIR
    elif not place.parent.is_dir():
        code = errno.ENOENT
    elif not all(os.access(each, os.W_OK) for each in needed):
        code = errno.EACCES
    if code:
        raise OSError(code, os.strerror(code), str(path))
    _refuse_store(place, f"{name}: {path}")
    if not force and path.is_file() and not holds(path, kind):
        remedy = "add --force" if name.startswith("-") else "use force=True"
        raise ValueError(
            f"{name}: {path} is no {kind} file of longlag's, and would be lost. Name another "
            f"file, or {remedy}."
        )


def _refuse_store(path: Path, name: Name) -> None:
    if _is_database(path) or store_of(path) is not None:
        raise ValueError(
            f"{os.fspath(name)} is a store or belongs to one, and is never written over. Name "
            "another file, or remove it yourself."
        )


def store_of(path: Path) -> Path | None:
    """The store that a file stands beside, by its name; None if there is none."""
    stores = (path.with_name(path.name.removesuffix(end)) for end in _BESIDE if path.name != end)
    return next((each for each in stores if each != path and _is_database(each)), None)


def _is_database(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _same(one: Name, other: Name) -> bool:
    if os.path.exists(one) and os.path.exists(other):
        return os.path.isfile(one) and os.path.samefile(one, other)
    return os.path.realpath(one) == os.path.realpath(other)

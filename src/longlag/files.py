"""Files that longlag writes: whole or not at all, and over nothing that is not its own."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

Name = str | os.PathLike[str]

_END = 2**16  # bytes at each end of a file that tell who wrote it

KINDS: dict[str, Callable[[bytes, bytes], bool]] = {
    "text": lambda head, _: re.match(rb"# longlag \d[\w.+]*: longlag ", head) is not None,
    "JSON": lambda head, _: re.match(rb'\{\n  "longlag": "\d[\w.+]*",\n', head) is not None,
    "HTML": lambda head, _: b'<meta name="generator" content="longlag' in head,
    "safetensors": lambda head, _: head[8:].startswith(b'{"__metadata__":{"longlag":'),
    "CSV": lambda head, _: head.startswith(b"id,seed,problem,framing,model,"),
    "Parquet": lambda _, tail: tail.endswith(b"PAR1") and b"longlag" in tail,
    "NumPy": lambda head, tail: head.startswith(b"PK") and b"targets.npy" in tail,
    "SVG": lambda head, _: re.match(rb"<svg [^>]*><!-- longlag \d", head) is not None,
    "PNG": lambda head, _: head.startswith(b"\x89PNG") and b"Software\0longlag" in head,
    "claims": lambda head, _: b"\n`longlag reproduce --markdown`.\n" in head,
    "data card": lambda head, _: head.startswith(b"---\npretty_name: ") and b"[longlag, " in head,
}
"""What longlag writes, and by which bytes at its ends a file is known to be of its making."""

_PICTURES = {".png": "PNG", ".svg": "SVG"}
_PICTURES |= dict.fromkeys(".bmp .eps .gif .jpeg .jpg .pdf .ps .tif .tiff .webp".split(), "")
_TABLES = {".csv": "CSV", ".parquet": "Parquet"}
_TABLES |= dict.fromkeys(".arrow .feather .ods .pq .tsv .xls .xlsm .xlsx".split(), "")
_ENDINGS = {"text": ".txt", "JSON": ".json", "HTML": ".html", "claims": ".md", "SVG": ".svg"}
_ENDINGS |= {"PNG": ".png", "CSV": ".csv", "Parquet": ".parquet", "safetensors": ".safetensors"}
"""The endings of pictures and of tables, with the kind of those that longlag writes; and the usual
ending of each kind."""

_unfinished: set[str] = set()


@contextlib.contextmanager
def replacing(path: Name) -> Iterator[Path]:
    """A path beside a file, which takes the file's place at the end; an error leaves the old one.

    A link stays and its target is replaced. A device or a pipe is written to as it is.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "notes.txt")
    >>> with replacing(path) as beside:
    ...     _ = beside.write_text("whole")
    >>> path.read_text()
    'whole'
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        with _named(path):
            yield target
        return
    target = Path(os.path.realpath(target))
    beside = target.with_name(f".longlag-{secrets.token_hex(6)}{target.suffix[-80:]}")
    _unfinished.add(str(beside))
    try:
        with _named(path, beside):
            yield beside
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            if target.exists():
                beside.chmod(target.stat().st_mode & 0o7777)
            beside.replace(target)
    finally:
        discard([str(beside)])


@contextlib.contextmanager
def _named(path: Name, beside: Path | None = None) -> Iterator[None]:
    """Have an error of writing name the file that a reader knows, not the one beside it."""
    try:
        yield
    except OSError as error:
        if error.filename is None or error.filename == str(beside):
            error.filename = os.fspath(path)
        raise


def discard(paths: Iterable[str] | None = None) -> None:
    """Remove files that were begun and will not be finished; all of them by default."""
    for beside in list(_unfinished) if paths is None else paths:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        _unfinished.discard(beside)


def write(path: Name, content: str | bytes) -> None:
    """Write a whole file: text as UTF-8."""
    if isinstance(content, str):
        content = content.encode("utf-8", "backslashreplace")
    with replacing(path) as beside:
        beside.write_bytes(content)


def check_outputs(
    outputs: Mapping[str, tuple[Name | None, str]],
    inputs: Mapping[str, Name | None],
    *,
    force: bool = False,
) -> None:
    """Refuse to write over an input, over another output, or over a file that longlag did
    not write.

    Args:
        outputs: The path and the kind (`KINDS`, or `folder`) of each output, by the name of its
            option; None where nothing is written.
        inputs: The files that are read or added to, by the names of their options.
        force: Replace a file that longlag did not write.

    Raises:
        ValueError: A path is that of an input or of another output, holds what longlag did not
            write, or ends as a picture or a table does and would be none.
        OSError: A path cannot be written.
    """
    seen = {name: os.fspath(path) for name, path in inputs.items() if path is not None}
    for name, (path, kind) in outputs.items():
        if path is None:
            continue
        for other, taken in seen.items():
            if any(_same(path, f"{taken}{more}") for more in ("", "-wal", "-shm", ".lock")):
                raise ValueError(
                    f"{name}: {os.fspath(path)} is the file of {other}, which would be lost. Name "
                    "another file."
                )
        seen[name] = os.fspath(path)
        if kind != "folder":
            _check_ending(Path(path), name, outputs)
            _check_file(Path(path), name, kind, force)


def check_folder(folder: Name, own: Mapping[str, str], *, force: bool = False) -> None:
    """Refuse to write into a folder that holds anything but what was written there before.

    Args:
        folder: The folder; it need not exist.
        own: The kind of each file that is written there, by its name.
        force: Write there all the same.

    Raises:
        ValueError: It holds something else.
        OSError: It is no folder, or cannot be written.
    """
    home = Path(folder)
    if home.exists() and not home.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(home))
    for file in sorted(home.iterdir()) if home.exists() and not force else ():
        kind = own.get(file.name)
        if kind is None or not _holds(file, kind):
            raise ValueError(
                f"{home} holds {file.name}, which longlag did not write. Name an empty folder, or "
                "add --force."
            )


def picture_kind(name: str, path: Name | None) -> str:
    """The kind of picture that a path ends as; PNG where there is none.

    Args:
        name: The option that names the path, for the message.
        path: The path.

    Raises:
        ValueError: It ends as no picture that longlag writes.

    >>> picture_kind("--figure", "map.SVG"), picture_kind("--figure", None)
    ('SVG', 'PNG')
    """
    if path is None:
        return "PNG"
    kind = _PICTURES.get(Path(path).suffix.lower(), "")
    if not kind:
        other = Path(path).with_suffix(".png")
        raise ValueError(f"{name}: {path} must end in .png or .svg. Use {name} {other}.")
    return kind


def _check_ending(path: Path, name: str, outputs: Mapping[str, tuple[Name | None, str]]) -> None:
    """Refuse what is no picture, or no table, under the name of one."""
    kind = outputs[name][1]
    ending = Path(re.sub(r"\.(gz|bz2|xz|zip|zst)$", "", path.name.lower())).suffix
    for what, endings in {"picture": _PICTURES, "table": _TABLES}.items():
        if endings.get(ending, kind) == kind:
            continue
        option, right = name, _ENDINGS.get(kind, "")
        if name == "--output":  # the picture or the table that was meant may have an option
            for other, (_, written) in outputs.items():
                if written in endings.values():
                    option, right = other, ending if endings[ending] else _ENDINGS[written]
        raise ValueError(
            f"{name}: {path} ends as a {what} does, but would hold {kind}. Use {option} "
            f"{path.with_suffix(right)}."
        )


def _check_file(path: Path, name: str, kind: str, force: bool) -> None:
    folder = Path(os.path.realpath(path)).parent
    code = 0
    if path.is_dir():
        code = errno.EISDIR
    elif not folder.is_dir():
        code = errno.ENOENT
    elif not os.access(path if path.exists() else folder, os.W_OK):
        code = errno.EACCES
    if code:
        raise OSError(code, os.strerror(code), str(path))
    locks = path.suffix == ".lock" and _is_database(path.with_suffix(""))
    if locks or _is_database(path):
        raise ValueError(
            f"{name}: {path} is a store or belongs to one, and is never written over. Name another "
            "file, or remove it yourself."
        )
    if not force and path.is_file() and not _holds(path, kind):
        raise ValueError(
            f"{name}: {path} is no {kind} file of longlag's, and would be lost. Name another "
            "file, or add --force."
        )


def _is_database(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _holds(path: Path, kind: str) -> bool:
    """Whether a file is empty, or of a kind."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_END)
        file.seek(max(0, path.stat().st_size - _END))
        return not head or KINDS[kind](head, file.read())


def _same(one: Name, other: Name) -> bool:
    if os.path.exists(one) and os.path.exists(other):
        return os.path.isfile(one) and os.path.samefile(one, other)
    return os.path.realpath(one) == os.path.realpath(other)

"""Files that longlag writes: completely or not at all, and never over those of others."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

Name = str | os.PathLike[str]

_END = 2**16  # bytes at each end of a file, to recognise its writer

_COLUMNS = b"id,seed,problem,framing,model,", b"problem,model,", b"problem,target,input,needs,"
_COLUMNS += b"model,name,passed,found,remedy", b"problem,name,passed,found,remedy"
"""The first columns of the tables that longlag writes."""

KINDS: dict[str, Callable[[bytes, bytes], bool]] = {
    "text": lambda head, _: re.match(rb"# longlag \d[\w.+]*: longlag ", head) is not None,
    "JSON": lambda head, _: re.match(rb'\{\n  "longlag": "\d[\w.+]*",\n', head) is not None,
    "HTML": lambda head, _: b'<meta name="generator" content="longlag' in head,
    "safetensors": lambda head, _: head[8:].startswith(b'{"__metadata__":{"longlag":'),
    "CSV": lambda head, _: head.startswith(_COLUMNS),
    "LaTeX": lambda head, _: re.match(rb"% longlag \d", head) is not None,
    "Markdown": lambda head, _: re.match(rb"<!-- longlag \d", head) is not None,
    "Parquet": lambda _, tail: tail.endswith(b"PAR1") and b"longlag" in tail,
    "NumPy": lambda head, tail: head.startswith(b"PK") and b"targets.npy" in tail,
    "SVG": lambda head, _: re.match(rb"<svg [^>]*><!-- longlag \d", head) is not None,
    "PNG": lambda head, _: head.startswith(b"\x89PNG") and b"Software\0longlag" in head,
    "claims": lambda head, _: b"\n`longlag reproduce --markdown`.\n" in head,
    "bundle": lambda head, tail: head.startswith(b"PK") and tail.endswith(b"longlag bundle"),
    "data card": lambda head, _: head.startswith(b"---\npretty_name: ") and b"[longlag, " in head,
}
"""The kinds of files that longlag writes, each with a test of the first and last bytes."""

_PICTURES = {".png": "PNG", ".svg": "SVG"}
_PICTURES |= dict.fromkeys(".bmp .eps .gif .jpeg .jpg .pdf .ps .tif .tiff .webp".split(), "")
_TABLES = {".csv": "CSV", ".parquet": "Parquet"}
_TABLES |= dict.fromkeys(".arrow .feather .ods .pq .tsv .xls .xlsm .xlsx".split(), "")
_DOCUMENTS = {".json": "JSON", ".html": "HTML", ".htm": "HTML", ".tex": "LaTeX"}
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
"""The endings of pictures, of tables and of documents, with the kind if longlag writes it; and the
usual ending of each kind."""

_BESIDE = "-wal", "-shm", "-journal", ".lock"
"""The endings of the files that SQLite and longlag keep beside a store."""

_unfinished: set[str] = set()


@contextlib.contextmanager
def replacing(path: Name) -> Iterator[Path]:
    """Write a temporary file, which replaces the file at the end; after an error the old one stays.

    The target of a link is replaced, not the link. A device or a pipe is written directly.

    Yields:
        The path of the temporary file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "notes.txt")
    >>> with replacing(path) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> path.read_text()
    'whole'
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        with _named(path):
            yield target
        return
    target = Path(os.path.realpath(target))
    temporary = target.with_name(f".longlag-{secrets.token_hex(6)}{target.suffix[-80:]}")
    _unfinished.add(str(temporary))
    try:
        with _named(path, temporary):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            if target.exists():
                temporary.chmod(target.stat().st_mode & 0o7777)
            temporary.replace(target)
    finally:
        discard([str(temporary)])


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
            if any(_same(path, f"{used_path}{suffix}") for suffix in ("", *_BESIDE)):
                raise ValueError(
                    f"{name}: {os.fspath(path)} is the file of {other}, which would be lost. Name "
                    "another file."
                )
        used[name] = os.fspath(path)
        if kind != "folder":
            _check_ending(Path(path), name, outputs)
            _check_file(Path(path), name, kind, force)


def check_folder(folder: Name, own: Mapping[str, str], *, force: bool = False) -> None:
    """Raise if a folder holds anything but files of an earlier output.

    Args:
        folder: The folder; it need not exist.
        own: The kind of each file of the output, by its name.
        force: Accept any other files.

    Raises:
        ValueError: It holds another file.
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
    kind = _PICTURES.get(Path(path).suffix.lower(), "")
    if not kind:
        named = Path(path).name and not Path(path).name.startswith(".")
        other = Path(path).with_suffix(".png") if named else "figure.png"
        raise ValueError(f"{name}: {path} must end in .png or .svg. Use {name} {other}.")
    return kind


def _check_ending(path: Path, name: str, outputs: Mapping[str, tuple[Name | None, str]]) -> None:
    """Raise if a file would have the ending of a picture or a table, but hold something else."""
    kind = outputs[name][1]
    ending = Path(re.sub(r"\.(gz|bz2|xz|zip|zst)$", "", path.name.lower())).suffix
    if kind == "text" and ending == ".json":
        raise ValueError(f"{name}: {path} ends as JSON does. Add --json, or end it in .txt.")
    for what, endings in {"picture": _PICTURES, "table": _TABLES, "page": _DOCUMENTS}.items():
        if endings.get(ending, kind) == kind:
            continue
        option, right = name, _ENDINGS.get(kind, "")
        if name == "--output":  # another option may write that picture or table
            for other, (_, other_kind) in outputs.items():
                if other_kind in endings.values():
                    option, right = other, ending if endings[ending] else _ENDINGS[other_kind]
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
    if _is_database(path) or store_of(path) is not None:
        raise ValueError(
            f"{name}: {path} is a store or belongs to one, and is never written over. Name another "
            "file, or remove it yourself."
        )
    if not force and path.is_file() and not _holds(path, kind):
        raise ValueError(
            f"{name}: {path} is no {kind} file of longlag's, and would be lost. Name another "
            "file, or add --force."
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

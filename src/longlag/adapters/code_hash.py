"""The hash of a user's code: a file, and the files next to it that it imports."""

from __future__ import annotations

import ast
import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from importlib import machinery
from pathlib import Path
from typing import Any, TypeVar

from longlag.adapters import neighbours

T = TypeVar("T")

_UNPARSED = SyntaxError, ValueError, RecursionError, MemoryError  # of ast: no Python, or too deep
_NO_LITERAL = ValueError, TypeError, RecursionError, MemoryError  # of ast.literal_eval
_IMPORTERS = {"importlib", "import_module", "__import__", "runpy", "pkgutil", "pydoc"}
_looked: ContextVar[dict[Any, Any] | None] = ContextVar("looked", default=None)
_FOLDER, _ARCHIVES = "__init__", (".zip", ".egg", ".whl")  # which Python imports from too


@contextlib.contextmanager
def one_look() -> Iterator[None]:
    """Read each file at most once: for the hashes of many modules that import each other."""
    before = _looked.get()
    token = _looked.set({} if before is None else before)
    try:
        yield
    finally:
        _looked.reset(token)


def _once(key: tuple[Any, ...], look: Callable[[], T]) -> T:
    """What a function finds, or what it found before in the same `one_look`."""
    found = _looked.get()
    if found is None:
        return look()
    if key not in found:
        found[key] = look()
    return found[key]


def code_of(file: Path) -> str:
    """The hash of a file and of the files next to it that it imports: 16 hexadecimal digits.

    Those are files of its folder, or of its package. Libraries, comments, docstrings and the
    paths of the files do not count.
    """
    import hashlib  # OpenSSL's, slow to load

    sources = {
        path: _once(("code", path), functools.partial(_without_comments, content))
        for path, content in sources_of(file).items()
    }
    others = {os.path.relpath(path, file.parent): path for path in sources if path != file}
    digest = hashlib.sha256()
    for name, path in sorted({**others, "": file}.items()):
        digest.update(f"{name}\n{len(sources[path])}\n".encode())
        digest.update(sources[path])
    return digest.hexdigest()[:16]


def sources_of(file: Path) -> dict[Path, bytes]:
    """The contents of a file and of the files next to it that it imports, one by another.

    Of an installed library it is the file alone.
    """
    if neighbours.is_installed(str(file)):  # perhaps a large one
        return {file: file.read_bytes()}
    folders = [_home(file)]  # for absolute imports, beside the folder of a source
    sources: dict[Path, bytes] = {}
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path not in sources:
            content = sources[path] = _once(("content", path), path.read_bytes)
            look = functools.partial(_local_imports, path, folders, content)
            found, folders = _once(("imports", path, *folders), look)
            waiting.extend(found)
    return sources


def _without_comments(content: bytes) -> bytes:
    """A source without comments, blank lines, and docstrings that the code does not use."""
    try:
        tree = ast.parse(content)
        for node in () if b"__doc__" in content else ast.walk(tree):
            if not isinstance(
                node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            ):
                continue
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        return ast.unparse(tree).encode()
    except _UNPARSED:
        return content


def _home(file: Path) -> Path:
    """The folder for absolute imports of a file: above its package, if it is in one."""
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        folder = folder.parent
    return folder


def _local_imports(
    file: Path, folders: list[Path], content: bytes
) -> tuple[list[Path], list[Path]]:
    """The files that a source imports from its own folder or package, or from one of these folders.

    And these folders, with those that it may add to `sys.path`.
    """
    try:
        tree = ast.parse(content)
    except _UNPARSED:  # compiled code too
        return [], folders
    added = [*_added_paths(tree, file)]
    folders = [*folders, *(each for each in added if each not in folders and each.is_dir())]
    found = [each for each in added if each.is_file()]
    texts = _texts_of_importers(tree)
    found += [
        each for text in texts if text[-3:] == ".py" and (each := file.parent / text).is_file()
    ]
    statements = itertools.chain.from_iterable(map(_imports, ast.walk(tree)))
    for level, parts in itertools.chain(statements, _named(texts)):
        within = (
            [file.parents[min(level, len(file.parents)) - 1]] if level else [*folders, file.parent]
        )
        stems = (_stems(folder, parts, relative=level > 0) for folder in within)
        for stem in itertools.chain.from_iterable(stems):
            found += _files(stem)
    return found, folders


def _stems(folder: Path, parts: list[str], *, relative: bool) -> Iterator[Path]:
    """Where Python looks for a module, paths without their endings.

    Of a name such as `a.b` that is `a/__init__` too, which runs first.
    """
    *outer, last = parts or [""]
    if outer and not (folder / outer[0]).is_dir():
        return
    if last in ("*", "**"):
        package = folder.joinpath(*outer)
        for name in _exported(package) if last == "*" else _modules_in(package):
            yield from (package / name, package / name / _FOLDER)
        return
    stem = folder.joinpath(*parts)
    yield from (stem, stem / _FOLDER)
    for package in stem.parents[: len(outer) + relative] if parts else ():
        yield package / _FOLDER


def _files(stem: Path) -> list[Path]:
    """The files of a module, compiled ones included; bytecode only without its source."""
    endings = *machinery.EXTENSION_SUFFIXES, *machinery.SOURCE_SUFFIXES
    for some in (endings, machinery.BYTECODE_SUFFIXES):
        if found := [path for end in some if (path := Path(f"{stem}{end}")).is_file()]:
            return found
    return []


def _exported(package: Path) -> Iterable[str]:
    """The submodules that `from package import *` may import: what `__all__` names."""
    try:
        tree = ast.parse((package / f"{_FOLDER}.py").read_bytes())
    except (OSError, *_UNPARSED):
        return []
    names: list[str] = []
    for node in ast.walk(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="__all__"), *_], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.expr() as value)
                | ast.AugAssign(target=ast.Name(id="__all__"), value=value)
                | ast.Call(func=ast.Attribute(value=ast.Name(id="__all__")), args=[value, *_])
            ):
                try:
                    literal = ast.literal_eval(value)
                except _NO_LITERAL:
                    return _modules_in(package)  # computed, so perhaps of all
                names += [literal] if isinstance(literal, str) else map(str, literal or ())
    return [name for name in names if name.isidentifier()]


def _modules_in(package: Path) -> list[str]:
    """The names of all modules and packages in a folder."""
    try:
        names = {each.name.partition(".")[0] for each in package.iterdir()}
    except OSError:
        return []
    return sorted(filter(str.isidentifier, names))


def _texts_of_importers(tree: ast.AST) -> set[str]:
    """The texts of a source that names what imports by a text, whatever it calls that."""
    names, texts = set[str](), set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                names.add(name)
            case ast.alias(name=name) | ast.ImportFrom(module=str(name)):
                names.update(name.split("."))
            case ast.Constant(value=str(text)) if text and "\0" not in text and len(text) < 200:
                texts.add(text)
    return set() if _IMPORTERS.isdisjoint(names | texts) else texts


def _named(texts: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """What a source may import by these texts, as `_imports` has it.

    Too many would only have more files counted. Of `"a.b.Net"` it may be `a.b`, and of `"confs."`,
    to which it adds a name, all in that package.

    >>> list(_named({"a.b"})), list(_named({"a."})), list(_named({"a/b"}))
    ([(0, ['a']), (0, ['a', 'b'])], [(0, ['a']), (0, ['a', '**'])], [])
    """
    names: list[tuple[int, list[str]]] = []
    for text in sorted(texts):
        plain = text.lstrip(".")
        parts = plain.removesuffix(".").split(".")
        if all(map(str.isidentifier, parts)):
            level = len(text) - len(plain)
            names += [(level, parts[:end]) for end in range(1, len(parts) + 1)]
            names += [(level, [*parts, "**"])] if plain[-1] == "." else []
    packages = [parts for level, parts in names if not level]
    for level, parts in names:
        yield level, parts
        for package in packages if level else ():  # import_module(".layers", "package")
            yield 0, package[: len(package) + 1 - level] + parts


def _added_paths(tree: ast.AST, file: Path) -> Iterator[Path]:
    """What a source may add to `sys.path`: by the texts in it, from some folder above.

    Too many would only have more files counted; which ones, running the code alone would tell.
    """
    above = file.parents[:3]
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Attribute(attr="path"), attr="insert" | "append" | "extend"
                ),
                args=arguments,
            ):
                texts = [each for argument in arguments for each in _texts(argument)]
            case (
                ast.Assign(targets=[ast.Attribute(attr="path")])
                | ast.AugAssign(target=ast.Attribute(attr="path"))
            ):
                texts = _texts(node.value)
            case _:
                continue
        for folder in above:
            every = [folder, *(folder / text for text in texts), folder.joinpath(*texts)]
            normal = (Path(os.path.normpath(each)) for each in every)
            for path in normal:
                holds = path.is_dir() or (path.suffix in _ARCHIVES and path.is_file())
                if holds and not neighbours.is_installed(str(path)):
                    yield path


def _texts(node: ast.AST) -> list[str]:
    """The texts in an expression that may be parts of a path, in their order."""
    found = [each for each in ast.walk(node) if isinstance(each, ast.Constant)]
    found.sort(key=lambda each: (each.lineno, each.col_offset))
    texts = (each.value for each in found if isinstance(each.value, str))
    # A text that goes on after a folder, as in f"{folder}/lib", begins with a slash too.
    both = (each for text in texts for each in dict.fromkeys([text, text.lstrip("/")]))
    return [each for each in both if each and "\0" not in each and len(each) < 200]


def _imports(node: ast.AST) -> Iterator[tuple[int, list[str]]]:
    """What a statement imports: the dots before it and its parts.

    >>> list(_imports(ast.parse("from .a import b").body[0]))
    [(1, ['a']), (1, ['a', 'b'])]
    """
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield 0, alias.name.split(".")
        case ast.ImportFrom(module=module, names=names, level=level):
            parts = module.split(".") if module else []
            yield level, parts
            for alias in names:
                yield level, [*parts, alias.name]

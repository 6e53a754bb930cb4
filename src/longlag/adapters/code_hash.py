"""The hash of a user's code: a file, and the files next to it that it imports."""

from __future__ import annotations

import ast
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

_UNPARSED = SyntaxError, ValueError, RecursionError, MemoryError  # of ast: no Python, or too deep


def code_of(file: Path) -> str:
    """The hash of a file and of the files next to it that it imports: 16 hexadecimal digits.

    Those are files of its folder, or of its package. Libraries, comments, docstrings and the
    paths of the files do not count.
    """
    import hashlib  # OpenSSL's, slow to load

    sources = {path: _without_comments(content) for path, content in sources_of(file).items()}
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
    if _is_of_library(file):  # perhaps a large one
        return {file: file.read_bytes()}
    folders = [_home(file)]  # for absolute imports, beside the folder of a source
    sources: dict[Path, bytes] = {}
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path not in sources:
            sources[path] = path.read_bytes()
            waiting.extend(_local_imports(path, folders, sources[path]))
    return sources


def _is_of_library(path: Path) -> bool:
    """Whether it lies where libraries are installed, those of Python itself included."""
    installed = {"site-packages", "dist-packages"} & {*path.parts}
    return bool(installed) or any(each.startswith("python3.") for each in path.parts[-2:])


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


def _local_imports(file: Path, folders: list[Path], content: bytes) -> list[Path]:
    """The files that a source imports from its own folder or package, or from one of these folders.

    The folders that it may add to `sys.path` join them. Of a name such as `a.b` that is
    `a/__init__.py` too, which runs first.
    """
    try:
        tree = ast.parse(content)
    except _UNPARSED:
        return []
    candidates: list[Path] = []
    folders += [each for each in _added_folders(tree, file) if each not in folders]
    for level, parts in itertools.chain.from_iterable(map(_imports, ast.walk(tree))):
        within = (
            [file.parents[min(level, len(file.parents)) - 1]] if level else [*folders, file.parent]
        )
        for folder in within:
            stem = folder.joinpath(*parts)
            packages = stem.parents[: len(parts) - (0 if level else 1)] if parts else ()
            candidates += [stem.with_name(f"{stem.name}.py"), stem / "__init__.py"]
            candidates += [package / "__init__.py" for package in packages]
    return [path for path in candidates if path.is_file()]


def _added_folders(tree: ast.AST, file: Path) -> Iterator[Path]:
    """The folders that a source may add to `sys.path`: by the texts in it, from some folder above.

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
            yield from (each for each in normal if each.is_dir() and not _is_of_library(each))


def _texts(node: ast.AST) -> list[str]:
    """The texts in an expression that may be parts of a path, in their order."""
    found = [each for each in ast.walk(node) if isinstance(each, ast.Constant)]
    found.sort(key=lambda each: (each.lineno, each.col_offset))
    texts = (each.value for each in found if isinstance(each.value, str))
    # A text that goes on after a folder, as in f"{folder}/lib", begins with a slash too.
    both = (each for text in texts for each in dict.fromkeys([text, text.lstrip("/")]))
    return [each for each in both if each and "\0" not in each and len(each) < 200]


def _imports(node: ast.AST) -> Iterator[tuple[int, list[str]]]:
    """What a statement, or a call with a literal name, imports: the dots before it and its parts.

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
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)):
            named = [each.value for each in node.keywords if each.arg == "name"]
            match [*node.args, *named] if called in ("import_module", "__import__") else ():
                case [ast.Constant(value=str(name)), *_]:
                    parts = name.lstrip(".").split(".")
                    if all(map(str.isidentifier, parts)):
                        yield len(name) - len(name.lstrip(".")), parts

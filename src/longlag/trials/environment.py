"""Environments: the libraries, the machine and the device that a trial ran with.

An environment never counts: it stands beside an outcome, and is no part of the name of a trial. It
has no path, no name of a host and none of a user, so that it may be published.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import platform
import re
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from longlag.answers.format import counted, listed
from longlag.version import longlag_version

LIBRARIES = "longlag", "jax", "jaxlib", "equinox", "optax", "numpy"
"""The libraries of every trial."""

ADAPTED = "torch", "keras", "flax"
"""The libraries of trials whose model is one of theirs."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_NUMBER = re.compile(r"\w[\w.+!-]*", re.ASCII)
_BREAK = re.compile(r"[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # or no text at all


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment:
    """The environment of a trial.

    Attributes:
        packages: Version of each library that took part, by name.
        commit: The commit of longlag, where it ran from a checkout; edits since do not show.
        python: Version of Python.
        system: Operating system and type of machine: `Linux x86_64`.
        device: Platform of JAX: `cpu`, `gpu` or `tpu`.
        device_name: Name of the processor or the accelerator; empty where unknown.
        cores: Number of cores that the process could use.
        dtype: Type of numbers of the training: `float32`, `bfloat16` in such a recipe, `float64`
            with `jax_enable_x64`.
        threads: Number of threads that computed it; None where an earlier longlag ran it.
        random_numbers: The generator of JAX, where it is not as usual: models of a user's own may
            draw other weights with it.
    """

    packages: Mapping[str, str]
    commit: str | None
    python: str
    system: str
    device: str
    device_name: str
    cores: int
    dtype: str
    threads: int | None = None
    random_numbers: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Environment:
        """The environment of a document; other fields are ignored."""
        names = [field.name for field in dataclasses.fields(cls) if field.name in document]
        return cls(**{name: document[name] for name in names})

    @property
    def id(self) -> str:
        """Its name in a store: a hash of its document."""
        text = json.dumps(self.document(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def document(self) -> dict[str, Any]:
        """The environment as plain JSON values."""
        return dataclasses.asdict(self)

    @property
    def libraries(self) -> str:
        """The libraries with their versions, as a line."""
        commit = {"longlag": f" ({self.commit[:12]})"} if self.commit else {}
        names = sorted(self.packages, key=lambda name: name != "longlag")
        return ", ".join(f"{name} {self.packages[name]}{commit.get(name, '')}" for name in names)

    @property
    def machine(self) -> str:
        """Python, system, device, cores and type of numbers, as a line."""
        device = f"{self.device} ({self.device_name})" if self.device_name else self.device
        cores = counted(self.cores, "core")
        if self.threads not in (None, self.cores):
            cores += f" ({counted(self.threads, 'thread')})"
        generator = f", random numbers {self.random_numbers}" if self.random_numbers else ""
        return f"Python {self.python}, {self.system}, {device}, {cores}, {self.dtype}{generator}"

    def columns(self) -> dict[str, str | int | None]:
        """The essential parts, as columns of a table of trials."""
        packages = {name: self.packages.get(name) for name in ("longlag", "jax")}
        model = [f"{name} {self.packages[name]}" for name in ADAPTED if name in self.packages]
        names = "commit", "python", "system", "device", "dtype", "threads"
        rest = {name: getattr(self, name) for name in names}
        return packages | {"model_library": " ".join(model)} | rest


def here(model: Any = None, dtype: str = "float32") -> Environment:
    """The environment of this process.

    Args:
        model: A trained model; the library that it is from is then named too.
        dtype: Type of numbers of the recipe.

    >>> sorted(here().packages)
    ['equinox', 'jax', 'jaxlib', 'longlag', 'numpy', 'optax']
    """
    import jax

    from longlag.training.loop import cores

    library, device = _library(model), jax.local_devices()[0]
    names = (*LIBRARIES, library) if library else LIBRARIES
    wide = jax.config.read("jax_enable_x64")
    return Environment(
        packages={name: _version(name) for name in names},
        commit=commit_of(Path(__file__).parents[1]),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}".strip(),
        device=device.platform,
        device_name=_processor() if device.platform == "cpu" else device.device_kind,
        cores=cores(),
        dtype="float64" if wide and dtype == "float32" else dtype,
        threads=1 if library == "torch" else cores(),  # PyTorch's are one while it trains
        random_numbers=_random_numbers(),
    )


def _random_numbers() -> str:
    """The generator of JAX, where it is not as usual."""
    import jax

    names = "jax_default_prng_impl", "jax_threefry_partitionable"
    generator, partitionable = (getattr(jax.config, name) for name in names)
    if generator != "threefry2x32":
        return generator
    return "" if partitionable else f"{generator}, not partitionable"


def is_version(name: str, number: str) -> bool:
    """Whether a library and its version are what an index may have.

    >>> is_version("torch", "2.13.0+cpu"), is_version("jax", "0.1\\n--index-url x")
    (True, False)
    """
    return bool(_NAME.fullmatch(name) and _NUMBER.fullmatch(number))


def fault(document: Mapping[str, Any]) -> str:
    """The first text of an environment that is no name, version or line; empty where none is."""
    for name, number in document["packages"].items():
        if not is_version(name, number):
            return f"`packages` has {json.dumps({name: number})[:60]}"
    for name, value in document.items():
        if isinstance(value, str) and _BREAK.search(value):
            return f"`{name}` is {json.dumps(value)[:60]}"
    return ""


def distinct(environments: Iterable[Environment | None]) -> list[Environment]:
    """The different environments, each once, in their order."""
    found: list[Environment] = []
    for each in environments:
        if each is not None and each not in found:
            found.append(each)
    return found


def libraries(environments: Iterable[Environment | None]) -> str:
    """The versions of longlag and of what trained, for a caption: `longlag 0.1.0, jax 0.10.2`."""
    packages = [each.packages for each in environments if each is not None]
    if not packages:
        return f"longlag {longlag_version()}"
    numbers = {
        name: dict.fromkeys(each[name] for each in packages if name in each)
        for name in ("longlag", "jax", *ADAPTED)
    }
    return ", ".join(f"{name} {listed(every)}" for name, every in numbers.items() if every)


@functools.cache
def commit_of(package: Path) -> str | None:
    """The commit of the checkout whose `src` has this package; None where there is none.

    Read from the files of git: no process is started.
    """
    if package.parent.name != "src":  # else another project's checkout around its environment
        return None
    try:
        home = package.parents[1] / ".git"
        if home.is_file():  # a work tree
            home = home.parent / home.read_text("utf-8").removeprefix("gitdir:").strip()
        head = (home / "HEAD").read_text("utf-8").strip()
        if not head.startswith("ref:"):
            return _hash(head)
        name = head.removeprefix("ref:").strip()
        common = home / "commondir"  # of a work tree
        shared = home / common.read_text("utf-8").strip() if common.is_file() else home
        for each in (home, shared):
            if (each / name).is_file():
                return _hash((each / name).read_text("utf-8").strip())
        packed = (shared / "packed-refs").read_text("utf-8").splitlines()
        lines = (line.partition(" ") for line in packed)
        return next((_hash(commit) for commit, _, each in lines if each == name), None)
    except (OSError, ValueError):
        return None


def _hash(text: str) -> str | None:
    return text if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", text) else None


_version = functools.cache(metadata.version)


@functools.cache
def _processor() -> str:
    """The name of the processor; empty where unknown."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:(.*)$", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def _library(model: Any) -> str | None:
    """The library of `ADAPTED` that a model is from; None for any other model."""
    model = getattr(model, "model", model)  # inside `OneHotInput`
    program = getattr(model, "program", None)
    maker = type(model) if program is None else program.call
    name = str(getattr(maker, "__module__", "")).removeprefix("longlag.adapters.models.")
    return name if name in ADAPTED else None

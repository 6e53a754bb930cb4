"""Messages between a coordinator and its workers: frames of JSON and bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Generator, Mapping
from typing import IO, Any, NamedTuple

_LENGTHS = struct.Struct("<IQ")

STOP = "stop"


class Task(NamedTuple):
    """A trial to run.

    Attributes:
        id: Name of the trial.
        setting: Its setting, as a document.
        seed: Its seed.
        keep: Whether the trained model is wanted.
        parts: The versions of the parts it uses, which the worker must have too.
    """

    id: str
    setting: Mapping[str, Any]
    seed: int
    keep: bool = False
    parts: str | None = None


class TrialProgress(NamedTuple):
    """How far a trial has come: updates made and to be made, latest loss and accuracy."""

    id: str
    updates: int
    total: int
    loss: float
    accuracy: float


class TrialDone(NamedTuple):
    """A finished trial: its outcome as a document, and the trained model where wanted."""

    id: str
    outcome: dict[str, Any]
    weights: bytes | None = None


class TrialFailed(NamedTuple):
    """A trial that came to nothing, and why."""

    id: str
    why: str


Perform = Callable[[Task], Generator[TrialProgress, None, TrialDone]]
"""Runs a task: yields progress, returns what came out. Closing it ends the trial."""


def send(stream: IO[bytes], document: Mapping[str, Any], content: bytes | None = None) -> None:
    """Write a frame."""
    text = json.dumps(document).encode()
    stream.write(_LENGTHS.pack(len(text), 0 if content is None else len(content)))
    stream.write(text)
    stream.write(content or b"")
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes | None] | None:
    """Read a frame; None at the end of the stream, or where it is cut off."""
    head = stream.read(_LENGTHS.size)
    if len(head) < _LENGTHS.size:
        return None
    text, content = _LENGTHS.unpack(head)
    body = stream.read(text + content)
    if len(body) < text + content:
        return None
    return json.loads(body[:text]), body[text:] or None

"""Messages between a coordinator and its workers: frames of JSON and bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Generator, Mapping
from typing import IO, Any, NamedTuple

import numpy as np

from longlag.events import Advanced, Event, Finished, Scored, Started

_LENGTHS = struct.Struct("<IQ")

_EVENTS = {kind.__name__.lower(): kind for kind in (Started, Advanced, Scored, Finished)}

STOP = "stop"
FREE = "free"
READY = "ready"


class Task(NamedTuple):
    """A job: a setting to be trained with several seeds. Each of them is a trial.

    Attributes:
        id: Name of the job.
        setting: The setting, as a document.
        seeds: The seeds.
        keep: Those of which the trained model is wanted.
        parts: The versions of the parts it uses, which the worker must have too.
    """

    id: str
    setting: Mapping[str, Any]
    seeds: tuple[int, ...]
    keep: tuple[int, ...] = ()
    parts: str | None = None

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Task:
        """The task whose `_asdict` went through JSON."""
        task = cls(**written)
        return task._replace(seeds=tuple(task.seeds), keep=tuple(task.keep))


Perform = Callable[[Task], Generator[Event]]
"""Runs a task: yields what becomes of each seed. Closing it ends the task."""


def document(event: Event) -> dict[str, Any]:
    """An event as plain values, but for the weights; of losses only their mean."""
    written = {"say": type(event).__name__.lower(), **vars(event)}
    if isinstance(event, Advanced):
        written["losses"] = [event.loss]
    written.pop("weights", None)
    return written


def event(written: Mapping[str, Any], weights: bytes | None = None) -> Event:
    """The event that `document` wrote, with its weights."""
    fields: dict[str, Any] = dict(written)
    kind = _EVENTS[fields.pop("say")]
    if kind is Advanced:
        fields["losses"] = np.array(fields["losses"])
    if weights is not None:
        fields["weights"] = weights
    return kind(**fields)


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

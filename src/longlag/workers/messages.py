"""Messages between a coordinator and its workers: frames of JSON and bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Generator, Mapping
from typing import IO, Any, NamedTuple

import numpy as np

from longlag.events import Advanced, Event, Finished, Scored, Started

_HEAD = struct.Struct("<4sIQ")  # the magic number, and the bytes of both parts

_MAGIC = b"llag"

_MOST_TEXT, _MOST_CONTENT = 2**28, 2**36  # bytes of a part of a frame, at most

_EVENTS = {kind.__name__.lower(): kind for kind in (Started, Advanced, Scored, Finished)}

STOP = "stop"
FREE = "free"
READY = "ready"


class Job(NamedTuple):
    """A setting to be trained with several seeds. Each of them is a trial.

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
    def read(cls, written: Mapping[str, Any]) -> Job:
        """The job whose `_asdict` went through JSON."""
        job = cls(**written)
        return job._replace(seeds=tuple(job.seeds), keep=tuple(job.keep))


Perform = Callable[[Job], Generator[Event]]
"""Runs a job: yields what becomes of each seed. Closing it ends the job."""


def to_document(event: Event) -> dict[str, Any]:
    """An event as plain values, but for the weights; of losses only their mean."""
    written = {"type": type(event).__name__.lower(), **vars(event)}
    if isinstance(event, Advanced):
        written["losses"] = [event.loss]
    written.pop("weights", None)
    return written


def is_event(document: Mapping[str, Any]) -> bool:
    """Whether `to_document` wrote a message."""
    return document.get("type") in _EVENTS


def to_event(document: Mapping[str, Any], weights: bytes | None = None) -> Event:
    """The event that `to_document` wrote, with its weights."""
    fields: dict[str, Any] = dict(document)
    kind = _EVENTS[fields.pop("type")]
    if kind is Advanced:
        fields["losses"] = np.array(fields["losses"])
    if weights is not None:
        fields["weights"] = weights
    return kind(**fields)


def send(stream: IO[bytes], document: Mapping[str, Any], content: bytes | None = None) -> None:
    """Write a frame."""
    text = json.dumps(document).encode()
    stream.write(_HEAD.pack(_MAGIC, len(text), 0 if content is None else len(content)))
    stream.write(text)
    stream.write(content or b"")
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes | None] | None:
    """Read a frame; None at the end of the stream, or where it is cut off.

    Raises:
        ValueError: What comes is no frame.
    """
    head = stream.read(_HEAD.size)
    if head[: len(_MAGIC)] != _MAGIC[: len(head)]:
        raise ValueError(f"{head!r} is no message")
    if len(head) < _HEAD.size:
        return None
    _, text, content = _HEAD.unpack(head)
    if text > _MOST_TEXT or content > _MOST_CONTENT:
        raise ValueError(f"a message of {text + content:,} bytes is too long")
    body = stream.read(text + content)
    if len(body) < text + content:
        return None
    document = json.loads(body[:text])
    if not isinstance(document, dict):
        raise ValueError(f"{document!r} is no message")
    return document, body[text:] or None

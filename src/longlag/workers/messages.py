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

_MAX_TEXT, _MAX_CONTENT = 2**28, 2**36  # bytes of a part of a frame

_EVENTS = {kind.__name__.lower(): kind for kind in (Started, Advanced, Scored, Finished)}

STOP = "stop"
FREE = "free"
READY = "ready"


class Job(NamedTuple):
    """A setting to train with several seeds. Each of them is a trial.

    Attributes:
        id: Name of the job.
        setting: The setting, as a document.
        seeds: The seeds.
        keep: The seeds whose trained models are returned.
        parts: The versions of the parts it uses, which the worker must have too.
    """

    id: str
    setting: Mapping[str, Any]
    seeds: tuple[int, ...]
    keep: tuple[int, ...] = ()
    parts: str | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Job:
        """The job of a document: its `_asdict` after JSON."""
        job = cls(**document)
        return job._replace(seeds=tuple(job.seeds), keep=tuple(job.keep))


Perform = Callable[[Job], Generator[Event]]
"""Runs a job: yields the events of each seed. Closing the generator ends the job."""


def to_document(event: Event) -> dict[str, Any]:
    """An event as plain JSON values, without weights, and with the mean of losses."""
    document = {"type": type(event).__name__.lower(), **vars(event)}
    if isinstance(event, Advanced):
        document |= {"losses": [event.loss], "shares": None}
    document.pop("weights", None)
    return document


def is_event(document: Mapping[str, Any]) -> bool:
    """Whether a message is an event."""
    return document.get("type") in _EVENTS


def to_event(document: Mapping[str, Any], weights: bytes | None = None) -> Event:
    """The event of a document, with its weights."""
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
    """Read a frame; None at the end of the stream, or if it ends inside a frame.

    Raises:
        ValueError: The stream has another format.
    """
    head = stream.read(_HEAD.size)
    if head[: len(_MAGIC)] != _MAGIC[: len(head)]:
        raise ValueError(f"{head!r} is not a message")
    if len(head) < _HEAD.size:
        return None
    _, text, content = _HEAD.unpack(head)
    if text > _MAX_TEXT or content > _MAX_CONTENT:
        raise ValueError(f"a message of {text + content:,} bytes is too long")
    body = stream.read(text + content)
    if len(body) < text + content:
        return None
    document = json.loads(body[:text])
    if not isinstance(document, dict):
        raise ValueError(f"{document!r} is not a message")
    return document, body[text:] or None

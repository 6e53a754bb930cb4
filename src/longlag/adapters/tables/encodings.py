"""Encodings of text that is not UTF-8."""

from __future__ import annotations

import contextlib
import re

_SAMPLE = 2**16  # bytes that show the letters of a text

_LETTERS = {
    "CP932": r"[\u00a1-\u9fff]",
    "CP949": r"[\u00a1-\u33ff\uac00-\ud7a3]",
    "CP1251": r"[\u00b0\u0400-\u045f\u2000-\u2122]",
    "GBK": r"[\u00a1-\u9fff]",
}
"""Encodings by their names for iconv, with the letters of most texts in them; first Shift-JIS,
whose bytes are letters of CP949 too."""


def is_other(content: bytes) -> bool:
    """Whether text that is not UTF-8 is not Windows-1252 either: its letters have several bytes."""
    if re.search(rb"[\x81\x8d\x8f\x90\x9d]", content):  # which that does not have
        return True
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", content)]
    return max(runs) > 2 and 2 * sum(run for run in runs if run > 1) > sum(runs)


def likely(content: bytes) -> str:
    """The encoding in which the largest share of other letters than ASCII are of its language.

    >>> [likely(text.encode(name)) for text, name in [("기온", "cp949"), ("温度", "gbk")]]
    ['CP949', 'GBK']
    """
    shares = dict.fromkeys(_LETTERS, 0.0)
    start = content[:_SAMPLE].rpartition(b"\n")[0] or content
    for name, letters in _LETTERS.items():
        with contextlib.suppress(UnicodeDecodeError):
            others = re.sub(r"[\x00-\x7f]", "", start.decode(name))
            shares[name] = len(re.findall(letters, others)) / max(1, len(others))
    return max(shares, key=shares.__getitem__)

"""Encodings of text that is not UTF-8."""

from __future__ import annotations

import contextlib
import re

_SAMPLE = 2**16  # bytes that show the letters of a text

_SMALL, _LARGE = "[\u0430-\u045f]", "[\u0400-\u042f]"
_LETTERS = {
    "CP932": r"[\u00a1-\u9fff]",
    "CP949": r"[\u00a1-\u33ff\uac00-\ud7a3]",
    "CP1251": rf"\b(?:{_SMALL}?{_LARGE}?{_SMALL}+|{_LARGE}+)\b|[\u00b0\u2000-\u2122]",
    "GBK": r"[\u00a1-\u9fff]",
}
"""Encodings by their names for iconv, with the letters of most texts in them; first Shift-JIS,
whose bytes are letters of CP949 too. In Cyrillic words no large letter follows a small one."""

_WORDS = {
    "CP932": "日付|日時|年月|時刻",
    "CP949": "날짜|일자|일시|시간|연도|년월",
    "CP1251": r"(?i)\b(?:дата|год|время|месяц)\b",
    "GBK": "日期|时间|年份|月份|年月",
}
"""Names of times, which decide."""


def is_other(content: bytes) -> bool:
    """Whether text that is not UTF-8 is not Windows-1252 either: its letters have several bytes."""
    if re.search(rb"[\x81\x8d\x8f\x90\x9d]", content):  # which that does not have
        return True
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", content)]
    return max(runs) > 2 and 2 * sum(run for run in runs if run > 1) > sum(runs)


def likely(content: bytes) -> str:
    """The encoding in which there is the name of a time, or most other letters than ASCII fit.

    >>> [likely(text.encode(name)) for text, name in [("기온", "cp949"), ("温度", "gbk")]]
    ['CP949', 'GBK']
    """
    shares: dict[str, tuple[bool, float]] = dict.fromkeys(_LETTERS, (False, 0.0))
    start = content[:_SAMPLE].rpartition(b"\n")[0] or content
    for name, letters in _LETTERS.items():
        with contextlib.suppress(UnicodeDecodeError):
            text = start.decode(name)
            others = re.sub(r"[\x00-\x7f]", "", text)
            share = sum(map(len, re.findall(letters, text))) / max(1, len(others))
            shares[name] = re.search(_WORDS[name], text) is not None, share
    return max(shares, key=shares.__getitem__)

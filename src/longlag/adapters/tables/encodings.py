"""Encodings of text that is not UTF-8."""

from __future__ import annotations

import codecs
import contextlib
import re
import shlex

_SAMPLE = 2**16  # bytes that show the letters of a text
_SHOWN = 30  # letters of a text as it may be read

_SMALL, _LARGE = "[\u0430-\u045f]", "[\u0400-\u042f]"
_CYRILLIC = rf"\b(?:{_SMALL}?{_LARGE}?{_SMALL}+|{_LARGE}+)\b|[\u00b0\u2000-\u2122]"
_LETTERS = {
    "CP932": r"[\u00a1-\u9fff]",
    "CP949": r"[\u00a1-\u33ff\uac00-\ud7a3]",
    "CP1251": _CYRILLIC,
    "GBK": r"[\u00a1-\u9fff]",
    "KOI8-R": _CYRILLIC,
    "CP866": _CYRILLIC,
    "BIG5": r"[\u4e00-\u9fff]",
    "EUC-JP": r"[\u3040-\u9fff]",
    "CP1253": r"[\u0370-\u03ff]",
    "CP1255": r"[\u0590-\u05ff]",
    "CP1256": r"[\u0600-\u06ff]",
}
"""Encodings by their names for iconv, with the letters of most texts in them; first Shift-JIS,
whose bytes are letters of CP949 too. In Cyrillic words no large letter follows a small one."""

_RUSSIAN = r"(?i)\b(?:дата|год|время|месяц|день)\b"
_JAPANESE = "日付|日時|年月|時刻|気温"
_WORDS = {
    "CP932": _JAPANESE,
    "CP949": "날짜|일자|일시|시간|연도|년월",
    "CP1251": _RUSSIAN,
    "GBK": "日期|时间|年份|月份|年月",
    "KOI8-R": _RUSSIAN,
    "CP866": _RUSSIAN,
    "BIG5": "日期|時間|年份|月份|年月",
    "EUC-JP": _JAPANESE,
    "CP1253": r"(?i)\b(?:ημερομηνία|ώρα|έτος|μήνας)\b",
    "CP1255": r"\b(?:תאריך|שעה|שנה|חודש)\b",
    "CP1256": r"\b(?:التاريخ|تاريخ|الوقت|السنة)\b",
}
"""Names of times, which decide."""

_WINDOWS = "CP1250", "CP1254"  # of Latin letters too: of Central Europe, of Turkey


def decoded(name: str, content: bytes) -> tuple[str, list[str]]:
    """The text of a file, and what was assumed of it.

    Raises:
        ValueError: It is not in UTF-8, UTF-16 or Windows-1252.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return content.decode(encoding, errors="replace"), []
    try:
        return content.decode("utf-8"), []
    except UnicodeDecodeError as error:
        if b"\0" in content:
            raise ValueError(
                f"{name} is no CSV file: it holds bytes that are no text (byte {error.start}). "
                "Save it as CSV in UTF-8."
            ) from error
        if is_other(content):
            encoding = likely(content)
            others = "Shift-JIS, GBK, EUC-KR or Windows-1251"
            raise ValueError(
                f"{name} is not in UTF-8, but in an encoding such as {others}, by its letters "
                f"probably {encoding}, as which it has {_letters(content, encoding)!r}. Convert "
                f"it: {_convert(name, encoding)}"
            ) from error
        return content.decode("cp1252", errors="replace"), [_assumed(name, content)]


def _convert(name: str, encoding: str) -> str:
    return f"iconv -f {encoding} -t UTF-8 {shlex.quote(name)} > utf8.csv"


def _letters(content: bytes, encoding: str) -> str:
    """The first text of other letters than ASCII."""
    text = content[:_SAMPLE].decode(encoding, errors="replace")
    found = re.search(r"[^\W\d_]*[^\x00-\x7f][^\n\r,;\t|\"]*", text)
    return found[0][:_SHOWN] if found else ""


def _assumed(name: str, content: bytes) -> str:
    """That a file is read as Windows-1252, with a word that is another in another encoding."""
    plain, text = content[:_SAMPLE].decode("cp1252", errors="replace"), "read as Windows-1252"
    for encoding in _WINDOWS:
        other = content[:_SAMPLE].decode(encoding, errors="replace")
        for word in re.finditer(r"[^\s,;|\"']*[^\x00-\x7f][^\s,;|\"']*", plain):
            begin, end = word.span()
            if any(_is_letter(plain, other, at) for at in range(begin, end)):
                return (
                    f"{text}, not UTF-8: if `{word[0][:_SHOWN]}` should be another word, such as "
                    f"`{other[begin:end][:_SHOWN]}` of {encoding}, use "
                    f"{_convert(name, encoding)}"
                )
    return f"{text}, not UTF-8"


def _is_letter(plain: str, other: str, at: int) -> bool:
    """Whether a byte is another letter in another encoding, and no sign after a word, as in m³."""
    inside = plain[at].isalpha() or plain[at + 1 : at + 2].isalpha()
    return plain[at] != other[at] and other[at].isalpha() and inside


def is_other(content: bytes) -> bool:
    """Whether text that is not UTF-8 is not Windows-1252 either: its letters have several bytes."""
    if re.search(rb"[\x81\x8d\x8f\x90\x9d]", content):  # which that does not have
        return True
    if len(re.findall(rb"\x83[\x40-\x96]", content)) > 1:  # katakana of Shift-JIS, else ƒ
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
    best = max(shares, key=shares.__getitem__)
    return _WINDOWS[0] if not shares[best][0] and _is_latin(start) else best


def _is_latin(content: bytes) -> bool:
    """Whether most letters other than ASCII are one or two in a word of ASCII letters."""
    try:
        content.decode(_WINDOWS[0])  # which has not the bytes that most kana begin with
    except UnicodeDecodeError:
        return False
    within = re.findall(rb"(?i)(?<=[a-z])[\x80-\xff]{1,2}(?![\x80-\xff])", content)
    return 2 * sum(map(len, within)) > len(re.findall(rb"[\x80-\xff]", content))

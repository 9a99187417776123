"""Drawing in SVG: shapes, and text that is cut to fit the space it has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from kuryr_runbook.model.visible import visible

EMS = {
    letter: em
    for letters, em in (
        ("ijlIJ'", 0.3),
        (" .,:;|/\\-f!", 0.38),
        ("rt()[]", 0.42),
        ('"*_`?szc', 0.55),
        ("abdeghknopquvxyEFLPSTYZ0123456789{}", 0.65),
        ("w#+<=>~^&", 0.85),
        ("mMW%@\u2026\u2014", 1.0),
    )
    for letter in letters
}
"""Widths of letters in DejaVu Sans, one of the widest fonts, as fractions of the font's size."""
USUAL, FOREIGN = 0.79, 1.1
BOLD = 1.15
"""How much wider bold letters are."""
SEPARATORS = "/-_.:, "
"""Behind these a name may be broken."""
HINT = 300
"""Longest hint; longer ones are cut."""


@dataclass(frozen=True, slots=True)
class Font:
    """A kind of text."""

    name: str
    """Its class in the style sheet, which must set the same size and weight."""
    size: float
    bold: bool = False

    def width(self, text: str) -> float:
        """The most space that the text can need, in the widest of the usual fonts."""
        return sum(map(_em, text)) * self.size * (BOLD if self.bold else 1)

    def fitted(self, text: str, room: float) -> str:
        """The text, with its middle replaced by an ellipsis if it is too long.

        Names often differ at their ends.
        """
        if self.width(text) <= room:
            return text
        # No text with this many letters would fit.
        kept = min(len(text), int(room))
        while kept > 1:
            kept -= 1
            short = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
            if self.width(short) <= room:
                return short
        return "…" if self.width("…") <= room else ""

    def begun(self, text: str, room: float) -> str:
        """The text, cut at its end if it is too long: a sentence's end matters less."""
        if self.width(text) <= room:
            return text
        return f"{text[: self._fitting(text, room - self.width('…'))].rstrip()}…"

    def wrapped(self, text: str, room: float) -> tuple[str, ...]:
        """The text in one row or two, broken behind a separator if there is one.

        Only what is too long for two rows is cut, in the middle of the second.
        """
        if self.width(text) <= room:
            return (text,)
        most = self._fitting(text, room)
        separators = [index + 1 for index in range(most // 3, most) if text[index] in SEPARATORS]
        first = separators[-1] if separators else most
        return (text[:first].rstrip(), self.fitted(text[first:].lstrip(), room))

    def _fitting(self, text: str, room: float) -> int:
        """How many of the first letters fit."""
        used = 0.0
        for index, letter in enumerate(text):
            used += self.width(letter)
            if used > room:
                return index
        return len(text)


def _em(letter: str) -> float:
    return EMS.get(letter) or (USUAL if letter.isascii() else FOREIGN)


def clean(text: str) -> str:
    """The text on one line, without characters that reverse, hide or end the text around them."""
    return visible(re.sub(r"\s+", " ", text)).strip()


def group(parent: Element, hint: str = "") -> Element:
    """A group; its hint appears when the pointer rests on it."""
    element = SubElement(parent, "g")
    if text := clean(hint):
        SubElement(element, "title").text = text if len(text) <= HINT else f"{text[:HINT]}…"
    return element


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """Halfway between its left and right edges."""
        return self.x + self.width / 2


def rectangle(parent: Element, area: Area, kind: str, radius: float = 4) -> None:
    """A rectangle of that kind."""
    numbers = {"x": area.x, "y": area.y, "width": area.width, "height": area.height, "rx": radius}
    SubElement(parent, "rect", {"class": kind, **{k: _number(v) for k, v in numbers.items()}})


def words(
    parent: Element, place: tuple[float, float], text: str, font: Font, anchor: str = "start"
) -> None:
    """A text that starts, is centered, or ends at the place, depending on `anchor`."""
    x, y = map(_number, place)
    how = {} if anchor == "start" else {"text-anchor": anchor}
    SubElement(parent, "text", {"class": font.name, "x": x, "y": y, **how}).text = text


def path(parent: Element, corners: list[tuple[float, float]], kind: str) -> None:
    """A line through the corners."""
    points = "L".join(f"{_number(x)} {_number(y)}" for x, y in corners)
    SubElement(parent, "path", {"class": kind, "d": f"M{points}"})


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

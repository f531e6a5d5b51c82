"""Which characters force Unicode, for how many recipients, and what that costs. Pure."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, TypeAlias

from allmysms_async.batch.chunk import Chunk
from allmysms_async.model import People
from allmysms_async.preview.measure import Measure
from allmysms_async.preview.result import UnicodeCharacter
from allmysms_async.text import Coding, Template, forces_unicode, gsm_units, plain_gsm, transliterate
from allmysms_async.text.length import size_of

__all__ = ["Characters"]

_MOST_CHARACTERS = 300
# Of values and texts that are looked at once: names repeat.
_MOST_KEPT = 4096


# What replacing characters loses, of several the worst: nothing that anybody misses (quotes, spaces, dashes), something
# (accents, ligatures), all where nothing stands for one of them. Figures, since they are hashed for each row.
_NOTHING, _SOMETHING, _ALL = range(3)

_Mark: TypeAlias = tuple[tuple[str, ...], int]


class _Look(NamedTuple):
    """What there is to say of a text or a value.

    Attributes:
        mark: Characters that GSM-7 lacks, each once, and what replacing them all would lose.
        plain: The text with all of them replaced, or left out where nothing stands for them.
    """

    mark: _Mark
    plain: str


class _Alone(NamedTuple):
    """What stands for a character by itself.

    Attributes:
        by: What of GSM-7 does, nothing if nothing can.
        loss: What that loses.
        depends: Whether what is beside it matters: a letter before an accent, a figure beside one.
    """

    by: str
    loss: int
    depends: bool


class _Figures:
    """What is counted of a character."""

    __slots__ = ("extra", "recipients", "where")

    def __init__(self, where: tuple[int, int | None]) -> None:
        self.recipients = self.extra = 0
        self.where = where


_CLEAN: _Mark = ((), _NOTHING)


class Characters:
    """Counts the characters of chunks that are sent as Unicode.

    Args:
        template: The campaign's.

    Attributes:
        recipients: Whose texts are sent as Unicode.
        parts: Of those texts.
        savable: Parts of them that replacing characters would save, where each has a replacement.
        lossless: Those of the savable that ``gsm_replacements=True`` saves.
        chosen: Parts that they take over GSM-7 although nothing forces Unicode.
        more: Whether there were more different characters than are kept.
    """

    def __init__(self, template: Template) -> None:
        self.recipients = self.parts = self.savable = self.lossless = self.chosen = 0
        self.more = False
        self._template = template
        self._figures: dict[str, _Figures] = {}
        self._alone: dict[str, _Alone] = {}
        self._looks: dict[str, _Look] = {}
        self._own = self._look(template.text)
        # What the texts would be in GSM-7; a placeholder stays one.
        self._measure = Measure(Template(self._own.plain, template.appended)) if template.count else None

    def add(self, chunk: Chunk, parts: Sequence[int] | int) -> None:
        """Count a chunk.

        Args:
            chunk: One that is sent as Unicode.
            parts: Of each row's text, or of all of them where they are the same.
        """
        rows = len(chunk.rows)
        self.recipients += rows
        self.parts += chunk.parts
        people = People.of(chunk.recipients)
        now = [parts] * rows if isinstance(parts, int) else parts
        if not chunk.params or people is None or self._measure is None:
            look = self._look(chunk.text)
            whole = look.plain + self._template.appended
            after = size_of(Coding.GSM7, gsm_units(whole) or 0, lambda: whole).parts
            self._fold(look.mark, sum(now), rows * after, rows, chunk, 0)
            return
        plain: list[Sequence[str]] = []
        marks: list[list[_Mark]] = []
        for column in people.values[: chunk.params]:
            if plain_gsm("".join(column)):
                plain.append(column)
            else:
                known = self._looks
                looks = [known.get(value) or self._look(value) for value in column]
                plain.append([look.plain for look in looks])
                marks.append([look.mark for look in looks])
        after_each = self._measure.parts(Coding.GSM7, plain)
        for (before, after, *each), count in Counter(zip(now, after_each, *marks, strict=True)).items():
            foreign = tuple(dict.fromkeys(chain(self._own.mark[0], *(mark[0] for mark in each))))
            loss = max(self._own.mark[1], *(mark[1] for mark in each), _NOTHING)
            at = 0
            if marks and any(character not in self._figures for character in foreign):
                at = list(zip(*marks, strict=True)).index(tuple(each))
            self._fold((foreign, loss), count * before, count * after, count, chunk, at)

    def _fold(self, mark: _Mark, before: int, after: int, recipients: int, chunk: Chunk, at: int) -> None:
        """Count recipients whose texts hold the same characters; ``at`` is where one of them is."""
        foreign, loss = mark
        if not foreign:
            self.chosen += before - after
        elif loss != _ALL:
            self.savable += before - after
            self.lossless += before - after if loss == _NOTHING else 0
        for character in foreign:
            figures = self._figures.get(character)
            if figures is None:
                if len(self._figures) >= _MOST_CHARACTERS:
                    self.more = True
                    continue
                where = (chunk.rows[at], chunk.recipients[at].line)
                figures = self._figures[character] = _Figures(where)
            figures.recipients += recipients
            figures.extra += before - after

    def _look(self, text: str) -> _Look:
        """Look at a text or a value, by itself."""
        foreign = forces_unicode(text)
        look = self._replaced(text, foreign) if foreign else _Look(_CLEAN, text)
        if len(self._looks) >= _MOST_KEPT:
            self._looks.clear()
        self._looks[text] = look
        return look

    def _replaced(self, text: str, foreign: tuple[str, ...]) -> _Look:
        """Look at a text with characters that GSM-7 lacks."""
        plain, worst = text, _NOTHING
        for character in foreign:
            alone = self._alone.get(character) or self._look_at(character)
            if alone.depends:
                break
            plain = plain.replace(character, alone.by)
            worst = max(worst, alone.loss)
        else:
            return _Look((foreign, worst), plain)
        report = transliterate(text)
        plain = report.text
        for character in report.left:
            plain = plain.replace(character, "")
        loss = _NOTHING if all(change.lossless for change in report.changes) else _SOMETHING
        return _Look((foreign, _ALL if report.left else loss), plain)

    def _look_at(self, character: str) -> _Alone:
        """Look at a character, wherever it stands."""
        report = transliterate(character)
        by = "" if report.left else report.text
        lossless = all(change.lossless for change in report.changes)
        loss = _ALL if report.left else _NOTHING if lossless else _SOMETHING
        depends = unicodedata.category(character)[0] in "MN" or any(map(str.isdigit, by))
        if len(self._alone) >= _MOST_KEPT:
            self._alone.clear()
        self._alone[character] = alone = _Alone(by, loss, depends)
        return alone

    def found(self) -> tuple[UnicodeCharacter, ...]:
        """Return the characters, the dearest first."""
        ordered = sorted(self._figures.items(), key=lambda item: (-item[1].extra, -item[1].recipients, item[0]))
        return tuple(
            UnicodeCharacter(
                character=character,
                recipients=figures.recipients,
                extra_parts=figures.extra,
                replacement=None if (alone := self._look_at(character)).loss == _ALL else alone.by,
                lossless=alone.loss == _NOTHING,
                row=figures.where[0],
                line=figures.where[1],
            )
            for character, figures in ordered
        )

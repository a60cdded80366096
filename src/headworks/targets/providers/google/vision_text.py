"""Google Cloud Vision document text as OCR: words joined into the lines that their breaks end.

Source: google.cloud.vision.v1 TextAnnotation.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct, field

from headworks.contract.tasks.ocr import Line
from headworks.costs import Usage
from headworks.targets.providers.asked import pictured
from headworks.targets.providers.boxes import Frame, around, read
from headworks.targets.providers.google.vision import Item, Poly, VisionApi, only_item
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

BREAKS = {"SPACE": " ", "SURE_SPACE": " ", "EOL_SURE_SPACE": "\n", "LINE_BREAK": "\n", "HYPHEN": "-\n"}
"""What a break stands for; a line feed ends the line."""


class _Break(Struct, frozen=True):
    type: str = "UNKNOWN"
    is_prefix: bool = field(default=False, name="isPrefix")


class _Property(Struct, frozen=True):
    detected: _Break | None = field(default=None, name="detectedBreak")


class _Symbol(Struct, frozen=True):
    text: str = ""
    property: _Property | None = None

    def shown(self) -> str:
        """The symbol with what its break stands for."""
        found = self.property.detected if self.property else None
        if found is None:
            return self.text
        between = BREAKS.get(found.type, "")
        return between + self.text if found.is_prefix else self.text + between


class _Word(Struct, frozen=True):
    poly: Poly = field(name="boundingBox")
    symbols: list[_Symbol] = []
    confidence: float = 0.0


class _Paragraph(Struct, frozen=True):
    words: list[_Word] = []


class _Block(Struct, frozen=True):
    paragraphs: list[_Paragraph] = []


class _Page(Struct, frozen=True):
    blocks: list[_Block] = []


class _Text(Struct, frozen=True):
    pages: list[_Page] = []


class _Texts(Item, frozen=True):
    whole: _Text = field(default_factory=_Text, name="fullTextAnnotation")


_REPLY = msgspec.json.Decoder(dict[str, list[_Texts]])


class DetectText(VisionApi, frozen=True, kw_only=True):
    """The lines of dense or sparse text in a picture."""

    task: str = "ocr"
    model: str = "vision:text"
    feature: str = "DOCUMENT_TEXT_DETECTION"

    def request(self, ask: Ask) -> HttpRequest:
        """One picture."""
        return self.annotate(pictured(ask))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each line; its score is the mean of its words' by their length."""
        picture = pictured(ask)
        frame = Frame(*picture.head.upright)
        pages = only_item(_REPLY, response.body).whole.pages
        lines = [_line(words, frame) for words in _lines(pages)]
        return Answer(read(lines, picture.wanted), Usage(images=1), self.model)


def _lines(pages: list[_Page]) -> Iterator[list[tuple[_Word, str]]]:
    """Words with their text, line by line; a paragraph ends a line too."""
    paragraphs = (paragraph for page in pages for block in page.blocks for paragraph in block.paragraphs)
    for paragraph in paragraphs:
        line: list[tuple[_Word, str]] = []
        for word in paragraph.words:
            shown = "".join(symbol.shown() for symbol in word.symbols)
            line.append((word, shown))
            if shown.endswith("\n"):
                yield line
                line = []
        if line:
            yield line


def _line(words: list[tuple[_Word, str]], frame: Frame) -> Line:
    corners = [word.poly.corners(frame) for word, _ in words]
    first, last = corners[0], corners[-1]
    is_framed = len(first) == 4 and len(last) == 4
    polygon = [first[0], last[1], last[2], first[3]] if is_framed else [corner for each in corners for corner in each]
    letters = sum(len(word.symbols) for word, _ in words) or 1
    score = sum(word.confidence * len(word.symbols) for word, _ in words) / letters
    text = "".join(shown for _, shown in words).strip()
    return Line(text, score, around([corner for each in corners for corner in each]), polygon)

"""Formatted text: Telegram's HTML into text and entities, and back into HTML that is safe on a page.

The rule: offsets count UTF-16 code units, error offsets count octets of UTF-8, both as the real server does.
Source: https://core.telegram.org/bots/api#html-style; sentences as in tdlib `MessageEntity.cpp`.
"""

import html
import re
from typing import Final

import msgspec

from backend.demo.carriers.telegram.refusals import bad_request
from backend.demo.carriers.telegram.wire import MessageEntity

ENTITY_OF_TAG: Final = {
    "b": "bold", "strong": "bold",
    "i": "italic", "em": "italic",
    "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough",
    "tg-spoiler": "spoiler", "span": "spoiler",
    "code": "code", "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
}  # fmt: skip

TAG_OF_ENTITY: Final = {
    "bold": "b", "italic": "i", "underline": "u", "strikethrough": "s",
    "code": "code", "pre": "pre", "blockquote": "blockquote", "expandable_blockquote": "blockquote",
}  # fmt: skip

_SPECIAL = re.compile(r"[&<]")
_CHARACTER = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(lt|gt|amp|quot));?")
_TAG_NAME = re.compile(r"<(/?)([^\s>]*)")
_ATTRIBUTE = re.compile(r"""\s*([^\s=>/"']+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>"']+))?""")
_TAG_END = re.compile(r"\s*/?>")
_NAMED: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_LINK = re.compile(r"(?:https?|tg|tel|mailto):\S+|[\w-]+(?:\.[\w-]+)+(?:[/?#:]\S*)?", re.IGNORECASE)
_SAFE_LINK = re.compile(r"(?:https?|tg|tel|mailto):", re.IGNORECASE)
_HIGHEST_CHARACTER = 0x10FFFF


class RichText(msgspec.Struct, frozen=True):
    """A text and the entities that lie over it."""

    text: str
    entities: tuple[MessageEntity, ...] = ()


def utf16_length(text: str) -> int:
    """How many UTF-16 code units the text takes."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class _OpenTag(msgspec.Struct, frozen=True):
    """A start tag still waiting for its end."""

    name: str
    entity: str
    offset: int
    starts_at: int  # index into the text pieces, to know a link's own text
    argument: str | None


class _HtmlReader:
    """Reads one HTML text. Raises ApiRefusal with the real server's "can't parse entities: …"."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._pieces: list[str] = []
        self._length = 0
        self._open: list[_OpenTag] = []
        self._entities: list[MessageEntity] = []

    def read(self) -> RichText:
        while self._at < len(self._source):
            special = _SPECIAL.search(self._source, self._at)
            stop = special.start() if special else len(self._source)
            self._append(self._source[self._at : stop])
            self._at = stop
            if special and special.group() == "&":
                self._read_character()
            elif special:
                self._read_tag()
        if self._open:
            unclosed = f'Can\'t find end tag corresponding to start tag "{self._open[-1].name}"'
            raise bad_request(f"can't parse entities: {unclosed}")
        return RichText("".join(self._pieces), tuple(self._entities))

    def _append(self, text: str) -> None:
        if text:
            self._pieces.append(text)
            self._length += utf16_length(text)

    def _refuse(self, complaint: str, begin: int, rest: str = "") -> Exception:
        offset = len(self._source[:begin].encode())
        return bad_request(f"can't parse entities: {complaint} at byte offset {offset}{rest}")

    def _read_character(self) -> None:
        """An escaped character; what is none stays as it was written."""
        match = _CHARACTER.match(self._source, self._at)
        character = _escaped(match) if match else None
        if match is None or character is None:
            self._append("&")
            self._at += 1
            return
        self._append(character)
        self._at = match.end()

    def _read_tag(self) -> None:
        begin = self._at
        match = _TAG_NAME.match(self._source, begin)
        assert match is not None, "called only at a '<'"
        is_end, name = match.group(1), match.group(2).lower()
        if match.end() == len(self._source):
            raise self._refuse("Unclosed end tag" if is_end else "Unclosed start tag", begin)
        self._at = match.end()
        if is_end:
            self._close_tag(name, begin)
        else:
            self._open_tag(name, begin)

    def _open_tag(self, name: str, begin: int) -> None:
        if name not in ENTITY_OF_TAG:
            raise self._refuse(f'Unsupported start tag "{name}"', begin)
        attributes = self._attributes(name, begin)
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise self._refuse('Tag "span" must have class "tg-spoiler"', begin)
        entity = ENTITY_OF_TAG[name]
        if name == "blockquote" and "expandable" in attributes:
            entity = "expandable_blockquote"
        argument = attributes.get("href") if name == "a" else None
        if name == "code" and attributes.get("class", "").startswith("language-"):
            argument = attributes["class"].removeprefix("language-")
        self._open.append(_OpenTag(name, entity, self._length, len(self._pieces), argument))

    def _attributes(self, name: str, begin: int) -> dict[str, str]:
        found: dict[str, str] = {}
        while True:
            if end := _TAG_END.match(self._source, self._at):
                self._at = end.end()
                return found
            attribute = _ATTRIBUTE.match(self._source, self._at)
            if attribute is None:
                if self._source[self._at :].isspace() or self._at == len(self._source):
                    raise self._refuse("Unclosed start tag", begin)
                raise self._refuse(f'Empty attribute name in the tag "{name}"', begin)
            found[attribute.group(1).lower()] = html.unescape((attribute.group(2) or "").strip("\"'"))
            self._at = attribute.end()

    def _close_tag(self, name: str, begin: int) -> None:
        if not self._open:
            raise self._refuse("Unexpected end tag", begin)
        end = _TAG_END.match(self._source, self._at)
        if end is None:
            raise self._refuse("Unclosed end tag", begin)
        tag = self._open.pop()
        if name and name != tag.name:
            raise self._refuse("Unmatched end tag", begin, f', expected "</{tag.name}>", found "</{name}>"')
        self._at = end.end()
        if self._length > tag.offset:
            self._add_entity(tag)

    def _add_entity(self, tag: _OpenTag) -> None:
        length = self._length - tag.offset
        entity = MessageEntity(type=tag.entity, offset=tag.offset, length=length)
        if tag.entity == "text_link":
            url = tag.argument or "".join(self._pieces[tag.starts_at :])
            if not _LINK.fullmatch(url):
                return
            entity = msgspec.structs.replace(entity, url=url if ":" in url else f"http://{url}/")
        elif tag.entity == "code":
            entity = msgspec.structs.replace(entity, language=tag.argument)
        elif tag.entity == "pre" and self._entities:
            inner = self._entities[-1]
            if (inner.type, inner.offset, inner.length) == ("code", tag.offset, length):
                self._entities.pop()  # <pre><code class="language-…"> is one entity
                entity = msgspec.structs.replace(entity, language=inner.language)
        self._entities.append(entity)


def _escaped(match: re.Match[str]) -> str | None:
    """The character an escape stands for, or None for one that does not exist."""
    hexadecimal, decimal, name = match.groups()
    if name:
        return _NAMED[name]
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    is_character = 0 < code <= _HIGHEST_CHARACTER and not 0xD800 <= code <= 0xDFFF
    return chr(code) if is_character else None


def parse_html(source: str) -> RichText:
    """Text and entities of Telegram HTML, untrimmed. Raises ApiRefusal: "can't parse entities: …"."""
    found = _HtmlReader(source).read()
    plain = [
        msgspec.structs.replace(entity, language=None) if entity.type == "code" else entity for entity in found.entities
    ]
    return RichText(found.text, _ordered(plain))


def _ordered(entities: list[MessageEntity]) -> tuple[MessageEntity, ...]:
    return tuple(sorted(entities, key=lambda entity: (entity.offset, -entity.length)))


def trimmed(rich: RichText) -> RichText:
    """The text without white space around it, as the server stores it, entities moved and clipped."""
    text = rich.text.strip()
    if text == rich.text:
        return rich
    skipped = utf16_length(rich.text[: len(rich.text) - len(rich.text.lstrip())])
    length = utf16_length(text)
    moved = []
    for entity in rich.entities:
        start = max(0, entity.offset - skipped)
        stop = min(length, entity.offset - skipped + entity.length)
        if stop > start:
            moved.append(msgspec.structs.replace(entity, offset=start, length=stop - start))
    return RichText(text, tuple(moved))


def safe_html(rich: RichText) -> str:
    """HTML for a page: everything escaped, only known tags, links only of harmless schemes.

    Line ends stay line ends; show it with `white-space: pre-wrap`.
    """
    units = rich.text.encode("utf-16-le", "surrogatepass")
    return _render(units, 0, len(units) // 2, list(_ordered(list(rich.entities))))


def _render(units: bytes, start: int, stop: int, entities: list[MessageEntity]) -> str:
    """One stretch; an entity that crosses its neighbour's edge is left out, so that tags always nest."""
    pieces: list[str] = []
    at = start
    while entities:
        entity = entities.pop(0)
        end = entity.offset + entity.length
        if entity.offset < at or end > stop:
            continue
        inside = [other for other in entities if other.offset < end]
        entities = entities[len(inside) :]
        pieces.append(_escape(units, at, entity.offset))
        opening, closing = _tags(entity)
        pieces.append(f"{opening}{_render(units, entity.offset, end, inside)}{closing}")
        at = end
    pieces.append(_escape(units, at, stop))
    return "".join(pieces)


def _escape(units: bytes, start: int, stop: int) -> str:
    return html.escape(units[2 * start : 2 * stop].decode("utf-16-le", "replace"))


def _tags(entity: MessageEntity) -> tuple[str, str]:
    if entity.type == "text_link" and entity.url and _SAFE_LINK.match(entity.url):
        return f'<a href="{html.escape(entity.url)}" rel="noopener noreferrer" target="_blank">', "</a>"
    if entity.type == "spoiler":
        return '<span class="spoiler">', "</span>"
    tag = TAG_OF_ENTITY.get(entity.type)
    return (f"<{tag}>", f"</{tag}>") if tag else ("", "")

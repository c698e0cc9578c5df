"""Files the bot sent: kept for getFile and download, bounded.

The rule: a photo must really be one (PNG or JPEG here), as the real server processes it.
"""

import secrets
import struct
from collections import OrderedDict
from pathlib import PurePosixPath
from typing import Final

import msgspec

from backend.demo.carriers.telegram.forms import Form, Upload
from backend.demo.carriers.telegram.refusals import bad_request
from backend.demo.carriers.telegram.wire import Document, File, PhotoSize, Voice

OCTETS_KEPT: Final = 64 * 1024 * 1024
_ATTACHED: Final = "attach://"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8"
_JPEG_SIZE_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file with its octets and the path it is downloaded under."""

    file_id: str
    unique_id: str
    path: str
    upload: Upload

    def wire(self) -> File:
        """As getFile answers."""
        return File(
            file_id=self.file_id,
            file_unique_id=self.unique_id,
            file_size=len(self.upload.octets),
            file_path=self.path,
        )

    def document(self) -> Document:
        """As it stands in a message."""
        return Document(
            file_id=self.file_id,
            file_unique_id=self.unique_id,
            file_name=self.upload.filename,
            mime_type=self.upload.content_type,
            file_size=len(self.upload.octets),
        )

    def voice(self) -> Voice:
        """As it stands in a message; how long it lasts is not looked into."""
        return Voice(
            file_id=self.file_id,
            file_unique_id=self.unique_id,
            duration=1,
            mime_type=self.upload.content_type,
            file_size=len(self.upload.octets),
        )

    def photo(self) -> PhotoSize:
        """As it stands in a message. Raises ApiRefusal IMAGE_PROCESS_FAILED if it is no picture."""
        width, height = picture_size(self.upload.octets)
        return PhotoSize(
            file_id=self.file_id,
            file_unique_id=self.unique_id,
            width=width,
            height=height,
            file_size=len(self.upload.octets),
        )


class FileShelf:
    """All files; the oldest go when together they grow too large."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, StoredFile] = OrderedDict()
        self._octets = 0

    def from_form(self, form: Form, field: str, folder: str) -> StoredFile:
        """The file a request sends in `field`: uploaded, attached by name, or known by its file_id."""
        reference = form.params.get(field)
        upload = form.files.get(field)
        if upload is None and isinstance(reference, str) and reference.startswith(_ATTACHED):
            upload = form.files.get(reference.removeprefix(_ATTACHED))
        if upload is not None:
            if not upload.octets:
                raise bad_request("file must be non-empty")
            return self.store(upload, folder)
        if not reference:
            raise bad_request(f"there is no {field} in the request")
        return self.find(str(reference))

    def store(self, upload: Upload, folder: str) -> StoredFile:
        """A new file on the shelf."""
        unique_id = secrets.token_urlsafe(8)
        stored = StoredFile(
            file_id=f"BQ{secrets.token_urlsafe(24)}",
            unique_id=unique_id,
            path=f"{folder}/file_{unique_id}{PurePosixPath(upload.filename).suffix}",
            upload=upload,
        )
        self._files[stored.file_id] = stored
        self._octets += len(upload.octets)
        while self._octets > OCTETS_KEPT and len(self._files) > 1:
            _, oldest = self._files.popitem(last=False)
            self._octets -= len(oldest.upload.octets)
        return stored

    def find(self, file_id: str) -> StoredFile:
        """By id. Raises ApiRefusal for one that is unknown or gone, or a web address (not fetched here)."""
        if file_id not in self._files:
            raise bad_request(
                "wrong remote file identifier specified: can't unserialize it. Wrong last symbol"
                if "://" not in file_id
                else "failed to get HTTP URL content"
            )
        return self._files[file_id]

    def at_path(self, path: str) -> StoredFile | None:
        """By the path it is downloaded under."""
        return next((stored for stored in self._files.values() if stored.path == path), None)


def picture_size(octets: bytes) -> tuple[int, int]:
    """Width and height in pixels of a PNG or JPEG. Raises ApiRefusal IMAGE_PROCESS_FAILED."""
    try:
        if octets.startswith(_PNG):
            width, height = struct.unpack_from(">II", octets, 16)
            return width, height
        if octets.startswith(_JPEG):
            return _jpeg_size(octets)
    except struct.error:
        pass  # cut short: no picture, told below
    raise bad_request("IMAGE_PROCESS_FAILED")


def _jpeg_size(octets: bytes) -> tuple[int, int]:
    """ITU-T T.81 B.1.1: segments [0xFF][marker][length 2]; a start-of-frame holds height and width."""
    at = len(_JPEG)
    while True:
        lead, marker, length = struct.unpack_from(">BBH", octets, at)
        if lead != 0xFF:
            raise bad_request("IMAGE_PROCESS_FAILED")
        if marker in _JPEG_SIZE_MARKERS:
            height, width = struct.unpack_from(">HH", octets, at + 5)
            return width, height
        at += 2 + length

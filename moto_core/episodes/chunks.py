"""Records of an MCAP file, bounded by what they declare before anything is unpacked.

In: an open file. Out: its records, those of each chunk among them, every checksum verified. A
record that claims more bytes than the file has left, a chunk that claims or yields more than an
episode can hold, and a checksum that does not fit raise EpisodeError or what the library raises.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

import lz4.frame
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, DataEnd, Footer, McapRecord, Message, MessageIndex, Schema
from mcap.stream_reader import StreamReader

from moto_core.errors import EpisodeError

CHUNK_LIMIT = 1 << 28  # [bytes] of one chunk unpacked: a row's images, and 1 MiB before them
FREE_TOTAL, RATIO = 1 << 30, 1000  # all chunks unpacked: 1 GiB, and 1000 times the file's size
_PREFIX = struct.Struct('<BQ')  # opcode and length of a record


class Bounded:
    """A file from which no record can take more than is left."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self.left = stream, size

    def read(self, count: int) -> bytes:
        """Returns exactly `count` bytes; raises EpisodeError if fewer are left."""
        if not 0 <= count <= self.left:
            raise EpisodeError(f'it ends early: {count} bytes were to follow, {self.left} do')
        self.left -= count
        return self._stream.read(count)


def read_records(stream: Bounded) -> Iterator[McapRecord]:
    """Yields the records of checked chunks up to the footer; raises at the first damage.

    No checksum holds a record's kind, and a kind that nobody knows is passed over: a chunk that is
    lost in this way is told by its indexes, which the chunk before did not ask for.
    """
    unindexed: set[int] = set()  # channels of the last chunk's messages
    budget = FREE_TOTAL + RATIO * stream.left
    reader = StreamReader(
        stream,  # type: ignore[arg-type]  # it asks for `read` alone
        emit_chunks=True,
        validate_crcs=True,
        record_size_limit=None,  # Bounded knows better
    )
    seen_end = False
    for record in reader.records:
        if isinstance(record, Chunk):
            budget -= record.uncompressed_size
            if budget < 0:
                raise EpisodeError('its chunks claim over 1000 times the size of the file')
            unindexed.clear()
            for inside in records_inside(unpack(record)):
                if isinstance(inside, Message):
                    unindexed.add(inside.channel_id)
                yield inside
        else:
            if isinstance(record, MessageIndex) and record.records:
                if record.channel_id not in unindexed:
                    raise EpisodeError('a chunk is missing before its index')
                unindexed.remove(record.channel_id)
            yield record
        seen_end |= isinstance(record, DataEnd)
        if isinstance(record, Footer) and not seen_end:
            raise EpisodeError('its data section has no end')


def unpack(chunk: Chunk) -> bytes:
    """Returns a chunk's bytes, no more than it declares; raises EpisodeError if it is wrong."""
    size = chunk.uncompressed_size
    if size > CHUNK_LIMIT:
        raise EpisodeError(f'a chunk claims {size} bytes unpacked; at most {CHUNK_LIMIT} are read')
    if chunk.compression == 'zstd':
        data = _unpack_zstd(chunk.data, size)
    elif chunk.compression == 'lz4':
        data = lz4.frame.LZ4FrameDecompressor().decompress(chunk.data, max_length=size + 1)
    elif chunk.compression == '':
        data = chunk.data
    else:
        raise EpisodeError(f"a chunk is compressed by '{chunk.compression}'; expected zstd or lz4")
    if len(data) != size:
        raise EpisodeError(f'a chunk claims {size} bytes unpacked and has another number')
    if chunk.uncompressed_crc and zlib.crc32(data) != chunk.uncompressed_crc:
        raise EpisodeError('the checksum of a chunk does not fit')
    return data


def records_inside(data: bytes) -> Iterator[McapRecord]:
    """Yields a chunk's records one by one, each read from its own bytes alone."""
    position = 0
    while position < len(data):
        opcode, length = _PREFIX.unpack_from(data, position)
        position += _PREFIX.size
        if length > len(data) - position:
            raise EpisodeError(f'a record claims {length} bytes, more than its chunk has')
        body = ReadDataStream(BytesIO(data[position : position + length]))
        position += length
        if opcode == Opcode.MESSAGE:
            yield Message.read(body, length)
        elif opcode == Opcode.CHANNEL:
            yield Channel.read(body)
        elif opcode == Opcode.SCHEMA:
            yield Schema.read(body)


def _unpack_zstd(data: bytes, size: int) -> bytes:
    claimed = zstandard.frame_content_size(data)  # what the library would make room for
    if claimed not in (-1, size):
        raise EpisodeError(f'a chunk claims {size} bytes unpacked, its content {claimed}')
    if size == 0:
        return b''
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=size)

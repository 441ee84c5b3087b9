"""Episode files that no recorder of ours would write, made with the library alone."""

import json
import struct
import zlib

from mcap.opcode import Opcode
from mcap.writer import CompressionType, Writer

from moto_core.episodes import messages
from moto_core.episodes.codec import END_TOPIC, HEADER_TOPIC, INFO_TOPIC, encode_row
from moto_core.episodes.episode import FILE, header_to_dict
from tests.recorded import tiny_header, tiny_row, tiny_spec


def own_messages(header=None, rows=3, end=True):
    """(topic, type, CDR) of a whole episode, for a test to change."""
    header = header_to_dict(tiny_header()) if header is None else header
    text = header if isinstance(header, str) else json.dumps(header)
    found = [(HEADER_TOPIC, messages.STRING, messages.encode_string(text))]
    for t in range(rows):
        found += encode_row(tiny_spec(), tiny_row(t), t)
    last = json.dumps({'outcome': 'success', 'ended': 'done', 'rows': rows})
    return found + [(END_TOPIC, messages.STRING, messages.encode_string(last))] * end


def write_messages(path, found, compression=CompressionType.NONE, sequence=None):
    """Writes messages as they are; the checksums fit. `sequence` stands for every row's number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('wb') as stream:
        writer, schemas, channels, row = Writer(stream, compression=compression), {}, {}, 0
        writer.start(profile='ros2', library='test')
        for topic, kind, data in found:
            if kind not in schemas:
                text = messages.definition(kind).encode()
                schemas[kind] = writer.register_schema(kind, 'ros2msg', text)
            if topic not in channels:
                channels[topic] = writer.register_channel(topic, 'cdr', schemas[kind])
            writer.add_message(channels[topic], 5, data, 5, row if sequence is None else sequence)
            row += topic == INFO_TOPIC
        writer.finish()
    return path


def place(root, name, found):
    """Puts an episode file of these messages into a dataset's folder."""
    return write_messages(root / 'episodes' / name / FILE, found)


def write_chunk(path, data, claimed, compression):
    """Writes a file of one chunk that claims `claimed` bytes unpacked."""
    name = compression.encode()
    body = struct.pack('<QQQI', 0, 0, claimed, 0) + struct.pack('<I', len(name)) + name
    body += struct.pack('<Q', len(data)) + data
    head = struct.pack('<II', 0, 0)
    records = struct.pack('<BQ', Opcode.HEADER, len(head)) + head
    records += struct.pack('<BQ', Opcode.CHUNK, len(body)) + body
    magic = b'\x89MCAP0\r\n'
    crc = zlib.crc32(magic + records)
    records += struct.pack('<BQI', Opcode.DATA_END, 4, crc)
    records += struct.pack('<BQQQI', Opcode.FOOTER, 20, 0, 0, 0)
    path.write_bytes(magic + records + magic)
    return path

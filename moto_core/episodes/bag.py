"""An episode's folder is a bag too: the metadata.yaml that `ros2 bag` and rosbags look for.

In: a whole episode.mcap. Out: `metadata.yaml` beside it (derived, made again at will).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import yaml
from mcap.exceptions import McapError
from mcap.reader import SeekingReader
from mcap.records import Statistics
from mcap.summary import Summary

from moto_core.durable import replace_synced
from moto_core.episodes.episode import FILE
from moto_core.errors import EpisodeError

METADATA = 'metadata.yaml'
VERSION = 5  # of rosbag2's own format: the last one that every supported ROS 2 reads
SUMMARY_LIMIT = 1 << 28  # [bytes] of a record of the summary


def write_bag_metadata(folder: Path) -> None:
    """Writes metadata.yaml beside the folder's episode.mcap, whose checksums must have been read.

    It is whole or absent; a link at its place is replaced, not followed. Raises EpisodeError
    if it cannot be written.
    """
    try:
        text = yaml.safe_dump(_metadata(folder / FILE), sort_keys=False)
        replace_synced(folder / METADATA, text.encode())
    except (OSError, McapError) as error:
        raise EpisodeError(f"cannot write '{folder / METADATA}': {error}") from error


def read_summary(stream: BinaryIO) -> tuple[Summary, Statistics]:
    """Returns what the end of an episode file says about the whole.

    Raises EpisodeError if no bag can be described by it, McapError if it cannot be read.
    """
    stream.seek(0)
    summary = SeekingReader(stream, record_size_limit=SUMMARY_LIMIT).get_summary()
    if summary is None or summary.statistics is None:
        raise EpisodeError('its summary has no statistics')
    for channel in summary.channels.values():
        if channel.schema_id not in summary.schemas:
            raise EpisodeError(f"the channel '{channel.topic}' of its summary has no schema")
    return summary, summary.statistics


def _metadata(path: Path) -> dict[str, Any]:
    with path.open('rb') as stream:
        summary, statistics = read_summary(stream)
    topics = [
        {
            'topic_metadata': {
                'name': channel.topic,
                'type': summary.schemas[channel.schema_id].name,
                'serialization_format': 'cdr',
                'offered_qos_profiles': '',
            },
            'message_count': statistics.channel_message_counts.get(channel.id, 0),
        }
        for channel in summary.channels.values()
    ]
    extent = _extent(statistics)
    about = {
        'version': VERSION,
        'storage_identifier': 'mcap',
        **extent,
        'topics_with_message_count': topics,
        'compression_format': '',
        'compression_mode': '',
        'relative_file_paths': [FILE],
        'files': [{'path': FILE, **_extent(statistics)}],
    }
    return {'rosbag2_bagfile_information': about}


def _extent(statistics: Statistics) -> dict[str, Any]:
    start, end = statistics.message_start_time, statistics.message_end_time
    return {
        'duration': {'nanoseconds': end - start},
        'starting_time': {'nanoseconds_since_epoch': start},
        'message_count': statistics.message_count,
    }

"""An episode in the viewer of rerun-sdk, which is imported only here and needs no other part.

In: an episode. Out: a viewer that opens, or a .rrd file that `rerun FILE` opens later. Two time
lines: `row`, and `time` since the first row.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moto_core.episodes.episode import Episode
from moto_core.episodes.manifest import Record
from moto_core.errors import EpisodeError

APPLICATION = 'moto-data'
SCALARS = ('reward', 'disagreement', 'surprise', 'speed_scale', 'success', 'gap', 'intervention')
"""Fields of a row that are one number each, by the name that they have in the viewer."""


def show_episode(record: Record, episode: Episode) -> None:
    """Opens the viewer on an episode; the viewer stays when this process ends."""
    stream = _stream(record)
    stream.spawn()
    _log(stream, episode)
    stream.flush()


def save_episode(record: Record, episode: Episode, path: Path) -> None:
    """Writes an episode as an .rrd file; raises EpisodeError if the file cannot be written."""
    stream = _stream(record)
    try:
        stream.save(path)
    except (OSError, RuntimeError) as error:
        raise EpisodeError(f"cannot write the recording to '{path}': {error}") from error
    _log(stream, episode)
    stream.flush()
    stream.disconnect()


def _stream(record: Record) -> Any:
    import rerun

    return rerun.RecordingStream(APPLICATION, recording_id=record.id)


def _log(stream: Any, episode: Episode) -> None:
    import rerun

    spec = episode.header.spec
    lines = {'requested': spec.names, 'executed': spec.names}
    if episode.proprioception is not None:
        lines['proprioception'] = [f'{of} {n}' for of in spec.proprioception for n in spec.names]
    for name, joints in lines.items():
        stream.log(name, rerun.SeriesLines(names=joints), static=True)
    for t in range(len(episode)):
        stream.set_time('row', sequence=t)
        stream.set_time('time', duration=(episode.stamp[t] - episode.stamp[0]) * 1e-9)
        for name, images in episode.images.items():
            stream.log(f'cameras/{name}', rerun.Image(images[t]))
        for name in lines:
            stream.log(name, rerun.Scalars(getattr(episode, name)[t].astype(float)))
        for name in SCALARS:
            stream.log(name, rerun.Scalars(float(getattr(episode, name)[t])))
        if episode.reasons[t]:
            stream.log('guard', rerun.TextLog(', '.join(episode.reasons[t])))

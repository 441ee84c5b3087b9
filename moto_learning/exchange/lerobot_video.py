"""The videos of a LeRobotDataset: frames of many episodes one after the other in MP4 files.

In: frames (h, w, 3) uint8 RGB. Out: files, and where in them an episode lies; or frames again.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from moto_core.errors import ConfigError, EpisodeError
from moto_core.file_hash import hash_file
from moto_core.spec import CameraSpec, Spec
from moto_learning.exchange import lerobot_layout as layout

CODEC, PIXELS = 'libx264', 'yuv420p'
GROUP = 2  # frames from which a reader must begin at most: any frame is near


class VideoFiles:
    """The files of one camera while they grow."""

    def __init__(self, root: Path, feature: str, rate: float) -> None:
        self.root, self.feature = root, feature
        self.rate = Fraction(rate).limit_denominator(1000)
        self._place, self._frames = (0, 0), 0
        self._container: Any = None
        self._path = root

    @staticmethod
    def about(rate: float, camera: CameraSpec) -> dict[str, Any]:
        """Returns what info.json says of a camera's videos."""
        return {
            'video.height': camera.height,
            'video.width': camera.width,
            'video.codec': 'h264',
            'video.pix_fmt': PIXELS,
            'video.is_depth_map': False,
            'video.fps': int(rate) if float(rate).is_integer() else rate,
            'video.channels': 3,
            'has_audio': False,
        }

    def add(self, images: np.ndarray) -> dict[str, Any]:
        """Appends an episode (T, h, w, 3); returns where it lies, as its line holds it."""
        if self._container is not None and self._path.stat().st_size > layout.VIDEO_LIMIT * 10**6:
            self.close()
            self._place = layout.next_file(*self._place)
        if self._container is None:
            self._begin(images.shape[1:3])
        begin = self._frames / self.rate
        for image in images:
            frame = av.VideoFrame.from_ndarray(image, format='rgb24')
            frame.pts, frame.time_base = self._frames, 1 / self.rate
            self._container.mux(self._stream.encode(frame))
            self._frames += 1
        key = f'videos/{self.feature}'
        return {
            f'{key}/chunk_index': self._place[0],
            f'{key}/file_index': self._place[1],
            f'{key}/from_timestamp': float(begin),
            f'{key}/to_timestamp': float(self._frames / self.rate),
        }

    def close(self) -> None:
        """Finishes the file that is open."""
        if self._container is not None:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._container = None

    def _begin(self, size: tuple[int, int]) -> None:
        self._path = layout.place(self.root, layout.VIDEOS, *self._place, video=self.feature)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._container, self._frames = av.open(str(self._path), 'w', format='mp4'), 0
        self._stream = self._container.add_stream(
            CODEC, self.rate, {'crf': '18', 'g': str(GROUP), 'bf': '0'}
        )
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = PIXELS


def check_sizes(spec: Spec) -> None:
    """Raises ConfigError for a camera whose images the videos cannot hold."""
    for name, camera in spec.cameras.items():
        if camera.height % 2 or camera.width % 2:
            raise ConfigError(
                f"camera '{name}' has images of {camera.height} x {camera.width} px; expected "
                f'even sides, which {PIXELS} holds. Leave --videos out: PNG holds any'
            )


def file_hash(path: Path) -> str:
    """Returns a hash of a file's bytes: frames of a damaged one may decode all the same."""
    try:
        return hash_file(path)[:32]
    except OSError as error:
        raise EpisodeError(f"cannot read '{path}': {error}") from error


def read_frames(path: Path, begin: float, count: int, rate: float) -> Iterator[np.ndarray]:
    """Yields `count` frames (h, w, 3) uint8 RGB from `begin` [s] on, at `rate` [Hz].

    Raises EpisodeError if the file cannot be read, or has no frame where one is expected.
    """
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            if begin and stream.time_base:
                container.seek(max(0, int((begin - 1 / rate) / stream.time_base)), stream=stream)
            frames = container.decode(stream)
            found = 0
            for frame in frames:
                wanted = begin + found / rate
                if frame.time is None or frame.time < wanted - 0.5 / rate:
                    continue
                if frame.time > wanted + 0.5 / rate:
                    raise EpisodeError(f"'{path}' has no frame at {wanted:.3f} s")
                yield frame.to_ndarray(format='rgb24')
                found += 1
                if found == count:
                    return
    except (OSError, IndexError, ValueError, av.error.FFmpegError) as error:
        raise EpisodeError(f"cannot read '{path}': {error}") from error
    raise EpisodeError(f"'{path}' ends after {found} of {count} frames from {begin:.3f} s on")

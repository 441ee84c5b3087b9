"""Videos: RGB frames to H.264 in MP4, which every browser plays."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np

from moto_core.errors import MotoError

QUALITY = 80  # of a JPEG, of 100


class VideoError(MotoError):
    """A video that cannot be written."""


def first_frame(data: bytes) -> bytes:
    """Returns the first frame of a video's bytes as a JPEG; b'' if there is none to read."""
    try:
        with av.open(io.BytesIO(data), 'r') as container:
            for frame in container.decode(video=0):
                image = frame.to_ndarray(format='bgr24')
                _, found = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
                return found.tobytes()
    except (av.error.FFmpegError, IndexError):  # no video, or no stream of frames in it
        pass
    return b''


class VideoWriter:
    """Writes (h, w, 3) uint8 RGB frames, enlarged to at least `height` [px]; a context manager.

    The file is there once it is whole: what was at its path stays until then, and if it fails.
    """

    def __init__(self, path: Path | str, rate: float, height: int = 240) -> None:
        """Begins a video at `rate` [Hz]; raises VideoError if it cannot be written there."""
        self.path, self.height, self.frames = Path(path), height, 0
        self._unfinished = self.path.with_name(f'.{self.path.name}.{os.getpid()}')
        if self.path.is_dir():
            raise VideoError(f"cannot write the video '{path}': it is a folder")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(str(self._unfinished), 'w', format='mp4')
        except OSError as error:
            raise VideoError(f"cannot write the video '{path}': {error}") from error
        self._stream = self._container.add_stream(
            'libx264', Fraction(rate).limit_denominator(1000), {'crf': '20'}
        )
        self._stream.pix_fmt = 'yuv420p'

    def add(self, image: np.ndarray) -> None:
        """Appends a frame; all frames must have the size of the first."""
        factor = max(1, -(-self.height // image.shape[0]))
        width, height = (2 * (n * factor // 2) for n in (image.shape[1], image.shape[0]))
        large = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
        if not self.frames:
            self._stream.width, self._stream.height = width, height
        if (self._stream.width, self._stream.height) != (width, height):
            raise VideoError(
                f"'{self.path}': frame of {width} x {height} px; expected "
                f'{self._stream.width} x {self._stream.height}, as the first'
            )
        self._write(av.VideoFrame.from_ndarray(large, format='rgb24'))
        self.frames += 1

    def close(self) -> None:
        """Finishes the file; one without a frame is none. Raises VideoError if it cannot."""
        try:
            if self.frames:
                self._write(None)
            self._container.close()
            if self.frames:
                self._unfinished.replace(self.path)
        except OSError as error:
            raise VideoError(f"cannot write the video '{self.path}': {error}") from error
        finally:
            self._unfinished.unlink(missing_ok=True)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
            return
        with suppress(OSError):  # what it could not write is thrown away
            self._container.close()
        self._unfinished.unlink(missing_ok=True)

    def _write(self, frame: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except OSError as error:
            raise VideoError(f"cannot write the video '{self.path}': {error}") from error

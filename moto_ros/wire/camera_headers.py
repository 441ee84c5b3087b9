"""What the headers of cameras' images give away: swapped cameras, and clocks that are not set.

In: a camera's name and header. Out: an ObservationError for a frame_id that is another's,
sentences for the diagnostics.
"""

from __future__ import annotations

from collections.abc import Mapping

from std_msgs.msg import Header

from moto_core.errors import ObservationError
from moto_ros.wire.convert import to_ns


class CameraHeaders:
    """Remembers each camera's frame_id, and which cameras send no time."""

    def __init__(self, frames: Mapping[str, str]) -> None:
        """Takes {camera: frame_id}; a camera that is not there has that of its first image."""
        self.frames = dict(frames)
        self.timeless: set[str] = set()  # cameras whose stamps are zero

    def check(self, camera: str, header: Header) -> None:
        """Raises ObservationError for an image of another frame than the camera's, or of none.

        Two cameras with one frame_id are one camera twice.
        """
        found = header.frame_id
        if not found and camera not in self.frames:
            return self._note_time(camera, header)
        same = [name for name, frame in self.frames.items() if frame == found and name != camera]
        expected = self.frames.get(camera, found)
        if found != expected:
            also = f": camera '{same[0]}' has that one, are the two swapped?" if same else ''
            raise ObservationError(f"frame_id is '{found}'; expected '{expected}'{also}")
        if same:
            raise ObservationError(f"frame_id is '{found}', which camera '{same[0]}' has too")
        self.frames[camera] = found
        return self._note_time(camera, header)

    def warnings(self) -> list[str]:
        """Returns a sentence for every camera whose stamps are zero: its age is not known."""
        return [
            f"camera '{camera}' sends stamps of zero: its images count as taken when they come"
            for camera in sorted(self.timeless)
        ]

    def _note_time(self, camera: str, header: Header) -> None:
        if to_ns(header.stamp):
            self.timeless.discard(camera)
        else:
            self.timeless.add(camera)

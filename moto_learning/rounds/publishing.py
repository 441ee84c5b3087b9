"""Where bundles are published: a folder of them, and the file that names the one in use.

In: paths. Out: the bundle in use, loaded; the name moved on. One process publishes to a name.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from moto_core.errors import BundleError
from moto_core.lock import LockHeldError, hold_lock
from moto_core.policy.given_up import folder_to_run
from moto_core.policy.name_file import write_name
from moto_core.policy.policy import OnnxPolicy
from moto_core.spec import Spec
from moto_learning.rounds.journal import RoundError


@dataclass(frozen=True)
class Place:
    """A folder of bundles and the file that names the one that robots use."""

    bundles: Path
    name_file: Path

    def hold(self) -> FileLock:
        """Returns the hold on the name; raises RoundError that names who has it."""
        path = self.name_file.with_name(f'{self.name_file.name}.lock')
        try:
            return hold_lock(path)
        except LockHeldError as error:
            raise RoundError(
                f"another process publishes to '{self.name_file}' ({error}); wait for it, stop "
                'it, or take another --name-file'
            ) from error
        except OSError as error:
            raise RoundError(f"cannot lock '{path}': {error.strerror or error}") from error

    def in_use(self, spec: Spec) -> OnnxPolicy | None:
        """Returns the policy that robots run by the file; None if there is no file.

        Raises BundleError or ConfigError if it cannot run on a robot of the spec, or if what the
        file names was given up and there is nothing to run in its place.
        """
        if not os.path.lexists(self.name_file):
            return None
        return OnnxPolicy(folder_to_run(self.name_file), robot=spec, latency_limit=float('inf'))

    def publish(self, bundle: Path) -> None:
        """Names a bundle as the one to use; raises BundleError if it cannot be written."""
        if not bundle.is_dir():
            raise BundleError(f"there is no bundle '{bundle}' to publish")
        write_name(self.name_file, bundle)

"""Other people's formats by name: what opens one, and what writes one.

In: a format's name, a place, a mapping. Out: a Source, or a written place. What a format needs is
imported once it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from moto_core.config import load_config
from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError
from moto_learning.exchange.foreign import Source
from moto_learning.exchange.mapping import Mapping
from moto_learning.exchange.own_rows import LOST

STATES = ('d4rl', 'minari')  # without a mapping: of the Kitchen, drawn by the simulator


def open_source(
    kind: str, place: Path, mapping: str = '', overrides: Sequence[str] = ()
) -> Source:
    """Opens a file or folder of one of READABLE; `mapping` is a YAML file, '' for none.

    `overrides` go over it or, for the Kitchen's states, over KitchenStates.

    Raises ConfigError for a mapping that is missing or says too little, DatasetError for a place
    that is no such thing.
    """
    if kind == 'rosbag':
        return _open_bags(place, mapping, overrides)
    given = load_config(Mapping, *_files(mapping), overrides=overrides) if mapping else None
    if kind in STATES:
        from moto_learning.exchange.offline_read import KitchenStates, open_kitchen, open_pixels

        if given is not None:
            return open_pixels(place, given, kind)
        return open_kitchen(place, load_config(KitchenStates, overrides=overrides), kind)
    if overrides and not mapping:
        raise ConfigError(f"'{overrides[0]}' changes a mapping; name one with --mapping FILE")
    if kind == 'robomimic':
        from moto_learning.exchange.robomimic_read import open_robomimic

        return open_robomimic(place, given)
    from moto_learning.exchange.lerobot_read import open_lerobot

    return open_lerobot(place, given)


def export_dataset(
    kind: str, dataset: Dataset, place: Path, videos: bool, told: Callable[[int], None]
) -> tuple[int, str]:
    """Writes a dataset as one of WRITABLE; returns how many episodes, and what is not there."""
    if kind == 'robomimic':
        from moto_learning.exchange.robomimic_write import export_robomimic

        if videos:
            raise ConfigError('robomimic holds images, and no videos; leave --videos out')
        return export_robomimic(dataset, place, told=told), LOST
    from moto_learning.exchange.lerobot_write import export_lerobot

    return export_lerobot(dataset, place, videos=videos, told=told), LOST


def _open_bags(place: Path, mapping: str, overrides: Sequence[str]) -> Source:
    from moto_learning.exchange.bag_mapping import BagMapping
    from moto_learning.exchange.rosbag_read import open_bags

    files = _files(mapping) if mapping else []
    given = load_config(BagMapping, *files, overrides=overrides) if mapping or overrides else None
    return open_bags(place, given)


def _files(mapping: str) -> list[Path]:
    path = Path(mapping)
    if not path.is_file():
        raise ConfigError(f"no file '{path}'; expected a mapping in YAML (docs/data.md)")
    return [path]

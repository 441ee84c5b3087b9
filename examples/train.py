"""Training from Python: a dataset in, a policy bundle out.

python examples/train.py data runs/mine
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from moto_core.config import config_file, load_config
from moto_core.episodes.dataset import Dataset
from moto_learning.config import Config
from moto_learning.export.export import export_run
from moto_learning.run.train import Training


def main(data: str, out: str, settings: Sequence[str] = ()) -> None:
    """Trains offline on a dataset, saying the losses, and exports the policy."""
    config = load_config(Config, config_file('train', 'laptop'), overrides=settings)
    training = Training(config, Dataset.open(data).spec, [Path(data)], Path(out))
    training.listener = lambda phase, done, goal, metrics: print(
        f'{phase} {done}/{goal} model {metrics["model/loss"]:.2f}'
    )
    training.offline()
    training.close()
    print(export_run(out, Path(out) / 'bundles').path)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('data', help='a dataset')
    parser.add_argument('out', help='folder of the new run')
    parser.add_argument('settings', nargs='*', help="key=value over the config 'laptop'")
    main(**vars(parser.parse_args()))

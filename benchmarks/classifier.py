"""Labels of a success classifier beside what the simulator knows, as JSON.

    python benchmarks/classifier.py [--episodes 60] [--noise 0.35] [--labelled 40] [--seeds 3]

Scripted demonstrations with so much noise that most fail become a robot's: no reward, no marked
row, a label for the first ones alone. A classifier learns from those and labels the others.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from moto_core.command import real, whole
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import TWIN, Episode, EpisodeHeader
from moto_core.episodes.identity import Identity
from moto_core.row import Row
from moto_learning.classifier.classifier import learn_classifier
from moto_learning.classifier.judgement import Judged, accuracy, confusion, decided, judge
from moto_learning.classifier.labelled import labelled_episodes, waiting_episodes
from moto_learning.classifier.settings import ClassifierSettings
from moto_learning.classifier.split import split_by_episode
from moto_learning.data.demonstrations import Demonstrations, record_demonstrations
from moto_learning.data.sources import read_episodes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--task', default='kitchen-microwave')
    parser.add_argument('--episodes', type=whole(9), default=60, help='to record (60)')
    parser.add_argument('--noise', type=real(0, below=1), default=0.35, help='of actions (0.35)')
    parser.add_argument('--labelled', type=whole(8), default=40, help='of them (40)')
    parser.add_argument('--seeds', type=whole(1), default=3, help='of the classifier (3)')
    parser.add_argument('--updates', type=whole(1), default=ClassifierSettings.updates)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, told = Path(folder), Path(folder) / 'labelled'
        wanted = Demonstrations(
            task=args.task, episodes=args.episodes, noise=args.noise, seed=9000
        )
        record_demonstrations(root / 'all', wanted)
        truth = forget(Dataset.open(root / 'all'), told, args.labelled)
        runs = [
            measure(told, truth, ClassifierSettings(seed=seed, updates=args.updates))
            for seed in range(args.seeds)
        ]
    known = Counter(list(truth.values())[: args.labelled])
    print(json.dumps({**vars(args), 'labelled as': known, 'by seed': runs}, indent=2))


def forget(source: Dataset, root: Path, labelled: int) -> dict[str, str]:
    """Copies episodes without their rewards and marks; returns each one's outcome by its new id.

    The first `labelled` of them are labelled with it.
    """
    truth = {}
    with Dataset.create_or_open(root) as dataset:
        for record in source.episodes():
            episode = source.read(record.id)
            known = episode.header
            header = EpisodeHeader(
                task=known.task, source=TWIN, spec=known.spec, setup=known.setup
            )
            with dataset.new_episode(header) as writer:
                for row in rows_of(episode):
                    writer.append(row)
                writer.close('unlabelled')
            truth[header.id] = record.outcome
            if len(truth) <= labelled:
                dataset.label(header.id, record.outcome, 'benchmark')
    return truth


def rows_of(episode: Episode) -> list[Row]:
    """The rows of an episode, with what a robot would know of them."""
    vectors = episode.proprioception
    return [
        Row(
            stamp=int(episode.stamp[t]),
            images={name: images[t] for name, images in episode.images.items()},
            proprioception=None if vectors is None else vectors[t],
            requested=episode.requested[t],
            executed=episode.executed[t],
            is_first=t == 0,
        )
        for t in range(len(episode))
    ]


def measure(root: Path, truth: dict[str, str], settings: ClassifierSettings) -> dict[str, Any]:
    """Lets one classifier learn from what is labelled, and compares what it says of the rest."""
    dataset, found = Dataset.open(root), read_episodes([root])
    labelled = labelled_episodes([dataset], found.episodes)
    split = split_by_episode(labelled.episodes, settings.held_out, settings.seed)
    assert found.spec is not None, root
    began = time.perf_counter()
    classifier = learn_classifier(
        split, Identity(found.spec, found.setup), labelled.task, settings
    )
    seconds = time.perf_counter() - began
    waiting = waiting_episodes(dataset, found.episodes, labelled.task).episodes
    judged = [
        one._replace(outcome=truth[one.id])
        for one in judge(classifier.network, waiting, settings.last)
    ]
    return {
        'learning [s]': round(seconds, 1),
        'held out': counts(classifier.held_out, settings.threshold),
        'without a label': counts(judged, settings.threshold),
    }


def counts(judged: Sequence[Judged], threshold: float) -> dict[str, Any]:
    return {
        'right at 0.5': '{} of {}'.format(*accuracy(judged)),
        f'right beyond {threshold:g}': '{} of {}'.format(*decided(judged, threshold)),
        'truth, decision': {', '.join(key): n for key, n in confusion(judged, threshold).items()},
    }


if __name__ == '__main__':
    main()

"""A success classifier as it is used: the network with all that it came of, and its name.

In: labelled episodes, settings; or a file (classifier_file.py). Out: Classifier.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from moto_core.config import to_dict
from moto_core.episodes.identity import Identity, differences, identity_to_dict
from moto_core.episodes.labels import CLASSIFIER
from moto_core.spec import Setup, Spec, is_known, setup_mismatches
from moto_learning.classifier.fit import ClassifierError, Listener, fit_classifier
from moto_learning.classifier.judgement import Judged, judge
from moto_learning.classifier.network import SuccessClassifier
from moto_learning.classifier.settings import ClassifierSettings
from moto_learning.classifier.split import Split
from moto_learning.run.commit import git_hash

SHORT = 12  # digits of a hash


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A success classifier of one robot and one task."""

    settings: ClassifierSettings
    identity: Identity  # of the episodes that it learned from
    task: str
    learned: tuple[str, ...]  # ids of those episodes
    held_out: tuple[Judged, ...]  # labelled episodes that it did not learn from
    git: str  # commit of the code that fitted it
    network: SuccessClassifier

    @property
    def about(self) -> dict[str, Any]:
        """Everything but the weights, ready for JSON."""
        return {
            'settings': to_dict(self.settings),
            'identity': identity_to_dict(self.identity),
            'task': self.task,
            'learned': list(self.learned),
            'held_out': [one._asdict() for one in self.held_out],
            'git': self.git,
        }

    @property
    def hash(self) -> str:
        """SHA-256 of everything: what it came of, and each weight."""
        found = hashlib.sha256(json.dumps(self.about, sort_keys=True).encode())
        for name, value in sorted(self.network.state_dict().items()):
            found.update(f'{name} {tuple(value.shape)} '.encode())
            found.update(value.contiguous().numpy().tobytes())
        return found.hexdigest()

    @property
    def name(self) -> str:
        """Who says so in the labels that it gives."""
        return CLASSIFIER + self.hash[:SHORT]

    def check_robot(self, spec: Spec, setup: Setup, where: str) -> None:
        """Raises ClassifierError that names what differs if `where` is of another robot."""
        wrong = differences(self.identity, spec)
        ours = self.identity.setup
        if is_known(ours, setup) and is_known(setup, ours):
            wrong += setup_mismatches(ours, setup)
        if wrong:
            raise ClassifierError(
                f"the classifier is of another robot, camera or setup than '{where}' (its own, "
                f'then the other): {"; ".join(wrong)}. Let one learn from episodes of this one'
            )


def learn_classifier(
    split: Split,
    identity: Identity,
    task: str,
    settings: ClassifierSettings,
    listener: Listener = lambda done, loss: None,
) -> Classifier:
    """Fits a classifier to the learned episodes of a split and measures it on the held-out ones.

    Raises as `fit_classifier` does.
    """
    network = fit_classifier(split.learned, identity.spec, settings, listener)
    return Classifier(
        settings=settings,
        identity=identity,
        task=task,
        learned=tuple(one.id for one in split.learned),
        held_out=tuple(judge(network, split.held_out, settings.last)),
        git=git_hash(),
        network=network,
    )

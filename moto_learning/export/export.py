"""From a run to a policy bundle: two ONNX files, a manifest and a self-test of 50 steps.

In: a learner, or a run's folder, and recorded episodes. Out: a bundle folder that onnxruntime has
already repeated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from moto_core.config import to_dict
from moto_core.durable import append_synced
from moto_core.episodes.dataset import Dataset
from moto_core.errors import BundleError, DatasetError
from moto_core.policy.bundle import write_bundle
from moto_core.policy.manifest import SHA256, Manifest
from moto_core.policy.policy import OnnxPolicy
from moto_core.policy.signature import encoder_signature, policy_signature
from moto_core.policy.surprise import SurpriseLimits
from moto_core.spec import Setup, spec_mismatches
from moto_core.strict_json import read_maps
from moto_learning.agents.learner import Learner
from moto_learning.data.cache import CachedEpisode
from moto_learning.data.sources import dataset_roots, open_datasets, read_episodes
from moto_learning.export.onnx_graph import to_onnx
from moto_learning.export.rehearsal import (
    STEPS,
    TRIES,
    drawn_observations,
    recorded_observations,
    selftest,
)
from moto_learning.export.thresholds import (
    Ordinary,
    disagreement_threshold,
    surprise_limits,
    why_none,
)
from moto_learning.run.checkpoint import learner_of
from moto_learning.run.checkpoints import FOLDER, load_checkpoint
from moto_learning.run.tasks import learned_tasks, of_other_tasks

LEAST, MOST = 1e-4, 1e-3  # of a self-test's tolerance
HEADROOM = 4.0  # times the error that is found at the export
MEASURED = 8  # episodes that the self-test and the threshold are taken from
EXPORTS = 'exports.jsonl'  # in a run's folder: what was exported from it, at which update


class Exported(NamedTuple):
    """A bundle as it was written, and how closely onnxruntime repeats torch."""

    path: Path
    error: float  # largest of the self-test, relative above 1
    latency: float  # [s] 90th percentile of a step
    margin: float  # lead [logits] of the least clear category in the self-test's states
    disagreement_threshold: float | None
    surprise_limits: SurpriseLimits | None
    parent: str
    note: str  # '' or what the bundle lacks, and why


def export_run(run: Path | str, folder: Path | str, held_out: Sequence[Path] = ()) -> Exported:
    """Exports a run's last checkpoint (or the one at the path) to folder/<hash>.

    The limits of the surprise come from the successful episodes of the datasets `held_out`, and
    of the run's own data, that the run did not learn from; of its own those of its tasks alone.
    The parent is the bundle exported from the same run at an earlier update. If the datasets are
    gone the bundle has no threshold; what it lacks the note says.
    Raises CheckpointError, BundleError as `export_bundle` does, DatasetError for a dataset of
    `held_out` that cannot be read or is of another robot.
    """
    checkpoint = load_checkpoint(run)
    learner = learner_of(checkpoint)
    path, meta = checkpoint.path, checkpoint.meta
    root = path.parents[1] if path.parent.name == FOLDER else path
    ids, note = list(meta.get('episodes', [])), ''
    try:
        roots = dataset_roots([Path(data) for data in meta.get('data', [])], root)
        found = _episodes(roots, learner)
    except DatasetError as error:
        found, note = [], f'no disagreement threshold, drawn images in the self-test: {error}\n'
    known = set(ids)
    episodes = [episode for episode in found if episode.id in known]
    own = roots if found else []
    apart = _ordinary([*own, *held_out], learner, known | _others(own, learner, known))
    log = _read_log(root / EXPORTS)
    parent = next((bundle for updates, bundle in reversed(log) if updates < learner.updates), '')
    done = export_bundle(
        learner,
        folder,
        episodes,
        ids,
        parent,
        git_hash=str(meta.get('git', '')),
        setup=checkpoint.setup,
        held_out=apart,
    )
    if (learner.updates, done.path.name) not in log:
        entry = {'updates': learner.updates, 'bundle': done.path.name}
        append_synced(root / EXPORTS, json.dumps(entry).encode())
    return done._replace(note=note + done.note)


def export_bundle(
    learner: Learner,
    folder: Path | str,
    episodes: Sequence[CachedEpisode] = (),
    ids: Sequence[str] = (),
    parent: str = '',
    git_hash: str = '',
    setup: Setup | None = None,
    held_out: Sequence[Ordinary] = (),
) -> Exported:
    """Writes folder/<hash> and returns it once onnxruntime has repeated its self-test.

    Of some of `episodes` come the self-test's observations and the threshold, the largest
    disagreement along them; without them the self-test sees drawn images and there is no
    threshold. `ids` name all the episodes that the learner learned from (default: those of
    `episodes`); `parent` is the hash of the bundle that this one was fine-tuned from; `setup` the
    robot's in its episodes. `held_out` are ordinary episodes that it did not learn from: of them
    come the limits of the surprise, and with too few there are none.
    Raises BundleError if onnxruntime's results differ from torch's: no bundle is left then.
    """
    graphs, spec, some = learner.graphs(), learner.spec, _spread(episodes)
    sees = encoder_signature(spec, graphs.embed)
    chooses = policy_signature(spec, graphs.embed, graphs.deter, graphs.stoch)
    seen = list(islice(recorded_observations(some), TRIES * STEPS))
    seen = seen or drawn_observations(spec, 2 * STEPS)
    arrays, margin = selftest(graphs, spec, seen)
    threshold, limits = disagreement_threshold(graphs, some), surprise_limits(graphs, held_out)
    manifest = Manifest(
        spec=spec,
        setup=setup or Setup(),
        training=to_dict(learner.config),
        git_hash=git_hash,
        episodes=sorted(ids or [episode.id for episode in episodes]),
        parent=parent,
        disagreement_threshold=threshold,
        surprise_limits=limits,
    )
    networks = to_onnx(graphs.encoder, sees), to_onnx(graphs.policy, chooses)
    tolerance = _tolerance(networks, manifest, arrays)
    path = write_bundle(folder, *networks, replace(manifest, tolerance=tolerance), arrays)
    result = OnnxPolicy(path, latency_limit=float('inf')).selftest
    return Exported(
        path=path,
        error=result.error,
        latency=result.latency,
        margin=margin,
        disagreement_threshold=threshold,
        surprise_limits=limits,
        parent=parent,
        note='' if limits else why_none(graphs, held_out),
    )


def _tolerance(
    networks: tuple[bytes, bytes], manifest: Manifest, arrays: Mapping[str, np.ndarray]
) -> float:
    """Returns what the self-test allows: HEADROOM times what it finds here, within LEAST and MOST.

    Rounding in single precision, carried over 50 steps, is no two processors' the same. Raises
    BundleError if onnxruntime is further from torch than that leaves room for.
    """
    with TemporaryDirectory() as place:
        trial = write_bundle(place, *networks, replace(manifest, tolerance=MOST), arrays)
        found = OnnxPolicy(trial, latency_limit=float('inf')).selftest.error
    if found * HEADROOM > MOST:
        raise BundleError(
            f"onnxruntime differs from torch by {found:.1e} in the self-test's steps; expected at "
            f'most {MOST / HEADROOM:.1e}'
        )
    return max(LEAST, found * HEADROOM)


def _spread(episodes: Sequence[CachedEpisode]) -> list[CachedEpisode]:
    ordered = sorted(episodes, key=lambda episode: episode.id)
    return ordered[:: max(1, len(ordered) // MEASURED)][:MEASURED]


def _episodes(data: Sequence[Path], learner: Learner) -> list[CachedEpisode]:
    return read_episodes(data, learner.config.replay.success_parts).episodes


def _others(data: Sequence[Path], learner: Learner, known: set[str]) -> set[str]:
    """Returns the episodes of a run's data that are of other tasks than the run learned."""
    datasets = open_datasets(data)
    tasks = learned_tasks(datasets, known, learner.config.collect.task)
    records = [one for dataset in datasets for one in dataset.episodes()]
    return set(of_other_tasks(records, tasks))


def _ordinary(data: Sequence[Path], learner: Learner, known: set[str]) -> list[Ordinary]:
    """Returns the successful episodes of datasets that are not among the known ones, each once."""
    found: dict[str, Ordinary] = {}
    for root in data:
        dataset = Dataset.open(root)
        wrong = [] if dataset.spec is None else spec_mismatches(learner.spec, dataset.spec)
        if wrong:
            raise DatasetError(f"'{root}' is not of the run's robot: {'; '.join(wrong)}")
        for episode in _episodes([root], learner):
            if episode.successful and episode.id not in known:
                found[episode.id] = Ordinary(episode, episode.followed)
    return list(found.values())


def _read_log(path: Path) -> list[tuple[int, str]]:
    """Returns updates and hash of each bundle that was exported; other lines are left out."""
    return [
        (line['updates'], line['bundle'])
        for line in read_maps(path)
        if type(line.get('updates')) is int and re.fullmatch(SHA256, str(line.get('bundle')))
    ]

"""From a run to a policy bundle: two ONNX files, a manifest and a self-test of 50 steps.

In: a learner, or a run's folder, and recorded episodes. Out: a bundle folder that onnxruntime has
already repeated.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from moto_core.config import to_dict
from moto_core.durable import append_synced
from moto_core.errors import BundleError, DatasetError
from moto_core.policy.bundle import write_bundle
from moto_core.policy.manifest import SHA256, Manifest
from moto_core.policy.policy import OnnxPolicy
from moto_core.policy.signature import encoder_signature, policy_signature
from moto_core.spec import Setup
from moto_core.strict_json import read_maps
from moto_learning.agents.learner import Learner
from moto_learning.agents.policy_graph import Graphs
from moto_learning.data.cache import CachedEpisode
from moto_learning.data.sources import dataset_roots, read_episodes
from moto_learning.export.onnx_graph import to_onnx
from moto_learning.export.rehearsal import (
    STEPS,
    TRIES,
    drawn_observations,
    encoder_inputs,
    recorded_observations,
    selftest,
)
from moto_learning.run.checkpoint import learner_of
from moto_learning.run.checkpoints import FOLDER, load_checkpoint

MEASURED = 8  # episodes that the self-test and the threshold are taken from
EXPORTS = 'exports.jsonl'  # in a run's folder: what was exported from it, at which update


class Exported(NamedTuple):
    """A bundle as it was written, and how closely onnxruntime repeats torch."""

    path: Path
    error: float  # largest of the self-test, relative above 1
    latency: float  # [s] 90th percentile of a step
    margin: float  # lead [logits] of the least clear category in the self-test's states
    disagreement_threshold: float | None
    parent: str
    note: str  # '' or what the bundle lacks, and why


def export_run(run: Path | str, folder: Path | str) -> Exported:
    """Exports a run's last checkpoint (or the one at the path) to folder/<hash>.

    The parent is the bundle exported from the same run at an earlier update. If the datasets
    are gone the bundle has no threshold, and the note says so.
    Raises CheckpointError, and BundleError as `export_bundle` does.
    """
    checkpoint = load_checkpoint(run)
    learner = learner_of(checkpoint)
    path, meta = checkpoint.path, checkpoint.meta
    root = path.parents[1] if path.parent.name == FOLDER else path
    ids, note = list(meta.get('episodes', [])), ''
    try:
        episodes = _episodes(root, [Path(data) for data in meta.get('data', [])], learner, ids)
    except DatasetError as error:
        episodes, note = [], f'no disagreement threshold, drawn images in the self-test: {error}'
    log = _read_log(root / EXPORTS)
    parent = next((bundle for updates, bundle in reversed(log) if updates < learner.updates), '')
    done = export_bundle(
        learner, folder, episodes, ids, parent, str(meta.get('git', '')), checkpoint.setup
    )
    if (learner.updates, done.path.name) not in log:
        entry = {'updates': learner.updates, 'bundle': done.path.name}
        append_synced(root / EXPORTS, json.dumps(entry).encode())
    return done._replace(note=note)


def export_bundle(
    learner: Learner,
    folder: Path | str,
    episodes: Sequence[CachedEpisode] = (),
    ids: Sequence[str] = (),
    parent: str = '',
    git_hash: str = '',
    setup: Setup | None = None,
) -> Exported:
    """Writes folder/<hash> and returns it once onnxruntime has repeated its self-test.

    Of some of `episodes` come the self-test's observations and the threshold, the largest
    disagreement along them; without them the self-test sees drawn images and there is no
    threshold. `ids` name all the episodes that the learner learned from (default: those of
    `episodes`); `parent` is the hash of the bundle that this one was fine-tuned from; `setup` the
    robot's in its episodes.
    Raises BundleError if onnxruntime's results differ from torch's: no bundle is left then.
    """
    graphs, spec, some = learner.graphs(), learner.spec, _spread(episodes)
    sees = encoder_signature(spec, graphs.embed)
    chooses = policy_signature(spec, graphs.embed, graphs.deter, graphs.stoch)
    seen = list(islice(recorded_observations(some), TRIES * STEPS))
    seen = seen or drawn_observations(spec, 2 * STEPS)
    arrays, margin = selftest(graphs, spec, seen)
    threshold = disagreement_threshold(graphs, some)
    manifest = Manifest(
        spec=spec,
        setup=setup or Setup(),
        training=to_dict(learner.config),
        git_hash=git_hash,
        episodes=sorted(ids or [episode.id for episode in episodes]),
        parent=parent,
        disagreement_threshold=threshold,
    )
    existed = {path.name for path in Path(folder).glob('*')}
    path = write_bundle(
        folder, to_onnx(graphs.encoder, sees), to_onnx(graphs.policy, chooses), manifest, arrays
    )
    try:
        result = OnnxPolicy(path, latency_limit=float('inf')).selftest
    except BundleError:
        if path.name not in existed:
            shutil.rmtree(path)
        raise
    return Exported(
        path=path,
        error=result.error,
        latency=result.latency,
        margin=margin,
        disagreement_threshold=threshold,
        parent=parent,
        note='',
    )


def disagreement_threshold(graphs: Graphs, episodes: Sequence[CachedEpisode]) -> float | None:
    """Returns the largest disagreement of the policy's actions along recorded episodes, or None.

    The states are filtered from the recorded actions; the actions asked about are the policy's.
    """
    largest = [float(disagreements(graphs, episode).max()) for episode in episodes if len(episode)]
    return max(largest, default=None)


@torch.no_grad()
def disagreements(graphs: Graphs, episode: CachedEpisode) -> np.ndarray:
    """Returns the disagreement (T,) about the policy's action at each row of an episode."""
    led, first = (torch.from_numpy(episode.learned[name]) for name in ('action', 'is_first'))
    deter, stoch = torch.zeros(1, graphs.deter), torch.zeros(1, graphs.stoch)
    found = np.empty(len(episode), np.float32)
    for t, seen in enumerate(recorded_observations([episode])):
        embed = graphs.encoder(*encoder_inputs(seen))
        out = graphs.policy.step(embed, deter, stoch, led[t][None], first[t][None].float())
        deter, stoch, found[t] = out.post.deter, out.post.stoch, out.disagreement.item()
    return found


def _spread(episodes: Sequence[CachedEpisode]) -> list[CachedEpisode]:
    ordered = sorted(episodes, key=lambda episode: episode.id)
    return ordered[:: max(1, len(ordered) // MEASURED)][:MEASURED]


def _episodes(
    root: Path, data: list[Path], learner: Learner, ids: list[str]
) -> list[CachedEpisode]:
    known, parts = set(ids), learner.config.replay.success_parts
    episodes = read_episodes(dataset_roots(data, root), parts).episodes
    return [episode for episode in episodes if episode.id in known]


def _read_log(path: Path) -> list[tuple[int, str]]:
    """Returns updates and hash of each bundle that was exported; other lines are left out."""
    return [
        (line['updates'], line['bundle'])
        for line in read_maps(path)
        if type(line.get('updates')) is int and re.fullmatch(SHA256, str(line.get('bundle')))
    ]

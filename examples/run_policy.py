"""A policy bundle without ROS: load it, step it, carry its state.

python examples/run_policy.py runs/demo/bundles/<hash>
"""

import argparse
import sys

from moto_core.command import Parser, run_command
from moto_core.policy.policy import OnnxPolicy
from moto_sim.tasks import make


def main(args: argparse.Namespace) -> int:
    """Runs one episode under the guard and prints what came of it; returns 0."""
    policy = OnnxPolicy(args.bundle)  # verifies hashes and runs the bundle's self-test
    env = make('kitchen-microwave')
    observation, info = env.reset(seed=7)
    state, done = policy.initial(), False
    while not (done or info['success']):
        images = {name: observation[name] for name in policy.spec.cameras}
        chosen = policy.step(images, observation.get('proprioception'), state)
        observation, reward, _, done, info = env.step(chosen.action)
        state = chosen.state
    print(
        'success' if info['success'] else 'failure',
        f'disagreement at the end {chosen.disagreement:.3f}, surprise {chosen.surprise:.1f} nats',
    )
    env.close()
    return 0


def _parser() -> Parser:
    parser = Parser('run_policy.py', __doc__)
    parser.add_argument('bundle', help="a bundle's folder, as moto-export writes it")
    return parser


if __name__ == '__main__':
    sys.exit(run_command(_parser, main))

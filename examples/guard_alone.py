"""The guard alone: requests for joint velocities go in, what an arm may be sent comes out.

python examples/guard_alone.py [fr3] [commissioning]
"""

import argparse

import numpy as np

from moto_core.guard.simulated import Guarded


def main(robot: str, profile: str) -> None:
    """Asks for far too much, then for nonsense, and prints what is let out."""
    guard = Guarded(robot, profile)
    position, tick = np.array(guard.robot.home), guard.config.tick
    too_much = 10.0 * guard.spec.scale  # [rad/s, m/s], ten times the scale of an action
    nonsense = np.full(guard.spec.action_size, np.nan)
    last = None
    for t in range(round(1.0 / tick)):
        request = too_much if t * tick < 0.5 else nonsense
        output = guard.tick(request, position, np.zeros(len(position)), t * tick)
        position = position + output.velocity * tick  # stands for your arm, which follows exactly
        if (output.state, output.reasons) != last:
            share = np.abs(output.velocity / guard.limits.dq).max()
            print(f'{t * tick:.3f} s {output.state} {share:.3f} of the cap {output.reasons}')
        last = output.state, output.reasons
    moved = np.abs(position - guard.robot.home).max()
    end = 'moving' if output.velocity.any() else 'at rest'
    print(f'asked for {too_much.max():g} rad/s, moved {moved:.3f} rad, {end} in {output.state}')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('robot', nargs='?', default='fr3')
    parser.add_argument('profile', nargs='?', default='commissioning')
    main(**vars(parser.parse_args()))

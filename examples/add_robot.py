"""Another robot is one YAML file: its cameras and joints, its limits, the guard's profiles.

python examples/add_robot.py examples/my_arm.yaml
moto-up and the launch file take it as robot_type:=my_arm.yaml.
"""

import argparse

import numpy as np

from moto_core.guard.brake import Knot, stop_from
from moto_core.guard.limits import load_robot, resolve


def main(file: str) -> None:
    """Loads a robot, which checks it, and prints what each profile allows it."""
    robot = load_robot(file)
    print(f'{robot.name}: {len(robot.spec.joints)} joints, cameras {sorted(robot.spec.cameras)}')
    for name in robot.profiles:
        limits = resolve(robot, name)
        home = np.array(robot.home)
        full = Knot(time=0.0, position=home, velocity=limits.dq, acceleration=np.zeros_like(home))
        rest = stop_from(limits, full)[-1]
        distance = np.abs(rest.position - home).max()
        print(
            f'{name}: speeds {limits.dq.tolist()} rad/s; from full speed at home it rests after '
            f'{rest.time:.2f} s and {distance:.2f} rad'
        )


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('file', help='of the robot, or the name of one of config/robot')
    main(**vars(parser.parse_args()))

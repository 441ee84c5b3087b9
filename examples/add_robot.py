"""Another robot is one YAML file: its cameras and joints, its limits, the guard's profiles.

python examples/add_robot.py examples/my_arm.yaml
moto-up and the launch file take it as robot_type:=my_arm.yaml.
"""

import argparse

from moto_core.guard.brake import trajectory_to_rest
from moto_core.guard.limits import load_robot, resolve


def main(file: str) -> None:
    """Loads a robot, which checks it, and prints what each profile allows it."""
    robot = load_robot(file)
    print(f'{robot.name}: {len(robot.spec.joints)} joints, cameras {sorted(robot.spec.cameras)}')
    for name in robot.profiles:
        limits = resolve(robot, name)
        way = trajectory_to_rest(limits, robot.home, limits.dq.tolist())
        distance = max(abs(to - start) for to, start in zip(way[-1].position, robot.home))
        print(
            f'{name}: speeds {limits.dq.tolist()} rad/s; from full speed at home it rests after '
            f'{way[-1].time_from_start:.2f} s and {distance:.2f} rad'
        )


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('file', help='of the robot, or the name of one of config/robot')
    main(**vars(parser.parse_args()))

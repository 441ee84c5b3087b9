"""Which set of `pip install '.[...]'` a package belongs to, so that a missing one says what to do.

In: an ImportError, or names of packages. Out: nothing, or a ConfigError of one line.
"""

from __future__ import annotations

from importlib.util import find_spec

from moto_core.errors import ConfigError, one_line

PIP = "pip install -c constraints.txt '.[{}]'"
RUNS = f'{PIP.format("cpu")} (or gpu; robot on a robot)'
ROS = f'source a ROS 2, or on x86_64 Linux {PIP.format("ros")}'
SETS = {
    PIP.format('train'): ('torch', 'onnx', 'onnxscript', 'tensorboard', 'av', 'matplotlib'),
    PIP.format('sim'): (
        *('mujoco', 'gymnasium', 'gymnasium_robotics', 'metaworld', 'fast_simplification'),
        *('moto_sim',),
    ),
    PIP.format('exchange'): ('pyarrow', 'h5py', 'rosbags'),
    PIP.format('rerun'): ('rerun',),
    PIP.format('ray'): ('ray',),
    PIP.format('console'): ('aiohttp',),
    RUNS: ('onnxruntime', 'cv2'),
    ROS: (
        *('rclpy', 'sensor_msgs', 'std_msgs', 'std_srvs', 'trajectory_msgs', 'diagnostic_msgs'),
        *('lifecycle_msgs', 'builtin_interfaces', 'rcl_interfaces', 'action_msgs'),
    ),
}
"""What to type: the packages that it brings."""


def missing(error: ImportError) -> ConfigError | None:
    """Returns what to say of an import that failed; None if no set brings what it lacks."""
    package = (error.name or '').partition('.')[0]
    for typed, packages in SETS.items():
        if package in packages:
            return ConfigError(f'{package} cannot be imported ({one_line(error)}); {typed}')
    return None


def need(*packages: str) -> None:
    """Raises ConfigError for the first package that is not installed."""
    for package in packages:
        if find_spec(package) is None:
            error = ImportError('it is not installed', name=package)
            raise missing(error) or ConfigError(f'{package} is not installed')

"""One ament_python package: pip installs it with extras, colcon builds it as it is.

`pip install .` brings what every room needs but onnxruntime and OpenCV, of which a machine wants
its own: one of the extras cpu, gpu and robot names them. Upper bounds stand at the next major
version, which nobody has tried; constraints.txt holds the versions that were.
"""

from pathlib import Path
from xml.etree import ElementTree

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent  # colcon links to this file
NAME = 'moto_ros'
VERSION = ElementTree.parse(HERE / 'package.xml').findtext('version')  # stands there alone

CORE = [
    'numpy>=1.26,<3',  # 1.26 is Ubuntu 24.04's, which ROS 2 Jazzy's cv_bridge is compiled for
    'pyyaml>=6,<7',
    'omegaconf>=2.3,<3',
    'lz4>=4.3,<5',
    'mcap>=1.5,<2',
    'mcap-ros2-support>=0.5,<1',
    'filelock<5',
    'python-ulid>=3,<5',
    'rich<16',
    'ruckig<1',
    'zstandard>=0.22,<1',
]
OPENCV = 'opencv-python>=4.6,<6'  # from 5 on it needs numpy 2
EXTRAS = {
    # one of these three: onnxruntime and onnxruntime-gpu overwrite each other's files
    'cpu': ['onnxruntime>=1.20,<2', OPENCV],
    'gpu': ['onnxruntime-gpu>=1.20,<2', OPENCV],
    'robot': ['onnxruntime>=1.20,<2'],  # numpy and OpenCV stay the distribution's
    'train': [
        'torch>=2.11,<2.14',
        'onnx<2',
        'onnxscript<1',
        'tensorboard<3',
        'av<19',
        'matplotlib<4',
    ],
    'sim': [
        'mujoco==3.3.0',
        'gymnasium<2',
        'gymnasium-robotics>=1.4.2,<2',
        'metaworld>=3.1,<4',
        'fast-simplification<1',
        'av<19',
    ],
    'ros': [
        'ros-jazzy-rclpy[fastrtps]==7.1.6',
        'ros-jazzy-sensor-msgs==5.3.6',
        'ros-jazzy-std-msgs==5.3.6',
        'ros-jazzy-std-srvs==5.3.6',
        'ros-jazzy-trajectory-msgs==5.3.6',
        'ros-jazzy-diagnostic-msgs==5.3.6',
        'ros-jazzy-lifecycle-msgs==2.0.3',
    ],
    'exchange': ['pyarrow<27', 'h5py<4', 'av<19', 'rosbags<1'],  # moto-data import, export
    'wandb': ['wandb<1'],  # train.wandb
    'console': ['aiohttp>=3.10,<4'],  # moto-console
    'ray': ['ray>=2.9,<3'],  # moto-sweep --engine ray
    'rerun': ['rerun-sdk>=0.23,<1'],  # moto-data inspect --rerun
    'dev': [
        'pytest<10',
        'pytest-xdist<4',
        'hypothesis<7',
        'ruff<1',
        'mypy<3',
        'types-PyYAML<7',
        'rosbags<1',
        'packaging<27',
        'playwright<2',  # drives a Chromium that is there; it brings none
    ],
}
COMMANDS = [
    'moto-data = moto_learning.commands.data:main',
    'moto-train = moto_learning.commands.train:main',
    'moto-sweep = moto_learning.commands.sweep:main',
    'moto-report = moto_learning.commands.report:main',
    'moto-results = moto_learning.commands.results:main',
    'moto-eval = moto_learning.commands.eval:main',
    'moto-measure = moto_learning.commands.measure:main',
    'moto-export = moto_learning.commands.export:main',
    'moto-finetune = moto_learning.commands.finetune:main',
    'moto-demo = moto_learning.commands.demo:main',
    'moto-up = moto_ros.bringup.up:main',
    'moto-chaos = moto_ros.chaos.command:main',
    'moto-console = moto_ros.console.command:main',
    *(
        f'moto_{name}_node = moto_ros.nodes.{name}:main'  # for `ros2 run moto_ros ...`
        for name in ('policy', 'guard', 'recorder', 'twin', 'teleop')
    ),
    'moto_session = moto_ros.bringup.session:main',
]


def shared_files(folder: str) -> list[tuple[str, list[str]]]:
    """Lists a folder's files as data_files under share/moto_ros."""
    files = sorted(
        p
        for p in (HERE / folder).rglob('*')
        if p.is_file() and p.suffix in ('.yaml', '.xml', '.json', '.py')
    )
    return [
        (f'share/{NAME}/{p.parent.relative_to(HERE)}', [str(p.relative_to(HERE))]) for p in files
    ]


setup(
    name=NAME,
    version=VERSION,
    description='MOTO on a Franka arm: learn from camera images, run under a guard, fine-tune',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    author='The MOTO maintainers',
    python_requires='>=3.10',
    packages=[*find_packages(include=['moto_core*', 'moto_learning*', 'moto_ros*']), 'moto_sim'],
    package_dir={'moto_sim': 'sim/moto_sim'},
    package_data={'moto_learning': ['report/published/*.csv'], 'moto_ros': ['console/page/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        *shared_files('launch'),
        *shared_files('config'),
    ],
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={'console_scripts': COMMANDS},
    zip_safe=False,
)

"""One ament_python package: pip installs it with extras, colcon builds it as it is."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
NAME = 'moto_ros'

CORE = [
    'numpy',
    'pyyaml',
    'omegaconf>=2.3',
    'onnxruntime>=1.20',
    'opencv-python',
    'mcap>=1.5',
    'mcap-ros2-support>=0.5',
    'filelock',
    'python-ulid>=3',
    'rich',
    'ruckig',
]
EXTRAS = {
    'train': ['torch>=2.11,<2.14', 'onnx', 'onnxscript', 'tensorboard', 'av', 'matplotlib'],
    'sim': [
        'mujoco==3.3.0',
        'gymnasium',
        'gymnasium-robotics>=1.4.2',
        'metaworld>=3.1',
        'fast-simplification',
        'av',
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
    'gpu': ['onnxruntime-gpu'],
    'dev': ['pytest', 'hypothesis', 'ruff', 'mypy', 'types-PyYAML', 'rosbags'],
}
COMMANDS = [
    'moto-data = moto_learning.commands.data:main',
    'moto-train = moto_learning.commands.train:main',
    'moto-eval = moto_learning.commands.eval:main',
    'moto-export = moto_learning.commands.export:main',
    'moto-demo = moto_learning.commands.demo:main',
    'moto-up = moto_ros.bringup.table.up:main',
    *(
        f'moto_{name}_node = moto_ros.nodes.{name}:main'  # for `ros2 run moto_ros ...`
        for name in ('policy', 'guard', 'recorder', 'twin')
    ),
    'moto_session = moto_ros.bringup.table.session:main',
]


def shared_files(folder: str) -> list[tuple[str, list[str]]]:
    """Lists a folder's files as data_files under share/moto_ros."""
    files = sorted(
        p
        for p in (HERE / folder).rglob('*')
        if p.is_file() and p.suffix in ('.yaml', '.xml', '.py')
    )
    return [
        (f'share/{NAME}/{p.parent.relative_to(HERE)}', [str(p.relative_to(HERE))]) for p in files
    ]


setup(
    name=NAME,
    version='0.1.0',
    description='MOTO on a Franka arm: learn from camera images, run under a guard, fine-tune',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    author='The MOTO maintainers',
    author_email='maintainers@moto-robotics.org',
    python_requires='>=3.10',
    packages=[*find_packages(include=['moto_core*', 'moto_learning*', 'moto_ros*']), 'moto_sim'],
    package_dir={'moto_sim': 'sim/moto_sim'},
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

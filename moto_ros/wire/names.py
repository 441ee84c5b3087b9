"""Topics, services and nodes by name; relative, so that one `namespace` moves the whole graph.

Topics of a robot's own drivers (cameras, joint states, controllers) come from the configuration.
"""

POLICY = 'moto_policy'
GUARD = 'moto_guard'
RECORDER = 'moto_recorder'
TWIN = 'moto_twin'

REQUEST = 'moto/policy/command_request'  # JointState: velocity, stamp of the observation
STEP = 'moto/policy/step'  # String JSON: one for each decision
STATUS = 'moto/policy/status'  # String JSON, 10 Hz
MANIFEST = 'moto/policy/manifest'  # String JSON, latched
OBSERVATION = 'moto/policy/observation'  # + /<camera>: Image, what the policy saw
TELEOP_REQUEST = 'moto/teleop/command_request'  # JointState, a person's requests

EXECUTED = 'moto/guard/executed'  # JointState: what was sent; frame_id: the reasons
GUARD_STATE = 'moto/guard/state'  # String JSON, 10 Hz
ESTOP = 'moto/estop'  # Bool, latched
JOY = 'joy'  # Joy: the deadman
GRIPPER = 'moto/gripper/commands'  # Float64MultiArray: one velocity a finger [m/s]

EPISODE = 'moto/recorder/episode'  # String JSON, latched: the episode begins or ends
RECORDER_STATE = 'moto/recorder/state'  # String JSON, 10 Hz
TASK_STATE = 'moto/twin/task_state'  # String JSON: stamp, reward, success
DIAGNOSTICS = 'diagnostics'  # DiagnosticArray, 1 Hz


def service(node: str, name: str) -> str:
    """Returns the relative name of a node's private service, '~/name' seen from outside."""
    return f'{node}/{name}'


def observation_topic(camera: str) -> str:
    """Returns the topic of the images that the policy saw of one camera."""
    return f'{OBSERVATION}/{camera}'

"""The nodes of the graph by name, and the services that each offers; nothing imports rclpy here.

In: nothing. Out: names for whoever makes a node, a service or a caller of one. All are relative,
so that one `namespace` moves the whole graph.
"""

POLICY = 'moto_policy'
GUARD = 'moto_guard'
RECORDER = 'moto_recorder'
TWIN = 'moto_twin'
TELEOP = 'moto_teleop'

TRIGGERS = {  # node: its services of type std_srvs/Trigger
    GUARD: ('arm', 'disarm', 'home', 'estop', 'reset_fault', 'begin_anew'),
    POLICY: ('start_episode', 'stop_episode', 'reload_policy', 'rollback_policy'),
    RECORDER: ('start_episode', 'stop_episode', 'time_out_episode', 'discard_episode'),
    TWIN: ('reset', 'error_recovery'),
    TELEOP: (),
}
SWITCHES = {  # node: its services of type std_srvs/SetBool
    GUARD: ('set_dry_run', 'set_intervention'),
    RECORDER: ('end_episode',),
    TWIN: ('cover_camera', 'user_stop'),
}


def service_name(node: str, service: str) -> str:
    """Returns the relative name of a node's private service, '~/service' seen from outside."""
    return f'{node}/{service}'

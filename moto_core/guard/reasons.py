"""The guard's reason codes and what each means, for logs, diagnostics and operators."""

REASONS = {
    'not_armed': 'nobody has armed the guard',
    'inactive': 'the life cycle says not active',
    'deadman': 'the deadman is not pressed, or must be let go and pressed anew',
    'estop': 'the e-stop is, or was, pressed',
    'clock': 'the steady clock did not advance',
    'tick_gap': 'the last tick is too long ago',
    'beginning': 'the controller goes to where a reference begins; the arm stands until then',
    'coming_to_rest': 'the cause of the hold is gone; the arm comes to rest first',
    'request_missing': 'no request since arming',
    'request_stale': 'the request is older than 2.5 policy periods, by receipt or stamp',
    'request_future': 'the request is stamped ahead of now',
    'request_late': 'a request older than the one in force was dropped',
    'request_unstamped': 'the stamp is zero; the time of receipt serves (warning)',
    'request_names': 'names are missing, unknown or twice',
    'request_size': 'there are more or fewer values than names',
    'request_nonfinite': 'a value is NaN or infinite',
    'request_scale': 'the speed scale is below zero',
    'request_rejects': 'too many requests were refused (fault)',
    'request_timeout': 'nothing that may be followed was asked for, for too long (fault)',
    'joints_missing': 'no joint state yet',
    'joints_stale': 'the joint state is too old',
    'joints_future': 'the joint state is stamped ahead of now',
    'joints_names': 'joints are missing or twice',
    'joints_size': 'there are more or fewer values than names',
    'joints_nonfinite': 'a value is NaN or infinite',
    'joints_jump': 'a joint moved further than dq_max dt + 0.02 rad',
    'joints_outside': 'a joint is implausibly far outside its limits',
    'joints_rejects': 'too many joint states were refused (fault)',
    'joints_timeout': 'no joint state that may be relied on came for too long (fault)',
    'away_from_home': 'a policy begins near home, and the arm was moved away since it was armed',
    'armed_timeout': 'it was armed and moved nothing for guard.armed_timeout; arm it again',
    'not_recording': 'record.required is set, and no recorder records',
    'estop_silent': 'an e-stop that has to speak does not (fault)',
    'estop_unheard': 'an e-stop has no publisher, or one that cannot be heard (fault)',
    'two_masters': 'somebody else publishes commands too (fault)',
    'two_requesters': 'two publish requests as the policy, or as the person (fault)',
    'nobody_listens': 'no controller takes the commands (fault)',
    'controller_unfit': 'the controller follows trajectories otherwise than is meant (fault)',
    'joints_frozen': 'the arm was told to move and no measured number changed (fault)',
    'following_error': 'a joint is more than 0.1 rad from where it is led (fault)',
    'two_deadmen': 'more than one publishes the deadman: who holds it is not known (fault)',
    'led_elsewhere': 'the joints are not where the arm was led last; begin_anew (fault)',
    'joints_slow': 'joint states come more than 20 ms apart (warning)',
    'uncertain': 'the policy is uncertain: slower, or (in HOLD) at rest until a person confirms',
    'velocity': 'slowed as a vector to the speed cap',
    'velocity_at_position': "slowed as a vector to FR3's position-dependent limit",
    'position': 'a joint nears its limit',
    'acceleration': 'the change of velocity was bounded',
    'jerk': 'the change of acceleration was bounded',
    'stopping_distance': 'a joint was held so that a legal stop stays possible',
    'gripper': 'a gripper entry was clipped to its scale',
}
"""Code -> meaning; a node's latch_fault may add causes of its own."""

LETS_THROUGH = frozenset(
    {
        *('velocity', 'velocity_at_position', 'position', 'acceleration', 'jerk'),
        *('stopping_distance', 'gripper', 'joints_slow', 'request_late', 'request_unstamped'),
    }
)
"""Codes under which the arm does what is asked, as far as limits let it; others stop it."""


def stops(reasons: tuple[str, ...], speed_scale: float) -> set[str]:
    """Returns those of a row's reasons that keep the arm from doing what is asked.

    Doubt is none where its scale in [0, 1] slows the arm and does not hold it.
    """
    slower = 0.0 < speed_scale < 1.0
    return {*reasons} - LETS_THROUGH - ({'uncertain'} if slower else set())

"""Rules 2 and 3: what of a message is believed, counted, dropped; faults 3, 8, 9 and 11."""

import numpy as np
import pytest

from moto_core.guard.guard import arm, reset_fault
from moto_core.guard.state import FAULT, HOLD, RUNNING, GuardConfig, GuardRefusal
from tests.core.guard.guard_rig import ON, Rig

NAN, INF = float('nan'), float('inf')


def moving(**options):
    rig = Rig(**options)
    assert rig.run(0.4, 0.4).state == RUNNING
    return rig


def bad_requests(rig):
    """Reason code -> a request that earns it."""
    rig.ask(0.4)
    good, names = rig.request, rig.names
    one = good.velocity.copy()
    one[3] = NAN
    return {
        'nan': ('request_nonfinite', good._replace(velocity=one)),
        'inf': ('request_nonfinite', good._replace(velocity=np.full(7, -INF))),
        'stamp_nan': ('request_nonfinite', good._replace(stamp=NAN)),
        'received_none': ('request_nonfinite', good._replace(received=None)),
        'scale_nan': ('request_nonfinite', good._replace(speed_scale=NAN)),
        'huge_integer': ('request_size', good._replace(velocity=[10**400] * 7)),
        'scale_negative': ('request_scale', good._replace(speed_scale=-0.5)),
        'short': ('request_size', good._replace(velocity=np.zeros(6))),
        'long': ('request_size', good._replace(velocity=np.zeros(8))),
        'matrix': ('request_size', good._replace(velocity=np.zeros((7, 1)))),
        'scalar': ('request_size', good._replace(velocity=np.float64(1.0))),
        'text': ('request_size', good._replace(velocity=['fast'] * 7)),
        'none': ('request_size', good._replace(velocity=None)),
        'unknown_name': ('request_names', good._replace(names=(*names[:6], 'joint7'))),
        'duplicate': ('request_names', good._replace(names=(*names[:6], names[0]))),
        'missing': ('request_names', good._replace(names=names[:6], velocity=np.zeros(6))),
        'no_names': ('request_names', good._replace(names=None)),
        'future': ('request_future', good._replace(stamp=rig.now + 0.03)),
        'from_the_future': ('request_future', good._replace(received=rig.now + 0.03)),
    }


@pytest.mark.parametrize('kind', list(bad_requests(Rig())))
def test_a_bad_request_is_refused_whole_and_three_in_a_row_fault(kind):
    rig = moving()
    before = rig.velocity
    for count in range(3):
        reason, rig.request = bad_requests(rig)[kind]
        output = rig.tick()
        assert output.state == (HOLD if count < 2 else FAULT)
        assert reason in output.reasons
        assert output.requested is None
        assert np.isfinite(output.velocity).all()
        assert (abs(output.velocity) < abs(before)).all()  # the other six brake too
        before = output.velocity
    assert output.reasons == ('request_rejects', reason)


def test_one_bad_request_seen_at_many_ticks_counts_once():
    rig = moving()
    _, rig.request = bad_requests(rig)['nan']
    assert rig.coast(0.9).state == HOLD
    assert rig.state.requests.rejects.in_row == 1
    assert rig.coast(0.2).reasons[:1] == ('request_timeout',)  # and then it is silence


def test_two_bad_requests_and_a_good_one_start_the_count_anew():
    rig = moving()
    for _ in range(3):
        for _ in range(2):
            _, rig.request = bad_requests(rig)['nan']
            rig.tick()
        assert rig.run(0.4, 0.004).state == HOLD  # on its way to rest
    assert rig.run(0.4, 0.4).state == RUNNING


def test_ten_bad_requests_within_ten_seconds_fault_and_nine_do_not():
    for spacing, state in ((1.0, FAULT), (1.25, RUNNING)):  # the 10th at 9.0 s, and at 11.3 s
        rig = moving()
        for _ in range(10):
            _, rig.request = bad_requests(rig)['nan']
            rig.tick()
            rig.run(0.4, spacing - 0.004)
        assert rig.state.mode == state


def test_a_fault_of_bad_requests_resets_only_when_they_have_stopped():
    rig = moving()
    for _ in range(100):
        _, rig.request = bad_requests(rig)['nan']
        rig.tick()
    with pytest.raises(GuardRefusal, match='request_nonfinite'):
        reset_fault(rig.state, ON)
    rig.coast(0.6)
    rig.state = arm(reset_fault(rig.state, ON))
    assert rig.run(0.4, 0.1).state == RUNNING


def test_a_request_in_another_order_is_mapped_by_name():
    rig = Rig()
    wanted = np.linspace(-0.3, 0.3, 7)
    order = [3, 0, 6, 1, 5, 2, 4]
    for _ in range(100):
        rig.ask(wanted[order], names=tuple(rig.names[i] for i in order))
        rig.tick()
    assert rig.velocity == pytest.approx(wanted, rel=1e-5)


def test_names_may_be_a_list_and_values_too():
    rig = Rig()
    rig.ask(0.4)
    rig.request = rig.request._replace(names=list(rig.names), velocity=[0.4] * 7)
    assert rig.tick().state == RUNNING


def test_a_zero_stamp_uses_the_time_of_receipt_with_a_warning():
    rig = moving()
    rig.ask(0.4, stamp=0.0)
    output = rig.tick()
    assert output.state == RUNNING
    assert output.reasons == ('request_unstamped',)


def test_a_stamp_a_little_ahead_is_taken():
    rig = moving()
    rig.ask(0.4, stamp=rig.now + 0.019)
    assert rig.tick().state == RUNNING


def test_a_stamp_that_lies_ahead_makes_no_request_younger_than_its_receipt():
    rig = moving()
    rig.ask(0.4, stamp=rig.now + 0.019)
    received = rig.now
    while rig.tick().state == RUNNING:
        pass
    assert rig.now - rig.config.tick - received == pytest.approx(0.204, abs=1e-6)
    assert rig.outputs[-1].reasons == ('request_stale',)


def test_a_late_result_is_dropped_and_not_queued():
    rig = moving()
    rig.ask(0.4)
    rig.tick()
    rig.ask(-0.4, stamp=rig.now - 0.08)  # an earlier observation's answer
    output = rig.tick()
    assert 'request_late' in output.reasons
    assert output.requested == pytest.approx(np.full(7, 0.4))


def test_a_request_that_is_stale_on_arrival_does_not_move_the_arm():
    rig = Rig()
    rig.ask(0.4, stamp=rig.now - 0.21)
    output = rig.tick()
    assert 'request_stale' in output.reasons
    assert not output.velocity.any()


def bad_joints(rig):
    rig.sense()
    good = rig.measured
    one, jump, far = good.position.copy(), good.position.copy(), good.position.copy()
    one[2], jump[2], far[5] = NAN, jump[2] + 0.05, 5.1  # 2.62 * 0.004 + 0.02 = 0.0305
    return {
        'nan': ('joints_nonfinite', good._replace(position=one)),
        'nan_velocity': ('joints_nonfinite', good._replace(velocity=one)),
        'stamp_inf': ('joints_nonfinite', good._replace(stamp=INF)),
        'short': ('joints_size', good._replace(position=np.zeros(6))),
        'short_velocity': ('joints_size', good._replace(velocity=np.zeros(6))),
        'none': ('joints_size', good._replace(position=None)),
        'missing': (
            'joints_names',
            good._replace(names=good.names[:6], position=np.zeros(6), velocity=np.zeros(6)),
        ),
        'duplicate': ('joints_names', good._replace(names=(*good.names[:6], good.names[0]))),
        'twice': (
            'joints_names',
            good._replace(
                names=(*good.names, good.names[0]), position=np.zeros(8), velocity=np.zeros(8)
            ),
        ),
        'future': ('joints_future', good._replace(stamp=rig.now + 0.03)),
        'jump': ('joints_jump', good._replace(position=jump)),
        'outside': ('joints_outside', good._replace(position=far)),
        'huge': ('joints_outside', good._replace(position=np.full(7, 1e30))),
    }


@pytest.mark.parametrize('kind', list(bad_joints(Rig())))
def test_a_bad_joint_state_is_refused_and_three_in_a_row_fault(kind):
    rig = moving()
    for count in range(3):
        reason, rig.measured = bad_joints(rig)[kind]
        rig.ask(0.4)
        output = rig.tick(sense=False)
        assert output.state == (HOLD if count < 2 else FAULT)
        assert reason in output.reasons
        assert np.isfinite(output.velocity).all()
    assert output.reasons == ('joints_rejects', reason)


def test_joint_states_are_mapped_by_name_and_extra_names_ignored():
    rig = Rig()
    rig.position[1] = rig.limits.q_max[1] - 0.05  # joint 2 inside its margin
    for _ in range(100):
        order = [6, 5, 4, 3, 2, 1, 0]
        names = ('finger', *(rig.names[i] for i in order))
        rig.sense(
            names=names,
            position=np.array([9.0, *rig.position[order]]),
            velocity=np.array([NAN, *rig.velocity[order]]),
        )
        rig.ask(0.3)
        output = rig.tick(sense=False)
    assert output.state == RUNNING
    assert output.velocity[1] == 0.0
    assert output.velocity[[0, 2, 3]] == pytest.approx(np.full(3, 0.3), rel=1e-5)


def test_joint_states_without_velocities_will_do():
    rig = Rig()
    rig.ask(0.3)
    rig.sense(velocity=np.zeros(0))
    assert rig.tick(sense=False).state == RUNNING


def test_an_older_joint_state_is_dropped():
    rig = moving()
    kept = rig.state.joints.position
    rig.sense(stamp=rig.now - 0.05, position=rig.position + 0.01)  # less than a jump
    rig.tick(sense=False)
    assert rig.state.joints.position == kept


def test_a_teleported_arm_faults_and_is_believed_after_the_reset():
    rig = moving()
    rig.run(0.0, 0.2)
    rig.position = rig.position + 0.3
    assert rig.run(0.0, 0.012).reasons[:2] == ('joints_rejects', 'joints_jump')
    rig.coast(0.6, sense=False)
    rig.state = arm(reset_fault(rig.state, ON))
    assert rig.run(0.3, 0.1).state == RUNNING


def test_more_patience_can_be_configured():
    rig = moving(config=GuardConfig(rejects_in_row=5))
    for count in range(5):
        _, rig.request = bad_requests(rig)['nan']
        assert rig.tick().state == (HOLD if count < 4 else FAULT)

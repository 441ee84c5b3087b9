"""Who is at the other ends of the guard's topics, whether or not a message of theirs came.

In: the graph. Out: what must not be while the arm may move (somebody else commands it, two publish
requests as one source, an e-stop that cannot be heard), as refusals that name the topic and the
nodes, and as faults once it is armed.
"""

from __future__ import annotations

from typing import NamedTuple

from moto_core.guard.state import ESTOP, GuardRefusal
from moto_ros.loops.guard import ArmGuard
from moto_ros.nodes.guard_inputs import REQUESTS
from moto_ros.nodes.guard_outputs import GuardOutputs
from moto_ros.wire import interface
from moto_ros.wire.controllers import Controllers
from moto_ros.wire.endpoints import End, full_name, listeners, listening, onlookers, publishers
from moto_ros.wire.interface import subscription_mismatches, type_name
from moto_ros.wire.lifecycle import MotoNode

NO_ESTOP = (
    'guard.estops names no topic of an e-stop: name one (guard.estop_required:=false says that '
    'there is none)'
)


class Trouble(NamedTuple):
    """What must not be while the arm may move."""

    reason: str  # code, of the fault that it is while armed
    words: str  # topic, nodes, what to do


class GuardPeers:
    """The nodes that one guard's node hears and tells."""

    def __init__(self, node: MotoNode, loop: ArmGuard, outputs: GuardOutputs) -> None:
        """Looks at the graph whenever it is asked."""
        self.node, self.loop, self.outputs = node, loop, outputs
        config = node.config
        self._required = config.guard.estop_required and config.record.source == 'robot'
        self._requests = [node.resolve_topic_name(topic.name) for topic in REQUESTS.values()]
        self._estops = {name: node.resolve_topic_name(name) for name in config.guard.estops}
        self._heartbeat = config.guard.estop_heartbeat
        joy = node.resolve_topic_name(interface.JOY.name)
        self._deadman = joy if config.guard.deadman_required else ''
        self._asked: Controllers | None = None
        if loop.delay and config.record.source == 'robot' and config.command.ask_controller:
            self._asked = Controllers(node, node.robot.spec.joints)
            node.destroyed_with(self._asked.destroy)

    def poll(self) -> None:
        """Asks the controllers how they follow trajectories."""
        if self._asked is not None and self.loop.sends:
            self._asked.poll(self._listening)

    def troubles(self) -> list[Trouble]:
        """Returns what is wrong with who sends requests and e-stops; empty if nothing is."""
        found = []
        if self._required and not self._estops and self.loop.sends:
            found.append(Trouble('estop_unheard', NO_ESTOP))
        for topic in self._requests:
            if words := self._rivals(topic, 'requests'):
                found.append(Trouble('two_requesters', words))
        for name, topic in self._estops.items():
            words = self._deaf(topic) or (self._absent(name, topic) if self.loop.sends else '')
            words = words or self._hidden(name, topic)
            if words:
                found.append(Trouble('estop_unheard', words))
        if self._deadman and (words := self._rivals(self._deadman, 'the deadman')):
            found.append(Trouble('two_deadmen', words))
        return found

    def check(self, troubles: list[Trouble] | None = None) -> None:
        """Raises GuardRefusal if the arm may not be armed in this graph."""
        topic = self.outputs.topic
        if self.outputs.is_alone:
            looking = ', '.join(onlookers(self.node, topic))
            but = f' but {looking}, which moves nothing' if looking else ''
            raise GuardRefusal(f"nobody listens on '{topic}'{but}: start the controller, then arm")
        for trouble in self.troubles() if troubles is None else troubles:
            raise GuardRefusal(f'{trouble.words}, then arm')
        if words := self._unasked():
            raise GuardRefusal(f'{words}, then arm')

    def check_reset(self) -> None:
        """Raises GuardRefusal while the graph is why a fault, or an e-stop, is latched."""
        if self.outputs.has_two_masters:
            raise GuardRefusal(
                f"somebody else publishes on '{self.outputs.topic}' too; stop it, then reset"
            )
        for trouble in self.troubles():
            if trouble.reason in self.loop.state.cause:
                raise GuardRefusal(f'{trouble.words}, then reset')
        for name, topic in self._estops.items():
            if self.loop.state.mode == ESTOP and self.node.count_publishers(topic) > 1:
                raise GuardRefusal(
                    f"several publish on '{name}', and which of them let go is not known: end "
                    'all but one, or give each a topic of its own (guard.estops), then reset'
                )

    def latch(self, troubles: list[Trouble]) -> None:
        """Makes faults of what came after the guard was armed."""
        if self.outputs.has_two_masters:
            self.loop.fault('two_masters')
        if not self.loop.state.armed:
            return
        if self.outputs.is_alone:
            self.loop.fault('nobody_listens')
        unfit = self._asked.unfit(self._listening) if self._asked and self.loop.sends else ''
        found = [Trouble('controller_unfit', unfit)] if unfit else []
        for trouble in [*troubles, *found]:
            self.loop.fault(trouble.reason)
            self.node.get_logger().error(f'{trouble.reason}: {trouble.words}')

    @property
    def controllers(self) -> str:
        """The nodes that hear the commands, by name; '' in a dry run."""
        return ', '.join(listeners(self.node, self.outputs.topic)) if self.loop.sends else ''

    @property
    def absent(self) -> str:
        """The e-stops on whose topics nobody publishes, '' if somebody does on each."""
        count = self.node.count_publishers
        return ', '.join(name for name, topic in self._estops.items() if not count(topic))

    @property
    def problem(self) -> str:
        """What a dry run lacks to be more than one; who may move the arm past the guard.

        And, once it is armed, which controller has not said for a while how it follows.
        """
        dry = () if self.loop.sends else self._estops.items()
        words = [*(self._absent(name, topic) for name, topic in dry), self._past_the_guard()]
        if self.loop.state.armed:
            words.append(self._unasked())
        return '; '.join(filter(None, words))

    def _unasked(self) -> str:
        """Says which controller has not said that it follows as is meant; '' if all have."""
        asked = self._asked if self.loop.sends else None
        return asked.trouble(self._listening) if asked else ''

    @property
    def _listening(self) -> list[End]:
        return listening(self.node, self.outputs.topic)

    def _rivals(self, topic: str, what: str) -> str:
        names = publishers(self.node, topic)
        if len(names) < 2:
            return ''
        return f"{len(names)} publish {what} on '{topic}' ({', '.join(names)}): end all but one"

    def _hidden(self, name: str, topic: str) -> str:
        """Says that one e-stop's heartbeat hides another's silence; '' if none does."""
        if not self._heartbeat or self.node.count_publishers(topic) < 2:
            return ''
        return (
            f"several publish on the e-stop '{name}', and the heartbeat of one hides the silence "
            'of another: give each a topic of its own (guard.estops), or end all but one'
        )

    def _past_the_guard(self) -> str:
        """Says that somebody may command the controller by its action; '' if nobody may."""
        topic, action = self.outputs.topic, ''
        if topic.endswith('/joint_trajectory'):
            action = f'{topic.removesuffix("joint_trajectory")}follow_joint_trajectory'
        if not action or not self.node.count_clients(f'{action}/_action/send_goal'):
            return ''
        return (
            f"somebody may move the arm by the action '{action}' (MoveIt does), which no guard "
            'sees: end it before the arm is armed'
        )

    def _deaf(self, topic: str) -> str:
        """Says whom of an e-stop's publishers the node cannot hear; '' if it hears them all."""
        wanted = type_name(interface.ESTOP.type)
        found = subscription_mismatches(self.node, [(topic, interface.ESTOP.subscription)])
        found += [
            f"topic '{topic}' from '{full_name(info)}': type: offered {info.topic_type}, "
            f'wanted {wanted}'
            for info in self.node.get_publishers_info_by_topic(topic)
            if info.topic_type != wanted
        ]
        return f'an e-stop cannot be heard: {"; ".join(found)}: mend it' if found else ''

    def _absent(self, name: str, topic: str) -> str:
        """Says that a real arm is without its e-stop; '' if it is not."""
        if not self._required or self.node.count_publishers(topic):
            return ''
        return (
            f"nobody publishes on the e-stop '{name}': start it, or mend its name in guard.estops "
            '(guard.estop_required:=false says that there is none)'
        )

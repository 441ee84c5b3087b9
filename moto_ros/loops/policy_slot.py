"""The policy in use and the one before it: loaded, verified, swapped between episodes.

In: where the bundle is (a folder, or a link to one that a fine-tuning moves on). Out: a Policy. A
bundle that is refused leaves the one in use as it was (docs/safety.md, fault 30).
"""

from __future__ import annotations

from moto_core.errors import BundleError
from moto_core.policy.policy import OnnxPolicy, Policy, RandomPolicy, ZeroPolicy
from moto_core.spec import Spec
from moto_ros.config import PolicyParams


class PolicySlot:
    """Holds one policy; `reload` and `rollback` change it."""

    def __init__(self, params: PolicyParams, spec: Spec) -> None:
        """Loads and verifies; raises BundleError with path and cause."""
        self._params, self._spec = params, spec
        self.policy = make_policy(params, spec)
        self._previous: Policy | None = None

    def reload(self, busy: bool) -> str:
        """Loads the bundle anew from its place and returns its hash.

        Raises BundleError where an episode runs (`busy`) or the bundle is refused.
        """
        _refuse_if(busy)
        following = make_policy(self._params, self._spec)
        self._previous, self.policy = self.policy, following
        return following.hash

    def rollback(self, busy: bool) -> str:
        """Goes back to the policy before the last swap, and returns its hash."""
        _refuse_if(busy)
        if self._previous is None:
            raise BundleError('there is no policy before this one; reload_policy makes one')
        self._previous, self.policy = self.policy, self._previous
        return self.policy.hash


def make_policy(params: PolicyParams, spec: Spec) -> Policy:
    """Returns the policy that the parameters name; raises BundleError with path and cause."""
    if params.bundle == 'zero':
        return ZeroPolicy(spec)
    if params.bundle == 'random':
        return RandomPolicy(spec, params.seed)
    return OnnxPolicy(params.bundle, threads=params.threads, robot=spec)


def _refuse_if(busy: bool) -> None:
    if busy:
        raise BundleError('the policy is in an episode; stop the episode, then swap')

"""This project's plugin and SPIRE's own, beside each other: the same agents, the same identities, the same refusals."""

from __future__ import annotations

import re

from spire_case import BUILT_IN, SpireCase, ours
from tokens import GARBAGE, tampered
from world import ACCOUNT, AUDIENCE, NAMESPACE

# The release says `fail to` where SPIRE's main branch, and this project, say `failed to`.
FAIL_TO = re.compile(r"\bfail to\b")


class BesideTest(SpireCase):
    def test_identities_and_selectors_are_the_same(self) -> None:
        labels = {"tier": "system", "app": "agent", "secret": "not-allowed"}
        keys = {
            "allowed_node_label_keys": ["topology.kubernetes.io/zone", "kubernetes.io/hostname", "absent"],
            "allowed_pod_label_keys": ["tier", "absent", "app"],
        }
        own_audience = {"audience": ["one", "two"]}
        differences: list[object] = []
        for settings, pod in (
            ({}, self.world.new_pod()),
            (keys, self.world.new_pod(labels=labels)),
            ({**keys, "use_pod_uid_for_agent_id": True}, self.world.new_pod(labels=labels)),
            (own_audience, self.world.new_pod(audience="two")),
            ({"audience": []}, self.world.new_pod(audience=None)),
        ):
            data = self.data(**settings)
            mine = self.attested(self.server(ours(), data), pod)
            theirs = self.attested(self.server(BUILT_IN, data), pod)
            if mine != theirs:
                differences.append((settings, mine, theirs))
            self.assertGreaterEqual(len(mine.selectors), 8)
        self.assertEqual(differences, [])

    def test_refusals_are_the_same_in_upstreams_style(self) -> None:
        mine = self.server(ours(), 'error_style = "upstream"\n' + self.data())
        theirs = self.server(BUILT_IN, self.data())
        gone = self.world.new_pod()
        self.world.kubectl.delete("pod", gone.name, NAMESPACE)
        for name, token in {
            "garbage": GARBAGE,
            "a bad signature": tampered(self.world.new_pod().token),
            "another audience": self.world.new_pod(audience="another").token,
            "without a pod": self.world.kubectl.create_token(NAMESPACE, ACCOUNT, AUDIENCE),
            "of a pod that is gone": gone.token,
            "of another account": self.world.token_of_another_account(),
        }.items():
            with self.subTest(name):
                self.assertEqual(self.told(mine, token), FAIL_TO.sub("failed to", self.told(theirs, token)))

"""`python -m psat_attestor`: JSON out, exit codes, and no token anywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import unittest
from typing import Any

from kit import IDENTITY, cluster, hanging, soon, threads


class Command(unittest.TestCase):
    def run_it(self, *arguments: object, given: bytes | None = None, code: int) -> str:
        """What it printed on stdout, or on stderr if the arguments are of no use."""
        command = [sys.executable, "-m", "psat_attestor", *map(str, arguments)]
        done = subprocess.run(command, input=given, capture_output=True, timeout=30)
        output, errors = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, code, output + errors)
        silent, told = (output, errors) if code == 2 else (errors, output)
        self.assertEqual(silent, "")
        self.assertNotIn(cluster().token, told)
        return told

    def document(self, *arguments: object, given: bytes | None = None, code: int = 0) -> Any:
        return json.loads(self.run_it(*arguments, given=given, code=code))

    def test_attest(self) -> None:
        on = cluster()
        document = self.document("attest", on.config_file, on.payload_file, "--peer", "10.0.0.7:1")
        self.assertEqual(document["agent_attributes"]["spiffe_id"], IDENTITY)
        self.assertEqual(document["diagnostics"]["peer"], "10.0.0.7:1")
        refused = self.document("attest", on.config_file, on.refused_file, code=1)
        self.assertEqual((refused["code"], refused["reason"]), (7, "SERVICE_ACCOUNT_NOT_ALLOWED"))

    def test_attest_from_stdin(self) -> None:
        on = cluster()
        document = self.document("attest", on.config_file, "-", given=on.payload)
        self.assertEqual(document["code"], 0)
        document = self.document("attest", "-", on.payload_file, given=on.config_file.read_bytes())
        self.assertEqual(document["code"], 0)

    def test_attest_with_a_bare_token(self) -> None:
        on = cluster()
        arguments = ("attest", on.config_file, "--cluster", "demo", "--token")
        self.assertEqual(self.document(*arguments, on.path / "token")["code"], 0)
        self.assertEqual(self.document(*arguments, "-", given=on.token.encode() + b"\n")["code"], 0)

    def test_the_timeout_is_the_library_s(self) -> None:
        on = hanging()
        document = self.document("attest", on.config_file, on.payload_file, "--timeout", "0.05", code=1)
        self.assertEqual(document["reason"], "DEADLINE_EXCEEDED")

    def test_explain(self) -> None:
        on = cluster()
        self.assertEqual(self.document("explain", on.config_file, on.payload_file)["code"], 0)
        document = self.document("explain", on.config_file, on.refused_file, code=1)
        self.assertIn("service_account_allowed", [s["check"] for s in document["steps"] if s["outcome"] == "fail"])

    def test_check(self) -> None:
        on = cluster()
        document = self.document("check", on.config_file, "--cluster", "demo")
        self.assertTrue(document["clusters"]["demo"]["usable"])
        down = cluster({"listener": "refuse"})
        self.assertEqual(self.document("check", down.config_file, code=1)["reason"], "API_UNREACHABLE")
        document = self.document("check", on.config_file, "--cluster", "other", code=1)
        self.assertEqual(document["reason"], "CLUSTER_UNKNOWN")

    def test_validate(self) -> None:
        on = cluster()
        self.assertTrue(self.document("validate", on.config_file)["valid"])
        wrong = json.dumps(on.with_settings(max_in_flight=0)).encode()
        document = self.document("validate", "-", given=wrong, code=1)
        self.assertEqual(document["notes"][0]["path"], "clusters.demo.max_in_flight")
        attested = self.document("attest", "-", on.payload_file, given=wrong, code=1)
        self.assertEqual(attested["notes"], document["notes"])

    def test_arguments_of_no_use_are_usage(self) -> None:
        on = cluster()
        self.run_it(code=2)
        self.run_it("attest", on.config_file, code=2)
        self.run_it("attest", on.config_file, on.payload_file, "--token", on.path / "token", code=2)
        self.run_it("attest", on.config_file, "--token", on.path / "token", code=2)
        for timeout in ("nan", "-1", "0", "soon"):
            told = self.run_it("check", on.config_file, f"--timeout={timeout}", code=2)
            self.assertIn("argument --timeout", told)
        self.assertIn("stdin (-)", self.run_it("attest", "-", "-", code=2, given=b""))
        self.assertIn("CONFIG cannot be read: No such file", self.run_it("validate", "/nowhere/at/all", code=2))

    def test_a_token_in_place_of_a_file_is_not_repeated(self) -> None:
        on = cluster()
        self.run_it("attest", on.config_file, on.payload.decode(), code=2)
        self.run_it("attest", on.config_file, "--cluster", "demo", "--token", on.token, code=2)

    def test_without_library_it_is_usage_and_says_what_to_do(self) -> None:
        command = [sys.executable, "-m", "psat_attestor", "--version"]
        environment = {**os.environ, "PSAT_ATTESTOR_LIBRARY": "/nowhere"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 2)
        self.assertIn("PSAT_ATTESTOR_LIBRARY", done.stderr)

    def test_help_has_exit_codes_and_examples(self) -> None:
        told = self.run_it("--help", code=0)
        for part in ("exit codes", "130", "examples", "--token -", "PSAT_ATTESTOR_LIBRARY"):
            self.assertIn(part, told)

    def test_ctrl_c_ends_it_without_a_word(self) -> None:
        on = hanging()
        command = [sys.executable, "-m", "psat_attestor", "attest", str(on.config_file), str(on.payload_file)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        soon(lambda: "psat-runtime" in threads(child.pid), "the attestor is made")
        time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        output, errors = child.communicate(timeout=15)
        self.assertEqual((child.returncode, output, errors), (130, "", ""))

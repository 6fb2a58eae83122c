"""The examples of the README do what it says, and so do the programs beside it."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import subprocess
import sys
from typing import Any

from kit import HERE, IDENTITY, Case, cluster

README = HERE.parent / "README.md"


def example(name: str) -> str:
    """The block of the README behind the mark of this name."""
    blocks = re.findall(rf"<!-- runs: {name} -->\n```python\n(.*?)```\n", README.read_text(), re.DOTALL)
    assert len(blocks) == 1, name
    return str(blocks[0])


class Readme(Case):
    def run_it(self, name: str) -> str:
        """What the example prints, with the names that it takes for granted."""
        given = cluster()
        names: dict[str, Any] = {
            "config": given.config,
            "kubeconfig": str(given.path / "kubeconfig"),
            "payload": given.payload,
            "refused_payload": given.refused,
        }
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec("import psat_attestor\n" + example(name), names)
        return printed.getvalue()

    def test_every_block_of_python_is_run(self) -> None:
        text = README.read_text()
        self.assertEqual(text.count("```python"), len(re.findall(r"<!-- runs: (\w+) -->\n```python", text)))

    def test_blocking(self) -> None:
        printed = self.run_it("blocking")
        self.assertIn(IDENTITY, printed)
        self.assertIn("agent_ns:spire", printed)

    def test_explain(self) -> None:
        printed = self.run_it("explain")
        self.assertIn("service_account_allowed\n", printed)
        self.assertIn("clusters.demo.service_account_allow_list = ", printed)
        self.assertRegex(printed, r"\nTrue v\d")

    def test_asyncio(self) -> None:
        self.assertIn(IDENTITY, self.run_it("asyncio"))

    def test_exceptions(self) -> None:
        printed = self.run_it("exceptions")
        self.assertIn("tell the operator: ", printed)
        self.assertIn('tell the agent: 7 "default:default" is not', printed)

    def test_logging(self) -> None:
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        self.addCleanup(root.setLevel, level)
        self.addCleanup(setattr, root, "handlers", handlers)
        root.handlers = []
        written = io.StringIO()
        with contextlib.redirect_stderr(written):
            self.run_it("logging")
        self.assertIn("INFO:attestor:configuration in force config_generation=1", written.getvalue())


class Programs(Case):
    def run_it(self, program: str, *arguments: object) -> tuple[int, str]:
        command = [sys.executable, str(HERE.parent / "examples" / program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout + done.stderr

    def test_attest(self) -> None:
        given = cluster()
        code, output = self.run_it("attest.py", given.config_file, given.payload_file)
        self.assertEqual(code, 0)
        self.assertIn(IDENTITY, output)
        code, output = self.run_it("attest.py", given.config_file, given.refused_file)
        self.assertEqual(code, 1)
        self.assertIn("SERVICE_ACCOUNT_NOT_ALLOWED", output)
        code, output = self.run_it("attest.py", given.payload_file, given.payload_file)
        self.assertEqual(code, 2)
        self.assertNotIn(given.token, output)

    def test_attest_aio(self) -> None:
        given = cluster()
        code, output = self.run_it("attest_aio.py", given.config_file, *[given.payload_file] * 10)
        self.assertEqual((code, output.count(IDENTITY)), (0, 10), output)
        code, output = self.run_it("attest_aio.py", given.config_file, given.payload_file, given.refused_file)
        self.assertEqual(code, 1)
        self.assertIn("payload-refused.json: SERVICE_ACCOUNT_NOT_ALLOWED", output)

"""The library is found where it is said to be, and one of no use is refused with what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import psat_attestor
from psat_attestor import _library

ASK = "import psat_attestor; print(psat_attestor.version())"


def ask(library: str | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != _library.VARIABLE}
    if library is not None:
        environment[_library.VARIABLE] = library
    return subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, timeout=30)


class Finding(unittest.TestCase):
    def test_the_version_is_told(self) -> None:
        self.assertRegex(psat_attestor.version(), r"^\d+\.\d+\.\d+")

    def test_the_variable_names_the_library(self) -> None:
        done = ask(_library.load()._name)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, psat_attestor.version()), done.stderr)

    def test_a_library_that_is_named_and_missing_is_not_replaced_by_another(self) -> None:
        done = ask("/nowhere/libpsat_attestor.so.1")
        self.assertEqual(done.returncode, 1)
        for part in ("LibraryError", "/nowhere/libpsat_attestor.so.1", "PSAT_ATTESTOR_LIBRARY", "wheel"):
            self.assertIn(part, done.stderr)

    def test_the_package_can_be_imported_without_the_library(self) -> None:
        environment = {**os.environ, _library.VARIABLE: "/nowhere"}
        done = subprocess.run(
            [sys.executable, "-c", "import psat_attestor.aio, psat_attestor.__main__"], env=environment, timeout=30
        )
        self.assertEqual(done.returncode, 0)


class OfTheSystem(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def copy_of_the_package(self) -> Path:
        """A package without a library beside it."""
        source = Path(_library.__file__).parent
        package = self.folder / "psat_attestor"
        shutil.copytree(source, package, ignore=shutil.ignore_patterns("*.so*", "__pycache__"))
        return package

    def version_of_the_copy(self, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if name != _library.VARIABLE}
        return subprocess.run(
            [sys.executable, "-c", ASK],
            env={**inherited, "PYTHONPATH": str(self.folder), **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=30,
        )

    def test_the_one_beside_the_package_is_taken(self) -> None:
        shutil.copy(_library.load()._name, self.copy_of_the_package() / _library.FILE)
        done = self.version_of_the_copy()
        self.assertEqual((done.returncode, done.stdout.strip()), (0, psat_attestor.version()), done.stderr)

    def test_the_system_s_loader_is_asked_last(self) -> None:
        self.copy_of_the_package()
        elsewhere = self.folder / "lib"
        elsewhere.mkdir()
        shutil.copy(_library.load()._name, elsewhere / _library.FILE)
        done = self.version_of_the_copy(LD_LIBRARY_PATH=str(elsewhere))
        self.assertEqual((done.returncode, done.stdout.strip()), (0, psat_attestor.version()), done.stderr)

    @unittest.skipUnless(shutil.which("cc"), "needs a C compiler")
    def test_another_library_is_refused_and_named(self) -> None:
        other = self.compiled("int other;")
        done = ask(other)
        self.assertIn(f"LibraryError: {other} is not libpsat_attestor.so.1", done.stderr)

    @unittest.skipUnless(shutil.which("cc"), "needs a C compiler")
    def test_another_version_of_the_abi_is_refused(self) -> None:
        done = ask(self.compiled("unsigned psat_abi_version(void) { return 2; }"))
        self.assertIn("speaks version 2 of the ABI, and this package version 1", done.stderr)

    @unittest.skipUnless(shutil.which("cc"), "needs a C compiler")
    def test_a_library_that_lacks_functions_is_refused(self) -> None:
        done = ask(self.compiled("unsigned psat_abi_version(void) { return 1; }"))
        self.assertIn("lacks psat_version", done.stderr)

    def compiled(self, source: str) -> str:
        text, library = self.folder / "other.c", self.folder / "other.so"
        text.write_text(source)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(text)], check=True)
        return str(library)

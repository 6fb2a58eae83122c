"""The generated declarations are those of the header, and of the library."""

from __future__ import annotations

import ctypes
import re
import unittest

from kit import ROOT

from psat_attestor import _capi
from psat_attestor._library import load

HEADER = ROOT / "include" / "psat_attestor.h"


class Declarations(unittest.TestCase):
    def test_every_function_of_the_header_is_declared_with_as_many_parameters(self) -> None:
        text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
        found = dict(re.findall(r"\b(psat_\w+)\(([^)]*)\);", text))
        self.assertGreater(len(found), 15)
        self.assertEqual(set(found), set(_capi.FUNCTIONS))
        for name, parameters in found.items():
            count = 0 if parameters.strip() == "void" else parameters.count(",") + 1
            self.assertEqual(len(_capi.FUNCTIONS[name][1]), count, name)

    def test_the_constants_are_those_of_the_header(self) -> None:
        found = re.findall(r"^#define (PSAT_\w+) (\d+)$", HEADER.read_text(), re.MULTILINE)
        self.assertGreater(len(found), 5)
        declared = {name: value for name, value in vars(_capi).items() if name.startswith("PSAT_")}
        self.assertEqual(declared, {name: int(value) for name, value in found})

    def test_the_library_has_every_function_with_these_types(self) -> None:
        library = load()
        for name, (result, parameters) in _capi.FUNCTIONS.items():
            function = getattr(library, name)
            self.assertIs(function.restype, result, name)
            self.assertEqual(function.argtypes, parameters, name)

    @unittest.skipUnless(ctypes.sizeof(ctypes.c_void_p) == 8, "the offsets are those of 64 bits")
    def test_the_completion_has_the_frozen_layout(self) -> None:
        completion = _capi.psat_completion_t
        offsets = {name: getattr(completion, name).offset for name, *_ in completion._fields_}
        expected = {"kind": 0, "code": 4, "tag": 8, "operation": 16, "json": 24, "json_len": 32}
        self.assertEqual((offsets, ctypes.sizeof(completion)), (expected, 40))

//! The generated files of the Python package: the C functions for `ctypes`, and the reasons.

use psat_attestor::outcome::TABLE;

use crate::header::{Function, Header, Structure};

const ONE_WAY: &str = "by `make generate`. Do not edit.";

/// `psat_attestor/_capi.py`. It is laid out as `ruff format` would.
pub(crate) fn declarations(header: &Header) -> String {
    let constants = each(&header.constants, |each| format!("{}: Final = {}\n", each.name, each.value));
    let structures = each(&header.structures, |each| structure(header, each));
    let functions = each(&header.functions, |each| function(header, each));
    format!(
        "\"\"\"The C ABI for ctypes. Generated from include/psat_attestor.h {ONE_WAY}\"\"\"\n\n\
         from __future__ import annotations\n\n\
         from ctypes import {imports}\n\
         from typing import Any, Final\n\n\
         {constants}\n\n{structures}\
         # Result and parameters of each function. A document that is handed out stays a plain pointer: ctypes would turn a\n\
         # c_char_p into bytes, and it could not be freed any more.\n\
         FUNCTIONS: Final[dict[str, tuple[Any, list[Any]]]] = {{\n{functions}}}\n\n\n\
         def declare(library: CDLL) -> None:\n    \
             \"\"\"Tell ctypes the types of all functions that the library has.\"\"\"\n    \
             for name, (result, parameters) in FUNCTIONS.items():\n        \
                 function = getattr(library, name, None)\n        \
                 if function is not None:\n            \
                     function.restype = result\n            \
                     function.argtypes = parameters\n",
        imports = imports(&format!("{structures}{functions}")),
    )
}

/// The texts of all items, one after the other.
fn each<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    items.iter().map(text).collect()
}

/// The names of ctypes that the text uses, in the order in which ruff sorts them.
fn imports(text: &str) -> String {
    const NAMES: &str = "CDLL POINTER Structure c_char_p c_int c_int32 c_size_t c_uint32 c_uint64 c_void_p";
    let used = |name: &&str| {
        *name == "CDLL" || text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == *name)
    };
    NAMES.split(' ').filter(used).collect::<Vec<_>>().join(", ")
}

fn structure(header: &Header, structure: &Structure) -> String {
    let fields = each(&structure.fields, |field| {
        format!("        (\"{}\", {}),\n", field.name, python_type(header, &field.kind))
    });
    format!("class {}(Structure):  # noqa: N801\n    _fields_ = [\n{fields}    ]\n\n\n", structure.name)
}

fn function(header: &Header, function: &Function) -> String {
    let parameters: Vec<_> =
        function.parameters.iter().map(|parameter| python_type(header, &parameter.kind)).collect();
    format!(
        "    \"{}\": (\n        {},\n        [{}],\n    ),\n",
        function.name,
        python_type(header, &function.result),
        parameters.join(", ")
    )
}

fn python_type(header: &Header, kind: &str) -> String {
    let plain = match kind {
        "void" => "None",
        "int" => "c_int",
        "int32_t" => "c_int32",
        "uint32_t" => "c_uint32",
        "uint64_t" => "c_uint64",
        "size_t" => "c_size_t",
        "const char *" => "c_char_p",
        "char *" => "c_void_p",
        "char **" => "POINTER(c_void_p)",
        "uint64_t *" => "POINTER(c_uint64)",
        "size_t *" => "POINTER(c_size_t)",
        _ => return of_the_header(header, kind),
    };
    plain.to_owned()
}

/// A pointer to a type that the header defines.
fn of_the_header(header: &Header, kind: &str) -> String {
    let pointed = kind.strip_prefix("const ").unwrap_or(kind);
    if let Some((name, stars)) = pointed.split_once(' ') {
        let opaque = header.opaque.iter().any(|each| each == name);
        let structure = header.structures.iter().any(|each| each.name == name);
        match stars {
            "*" if opaque => return "c_void_p".to_owned(),
            "**" if opaque => return "POINTER(c_void_p)".to_owned(),
            "*" if structure => return format!("POINTER({name})"),
            _ => {}
        }
    }
    panic!("the header has a type that is unknown here: {kind}")
}

/// `psat_attestor/reasons.py`. It is laid out as `ruff format` would.
pub(crate) fn reasons() -> String {
    let constants =
        each(TABLE, |row| format!("{}: Final = \"{}\"\n\"\"\"{}\"\"\"\n", row.word, row.word, row.meaning));
    let rows = each(TABLE, |row| {
        let meaning = quoted(row.meaning);
        format!("    {}: Row(\n        {},\n        {meaning},\n    ),\n", row.word, row.precise)
    });
    format!(
        "\"\"\"Why a call was refused: stable words. Generated from src/outcome.rs {ONE_WAY}\n\n\
         docs/reasons.md says for each what to do about it. A later library may have more of them.\n\"\"\"\n\n\
         from __future__ import annotations\n\n\
         from typing import Final, NamedTuple\n\n{constants}\n\n\
         class Row(NamedTuple):\n    \
             \"\"\"What belongs to a reason.\"\"\"\n\n    \
             code: int\n    \"\"\"In the error style `precise`.\"\"\"\n    meaning: str\n\n\n\
         TABLE: Final[dict[str, Row]] = {{\n{rows}}}\n"
    )
}

/// A string of Python: as JSON spells it, and in single quotes where that saves escapes, as ruff prefers.
fn quoted(text: &str) -> String {
    assert!(!text.contains(['\\', '\'']) || !text.contains('"'), "needs a rule for quotes: {text}");
    if text.contains('"') { format!("'{text}'") } else { format!("\"{text}\"") }
}

#[test]
#[should_panic(expected = "a type that is unknown here: float")]
fn a_type_without_counterpart_is_not_skipped() {
    declarations(&crate::header::read("float psat_new(void);\n"));
}

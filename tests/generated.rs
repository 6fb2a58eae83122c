//! What is generated from the source is committed, and is what a fresh run makes.
//!
//! `make generate` runs these tests with `PSAT_GENERATE` set: then they write instead of compare.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use psat_attestor::outcome::{Row, TABLE};

#[path = "generated/header.rs"]
mod header;
#[path = "generated/python.rs"]
mod python;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn hold(path: &Path, fresh: &str) {
    if std::env::var_os("PSAT_GENERATE").is_some() {
        fs::create_dir_all(path.parent().expect("a generated file lies in a folder"))
            .expect("make the folder");
        fs::write(path, fresh).expect("write the generated file");
        return;
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(committed == fresh, "{} is stale: run `make generate` and commit the result", path.display());
}

fn fresh_header() -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("read cbindgen.toml");
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(root().join("src/ffi/version.rs"))
        .with_src(root().join("src/ffi/constants.rs"))
        .with_src(root().join("src/ffi/attestor.rs"))
        .with_src(root().join("src/ffi/check.rs"))
        .with_src(root().join("src/ffi/queue.rs"))
        .generate()
        .expect("generate the header");
    let mut header = Vec::new();
    bindings.write(&mut header);
    String::from_utf8(header).expect("a header is UTF-8")
}

#[test]
fn the_header_is_fresh() {
    hold(&root().join("include/psat_attestor.h"), &fresh_header());
}

#[test]
fn the_python_declarations_are_fresh() {
    // Of the header as it has to be, so that one run writes both.
    let header = header::read(&fresh_header());
    hold(&root().join("bindings/python/psat_attestor/_capi.py"), &python::declarations(&header));
}

#[test]
fn the_python_reasons_are_fresh() {
    hold(&root().join("bindings/python/psat_attestor/reasons.py"), &python::reasons());
}

#[test]
fn the_table_of_reasons_is_fresh() {
    let mut page = String::from(
        "<!-- Generated from src/outcome.rs by `make generate`. Do not edit. -->\n\n# Reasons\n\n\
         Every document has a `code` and a `reason`. Codes up to 16 are gRPC status codes; from 1000 they are faults of \
         the calling program. `error_style` decides between the columns *precise* and *upstream*.\n\n\
         An agent that gets 7 on its first attestation exits; on any other code it retries.\n\n\
         | reason | precise | upstream | what it means | what to do |\n|---|---|---|---|---|\n",
    );
    for Row { word, precise, upstream, meaning, remedy, .. } in TABLE {
        writeln!(page, "| `{word}` | {precise} | {upstream} | {meaning} | {remedy} |")
            .expect("write to a string");
    }
    page.push_str(
        "\nWith `error_style: upstream`, `NOT_A_SERVICE_ACCOUNT` is 13 where the user's name has not four parts, \
         or an empty namespace or name, as upstream cannot parse it, and 7 otherwise.\n",
    );
    hold(&root().join("docs/reasons.md"), &page);
}

#[test]
fn the_go_constants_are_fresh() {
    let mut constants = String::new();
    let mut rows = String::new();
    for row in TABLE {
        let name = go_name(row.word);
        write!(
            constants,
            "\t// {name}: {meaning}\n\t{name} Reason = \"{word}\"\n",
            meaning = row.meaning,
            word = row.word
        )
        .expect("write to a string");
        writeln!(rows, "\t{{{name}, {}, {}}},", row.precise, go_text(row.meaning))
            .expect("write to a string");
    }
    let file = format!(
        "// Code generated from src/outcome.rs by `make generate`. DO NOT EDIT.\n\npackage psat\n\n\
         // The reasons. docs/reasons.md says for each which code it has in which error style, and what to do about it.\n\
         const (\n{constants})\n\n\
         // table has the codes of the error style precise.\n\
         var table = []row{{\n{rows}}}\n"
    );
    hold(&root().join("bindings/go/reasons.go"), &file);
}

/// `NODE_UID_EMPTY` is `ReasonNodeUIDEmpty`.
fn go_name(word: &str) -> String {
    let capitalised = word.split('_').map(|part| match part {
        "API" | "ID" | "OK" | "UID" => part.to_owned(),
        _ => part[..1].to_owned() + &part[1..].to_ascii_lowercase(),
    });
    std::iter::once("Reason".to_owned()).chain(capitalised).collect()
}

/// A string of Go. The table has no characters that JSON and Go escape in different ways.
fn go_text(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

//! What is generated from the source is committed, and is what a fresh run makes.
//!
//! `make generate` runs these tests with `PSAT_GENERATE` set: then they write instead of compare.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use psat_attestor::outcome::{Row, TABLE};

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

#[test]
fn the_header_is_fresh() {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("read cbindgen.toml");
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(root().join("src/ffi/version.rs"))
        .with_src(root().join("src/ffi/constants.rs"))
        .with_src(root().join("src/ffi/attestor.rs"))
        .with_src(root().join("src/ffi/queue.rs"))
        .generate()
        .expect("generate the header");
    let mut header = Vec::new();
    bindings.write(&mut header);
    hold(&root().join("include/psat_attestor.h"), &String::from_utf8(header).expect("a header is UTF-8"));
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

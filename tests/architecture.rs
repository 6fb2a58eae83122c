//! Imports point downwards only: each room uses those below it and none above.

use std::fs;
use std::path::Path;

/// The rooms from front to back. Each may use those that stand after it.
const ROOMS: [&str; 9] = ["ffi", "engine", "attest", "cluster", "config", "step", "quote", "text", "outcome"];

#[test]
fn imports_point_downwards_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut read = 0;
    for (depth, room) in ROOMS.iter().enumerate() {
        let above = &ROOMS[..depth];
        for (path, text) in sources(&src, room) {
            read += 1;
            for upper in above {
                let import = format!("crate::{upper}::");
                assert!(
                    !text.contains(&import),
                    "{path} is in {room} and uses {upper}, which stands above it"
                );
            }
            assert!(
                *room != "attest"
                    || !(text.contains("hyper") || text.contains("tokio::") && !path.contains("/tests/")),
                "{path}: what is true is decided without runtime and without HTTP"
            );
        }
    }
    assert!(read > 20, "only {read} source files were found");
}

fn sources(src: &Path, room: &str) -> Vec<(String, String)> {
    let file = src.join(format!("{room}.rs"));
    let mut found = Vec::new();
    if file.exists() {
        found.push(file);
    }
    let mut folders = vec![src.join(room)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("read a folder of the source").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
        .into_iter()
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("read a source file")))
        .collect()
}

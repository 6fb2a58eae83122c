//! The path of a kubeconfig, and whether the file can be read now. What stands in it is none of this room's business.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::notes::Findings;
use super::read::Field;

/// Reads the field; `None` = in-cluster, which an empty path means too. A relative path counts from the working
/// directory, as upstream.
pub(super) fn read(field: &Field<'_>, findings: &mut Findings) -> Option<PathBuf> {
    let path = field.text(findings).filter(|path| !path.is_empty())?;
    let path = PathBuf::from(path);
    if let Some(hindrance) = hindrance(&path) {
        findings.warning(
            field.place(),
            format!("the kubeconfig cannot be read now ({hindrance}); it may appear later"),
        );
    }
    Some(path)
}

/// Opens the file only if it is one: opening a named pipe would wait for a writer.
fn hindrance(path: &Path) -> Option<String> {
    let opened = fs::metadata(path)
        .and_then(|found| if found.is_file() { File::open(path).map(Some) } else { Ok(None) });
    match opened {
        Ok(Some(_)) => None,
        Ok(None) => Some("not a regular file".to_owned()),
        // The kind alone: it holds no part of the path.
        Err(error) => Some(error.kind().to_string()),
    }
}

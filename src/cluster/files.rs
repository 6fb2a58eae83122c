//! Files that credentials are made of: read once, and later compared.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::error::Fault;
use super::limits::{FILE_BYTES, SETTLED_AFTER};

/// The files of one reading, in the order in which they were read.
#[derive(Default)]
pub(super) struct Files(Vec<Seen>);

/// A file as it was when it was read.
struct Seen {
    what: &'static str,
    path: PathBuf,
    bytes: Zeroizing<Vec<u8>>,
    /// `None` where equal identity would not vouch for equal bytes.
    identity: Option<Identity>,
}

/// What changes whenever a file's bytes change, but for changes that follow each other within the clock's step.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Files {
    /// Reads a file, following links, and remembers it.
    pub(super) fn read(&mut self, what: &'static str, path: &Path) -> Result<&[u8], Fault> {
        let seen = Seen::read(what, path).map_err(|error| Fault::read(what, path, error))?;
        self.0.push(seen);
        Ok(self.0.last().map_or(&[], |seen| seen.bytes.as_slice()))
    }

    /// What was read, and where it is.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        self.0.iter().map(|seen| (seen.what, seen.path.as_path()))
    }

    /// Whether all files still hold the bytes that were read. One that cannot be read any more does not.
    pub(super) fn unchanged(&mut self) -> bool {
        self.0.iter_mut().all(Seen::unchanged)
    }
}

impl Seen {
    fn read(what: &'static str, path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let before = Identity::settled(&file.metadata()?);
        let mut bytes = Zeroizing::new(Vec::new());
        Read::by_ref(&mut file).take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 4 MiB"));
        }
        let after = Identity::settled(&file.metadata()?);
        Ok(Self { what, path: path.to_owned(), bytes, identity: before.filter(|_| before == after) })
    }

    fn unchanged(&mut self) -> bool {
        if self.identity.is_some() {
            let Ok(metadata) = fs::metadata(&self.path) else {
                return false;
            };
            if Identity::settled(&metadata) == self.identity {
                return true;
            }
        }
        match Self::read(self.what, &self.path) {
            Ok(now) if now.bytes == self.bytes => {
                self.identity = now.identity;
                true
            }
            _ => false,
        }
    }
}

impl Identity {
    /// The identity, if the last change is long enough ago for the next to get another time stamp.
    #[cfg(unix)]
    fn settled(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;

        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let changed = std::time::Duration::new(
            u64::try_from(metadata.ctime()).ok()?,
            u32::try_from(metadata.ctime_nsec()).ok()?,
        );
        (since_epoch.checked_sub(changed)? > SETTLED_AFTER).then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Files are always read where the platform has no change time.
    #[cfg(not(unix))]
    fn settled(_: &Metadata) -> Option<Self> {
        None
    }
}

//! Running a command to its end, within a time, without letting anything out.
//!
//! The child is made by `posix_spawn` and not by `std::process`: threads of this library block all asynchronous signals,
//! and a child inherits that. Here it starts with no signal blocked and none ignored, in a process group of its own.
//! Children are waited for by their number; the host's `SIGCHLD` is left alone.

use std::collections::BTreeMap;
use std::ffi::{CString, OsString};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use zeroize::Zeroizing;

use super::super::limits::EXEC_OUTPUT_BYTES;

/// How often an end that nothing announces is looked for.
const PAUSE: Duration = Duration::from_millis(2);

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("cannot be started: {0}")]
    Start(io::Error),
    #[error("cannot be read from: {0}")]
    Read(io::Error),
    #[error("takes longer than {} s", .0.as_secs_f32())]
    TooSlow(Duration),
    #[error("writes more than {} KiB", EXEC_OUTPUT_BYTES >> 10)]
    TooMuch,
    #[error("ended with exit status {0}; run it by hand to see what it says")]
    Status(i32),
    #[error("was ended by {0}")]
    Signal(Signal),
}

/// What `program` writes to its standard output, once it has ended well. Its name for itself is `name`; it has no input,
/// and what it says on its standard error is lost.
pub(super) fn output(
    program: &Path,
    name: &Path,
    arguments: &[String],
    environment: &BTreeMap<OsString, OsString>,
    limit: Duration,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let deadline = Instant::now() + limit;
    let (reader, writer) = io::pipe().map_err(Problem::Start)?;
    let child = spawn(program, name, arguments, environment, &writer).map_err(Problem::Start)?;
    drop(writer);
    let mut output = Zeroizing::new(Vec::with_capacity(EXEC_OUTPUT_BYTES));
    read_to_end(reader, &mut output, deadline, limit)?;
    child.end(deadline, limit)?;
    Ok(output)
}

fn spawn(
    program: &Path,
    name: &Path,
    arguments: &[String],
    environment: &BTreeMap<OsString, OsString>,
    output: &impl AsFd,
) -> io::Result<Child> {
    let mut arguments_with_name = vec![CString::new(name.as_os_str().as_bytes())?];
    for argument in arguments {
        arguments_with_name.push(CString::new(argument.as_bytes())?);
    }
    let mut variables = Vec::with_capacity(environment.len());
    for (name, value) in environment {
        variables.push(CString::new([name.as_bytes(), b"=", value.as_bytes()].concat())?);
    }

    let mut actions = PosixSpawnFileActions::init()?;
    // First of all: where the host has closed its standard streams, the pipe may be in the place of one.
    actions.add_dup2(output.as_fd().as_raw_fd(), 1)?;
    actions.add_open(0, "/dev/null", OFlag::O_RDONLY, Mode::empty())?;
    actions.add_open(2, "/dev/null", OFlag::O_WRONLY, Mode::empty())?;
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(
        PosixSpawnFlags::POSIX_SPAWN_SETPGROUP
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF,
    )?;
    attributes.set_pgroup(Pid::from_raw(0))?;
    attributes.set_sigmask(&SigSet::empty())?;
    attributes.set_sigdefault(&SigSet::all())?;
    let pid = posix_spawn(program, &actions, &attributes, &arguments_with_name, &variables)?;
    Ok(Child { pid, has_ended: false })
}

fn read_to_end(
    mut reader: PipeReader,
    output: &mut Vec<u8>,
    deadline: Instant,
    limit: Duration,
) -> Result<(), Problem> {
    let mut buffer = Zeroizing::new([0; 4096]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Problem::TooSlow(limit));
        }
        let mut waited = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waited, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(Problem::Read(error.into())),
        }
        match reader.read(&mut *buffer) {
            Ok(0) => return Ok(()),
            // A buffer that grows would leave parts of a credential behind.
            Ok(read) if output.len() + read > EXEC_OUTPUT_BYTES => return Err(Problem::TooMuch),
            Ok(read) => output.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Problem::Read(error)),
        }
    }
}

/// A child that leads a process group. If it is dropped before it has ended, the group is killed.
struct Child {
    pid: Pid,
    has_ended: bool,
}

impl Child {
    /// Waits for its end, which normally comes with the end of its output.
    fn end(mut self, deadline: Instant, limit: Duration) -> Result<(), Problem> {
        loop {
            let status = waitpid(self.pid, Some(WaitPidFlag::WNOHANG));
            match status {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                _ => self.has_ended = true,
            }
            match status {
                // ECHILD: the host ignores SIGCHLD or waits for all children, and only the output tells how it went.
                Ok(WaitStatus::Exited(_, 0)) | Err(Errno::ECHILD) => return Ok(()),
                Ok(WaitStatus::Exited(_, status)) => return Err(Problem::Status(status)),
                Ok(WaitStatus::Signaled(_, signal, _)) => return Err(Problem::Signal(signal)),
                _ if Instant::now() >= deadline => return Err(Problem::TooSlow(limit)),
                _ => thread::sleep(PAUSE),
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.has_ended {
            // Neither can fail in a way that matters: a group that is gone needs no signal, and no waiting.
            let _ = killpg(self.pid, Signal::SIGKILL);
            while waitpid(self.pid, None) == Err(Errno::EINTR) {}
        }
    }
}

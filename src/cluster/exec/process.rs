//! Running a command to its end, within a time, without letting anything out.
//!
//! The child is made by `posix_spawn` and not by `std::process`: threads of this library block all asynchronous signals,
//! and a child inherits that. Here it starts with no signal blocked and none ignored, in a process group of its own.
//! Children are waited for by their number; the host's `SIGCHLD` is left alone. One that has become another user cannot
//! be killed: a thread waits for it, and its place among the children stays taken until it has ended.

use std::collections::BTreeMap;
use std::ffi::{CString, OsString};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::super::blocking;
use super::super::limits::{EXEC_CHILDREN, EXEC_KILL_TIME, EXEC_OUTPUT_BYTES};

/// How often an end that nothing announces is looked for.
const PAUSE: Duration = Duration::from_millis(2);

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("is not run: {EXEC_CHILDREN} earlier runs have not ended")]
    NoPlace,
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
/// and what it says on its standard error is lost. It takes one of the `places` until it has been waited for.
pub(super) fn output(
    program: &Path,
    name: &Path,
    arguments: &[String],
    environment: &BTreeMap<OsString, OsString>,
    limit: Duration,
    places: &Arc<Semaphore>,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let place = Arc::clone(places).try_acquire_owned().map_err(|_| Problem::NoPlace)?;
    let deadline = Instant::now() + limit;
    let (reader, writer) = io::pipe().map_err(Problem::Start)?;
    let pid = spawn(program, name, arguments, environment, &writer).map_err(Problem::Start)?;
    let child = Child { pid, place: Some(place) };
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
) -> io::Result<Pid> {
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
    Ok(posix_spawn(program, &actions, &attributes, &arguments_with_name, &variables)?)
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
    /// Given back once the child has been waited for.
    place: Option<OwnedSemaphorePermit>,
}

impl Child {
    /// How it ended, which normally comes with the end of its output.
    fn end(mut self, deadline: Instant, limit: Duration) -> Result<(), Problem> {
        match self.status_until(deadline) {
            // ECHILD: the host ignores SIGCHLD or waits for all children, and only the output tells how it went.
            Some(Ok(WaitStatus::Exited(_, 0)) | Err(_)) => Ok(()),
            Some(Ok(WaitStatus::Exited(_, status))) => Err(Problem::Status(status)),
            Some(Ok(WaitStatus::Signaled(_, signal, _))) => Err(Problem::Signal(signal)),
            _ => Err(Problem::TooSlow(limit)),
        }
    }

    /// Waits for its end, which nothing announces. `None` if that does not come in time.
    fn status_until(&mut self, deadline: Instant) -> Option<nix::Result<WaitStatus>> {
        loop {
            match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                status => {
                    self.place = None;
                    return Some(status);
                }
            }
            if Instant::now() >= deadline {
                return None;
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.place.is_none() {
            return;
        }
        // A group that is gone needs no signal; one of another user is left alone.
        let _ = killpg(self.pid, Signal::SIGKILL);
        if self.status_until(Instant::now() + EXEC_KILL_TIME).is_none() {
            let (pid, place) = (self.pid, self.place.take());
            // Without a thread it stays a zombie, once it has ended.
            let _ = blocking::spawn("psat-exec-wait", move || {
                while waitpid(pid, None) == Err(Errno::EINTR) {}
                drop(place);
            });
        }
    }
}

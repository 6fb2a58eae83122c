//! Commands that behave and that do not.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, getpgid, getppid, setpgid};
use serde_json::json;
use tokio::sync::Semaphore;

use super::answer::Answer;
use super::process::{self, Problem};
use super::program;

const V1: &str = "client.authentication.k8s.io/v1";

/// What a shell writes that runs this script, with `FILE` in its environment.
fn shell(script: &str, file: &Path, limit: Duration) -> Result<String, Problem> {
    let places = Arc::new(Semaphore::new(1));
    let output = output(Path::new("/bin/sh"), &["-c", script, "argument"], file, limit, &places);
    assert_eq!(places.available_permits(), 1, "{script}: it has been waited for");
    output
}

/// What a program writes, with `FILE` in its environment.
fn output(
    program: &Path,
    arguments: &[&str],
    file: &Path,
    limit: Duration,
    places: &Arc<Semaphore>,
) -> Result<String, Problem> {
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let mut environment: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    environment.insert("FILE".into(), file.into());
    let output = process::output(program, Path::new("sh"), &arguments, &environment, limit, places)?;
    Ok(String::from_utf8(output.to_vec()).unwrap())
}

fn patiently(script: &str) -> Result<String, Problem> {
    shell(script, Path::new(""), Duration::from_secs(30))
}

#[test]
fn output_is_read_to_its_end() {
    assert_eq!(patiently("echo one $0; sleep 0.1; echo two").unwrap(), "one argument\ntwo\n");
    assert_eq!(patiently("cat; echo $FILE; echo lost >&2").unwrap(), "\n", "it has no input");
    // It may close its output before it ends.
    assert_eq!(patiently("echo one; exec >&-; sleep 0.1").unwrap(), "one\n");
}

#[test]
fn a_bad_end_is_told_without_words_of_the_command() {
    for (script, words) in [
        ("echo marker; echo marker >&2; exit 3", "ended with exit status 3"),
        ("echo marker; kill -KILL $$", "was ended by SIGKILL"),
        ("while :; do echo marker marker marker; done", "writes more than 256 KiB"),
    ] {
        let problem = patiently(script).unwrap_err();
        assert!(problem.to_string().contains(words), "{problem}");
        assert!(!format!("{problem} {problem:?}").contains("marker"), "{problem:?}");
    }
    let places = Arc::new(Semaphore::new(1));
    let nothing = output(Path::new("/"), &[], Path::new(""), Duration::ZERO, &places);
    assert!(matches!(nothing, Err(Problem::Start(_))), "{nothing:?}");
    assert_eq!(places.available_permits(), 1);
}

#[test]
fn signals_work_in_it_whatever_is_blocked_or_ignored_here() {
    // As on a thread of the library. SIGPIPE is ignored by the runtime of Rust programs, this one too.
    SigSet::all().thread_block().unwrap();
    for (name, signal) in [("TERM", Signal::SIGTERM), ("PIPE", Signal::SIGPIPE), ("CHLD", Signal::SIGCHLD)] {
        let outcome = patiently(&format!("kill -{name} $$; echo survived"));
        match signal {
            // Its default is to be passed over.
            Signal::SIGCHLD => assert_eq!(outcome.unwrap(), "survived\n"),
            _ => assert!(matches!(outcome, Err(Problem::Signal(by)) if by == signal), "{outcome:?}"),
        }
    }
}

#[test]
fn a_host_that_ignores_the_end_of_its_children_gets_their_output() {
    // What is ignored stays so in the program that a shell turns into: this one, with another test.
    let name = name_of_test("output_is_read_to_its_end");
    let mut host = std::process::Command::new("/bin/sh");
    host.args(["-c", "trap '' CHLD; exec \"$0\" --exact \"$1\""]);
    let done = host.arg(std::env::current_exe().unwrap()).arg(name).output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && told.contains("1 passed"), "{told}");
}

/// As the test program takes it for an argument.
fn name_of_test(function: &str) -> String {
    format!("{}::{function}", module_path!().split_once("::").unwrap().1)
}

#[cfg(target_os = "linux")]
#[test]
fn one_that_cannot_be_killed_holds_nobody_up_and_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (file, places) = (folder.path().join("process"), Arc::new(Semaphore::new(1)));
    let (program, name) = (std::env::current_exe().unwrap(), name_of_test("out_of_reach"));
    let run = || output(&program, &["--exact", &name, "--ignored"], &file, Duration::from_secs(30), &places);
    let began = Instant::now();
    assert!(matches!(run(), Err(Problem::TooMuch)));
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    let process = fs::read_to_string(&file).unwrap();
    assert!(state(&process).is_some_and(|state| state != 'Z'), "it lives");
    // Nothing is run beside it as long as it has its place.
    assert!(matches!(run(), Err(Problem::NoPlace)));
    kill(Pid::from_raw(process.parse().unwrap()), Signal::SIGKILL).unwrap();
    eventually("it has been waited for", || places.available_permits() == 1);
    assert!(state(&process).is_none());
    assert_eq!(patiently("echo on").unwrap(), "on\n");
}

/// What the test above runs: it goes where a signal to its group does not reach it.
#[test]
#[ignore = "run by another test"]
fn out_of_reach() {
    let file = std::env::var_os("FILE").expect("FILE names a file");
    setpgid(Pid::this(), getpgid(Some(getppid())).unwrap()).unwrap();
    fs::write(file, std::process::id().to_string()).unwrap();
    // What is too much brings the signal, and breaks the pipe.
    let _ = std::io::stdout().write_all(&vec![b' '; 1 << 20]);
    std::thread::sleep(Duration::from_mins(1));
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let patience = Instant::now();
    while !condition() {
        assert!(patience.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_command_is_looked_for_as_go_does() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "other"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    symlink("/bin/sh", folder.path().join("other/tool")).unwrap();
    fs::write(folder.path().join("one/tool"), "no program").unwrap();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name).display().to_string());
    // The way from here to the same folder.
    let depth = std::env::current_dir().unwrap().components().count() - 1;
    let relative = "../".repeat(depth) + other.trim_start_matches('/');
    let found = |path: &str| program(Path::new("tool"), path.as_ref());
    let there = Ok(PathBuf::from(&other).join("tool"));
    assert_eq!(found(&format!("{one}:{other}")), there);
    assert_eq!(found(&format!(".::nothing:{other}:{relative}")), there, "what comes first counts");
    assert!(found(&format!("{one}:{relative}:{other}")).unwrap_err().contains("relative folder of PATH"));
    assert!(found(&one).unwrap_err().contains("is not there"));
    // What has a slash is not looked for.
    let named = Path::new(&other).join("tool");
    assert_eq!(program(&named, "".as_ref()), there);
    assert!(program(Path::new("./tool"), other.as_ref()).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn one_that_takes_too_long_is_killed_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("processes");
    for script in [
        "sleep 60 & echo $$ $! > $FILE; wait",
        // The output has ended, the command has not.
        "exec >&-; sleep 60 & echo $$ $! > $FILE; wait",
        // The command has ended, the output has not.
        "sleep 60 & echo $$ $! > $FILE",
    ] {
        let began = Instant::now();
        let problem = shell(script, &file, Duration::from_millis(500)).unwrap_err();
        assert_eq!(problem.to_string(), "takes longer than 0.5 s");
        assert!(began.elapsed() < Duration::from_secs(10));
        let processes = fs::read_to_string(&file).unwrap();
        let (child, grandchild) = processes.trim().split_once(' ').unwrap();
        assert!(state(child).is_none(), "{script}: the child has been waited for");
        eventually(script, || matches!(state(grandchild), None | Some('Z')));
    }
}

/// The state of a process, if it is there.
#[cfg(target_os = "linux")]
fn state(process: &str) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn parse(status: &str) -> Result<Answer, &'static str> {
    let text = format!(r#"{{"apiVersion":"{V1}","kind":"ExecCredential","spec":{{}},"status":{status}}}"#);
    Answer::parse(text.as_bytes(), V1)
}

#[test]
fn an_answer_is_a_token_or_a_certificate_or_both() {
    let [one, other] = [(); 2].map(|()| rcgen::generate_simple_self_signed(["plugin".to_owned()]).unwrap());
    let both = |certificate: &str, key: &str| {
        parse(&json!({"token": "t", "clientCertificateData": certificate, "clientKeyData": key}).to_string())
    };
    let answer = both(&one.cert.pem(), &one.signing_key.serialize_pem()).unwrap();
    assert_eq!(answer.credential.authorization.as_ref().unwrap().header, "Bearer t");
    assert!(answer.credential.identity.is_some());
    for (certificate, key) in
        [("c", "k"), (&*one.cert.pem(), "k"), (&*one.cert.pem(), &*other.signing_key.serialize_pem())]
    {
        let told = both(certificate, key).unwrap_err();
        assert!(told.contains("cannot be used"), "{told}");
    }
    let answer = parse(r#"{"token":"t","clientCertificateData":"","expirationTimestamp":null}"#).unwrap();
    assert!(
        answer.credential.identity.is_none()
            && !answer.is_due(SystemTime::now() + Duration::from_secs(1 << 32))
    );
    for (status, words) in [
        ("null", "without `status`"),
        ("{}", "neither"),
        (r#"{"token":""}"#, "neither"),
        (r#"{"token":"marker","clientKeyData":"marker"}"#, "not with both"),
        (r#"{"clientCertificateData":"marker"}"#, "not with both"),
        (r#"{"token":"marker\n2"}"#, "no header can carry"),
        (r#"{"token":"t","expirationTimestamp":"marker"}"#, "no time"),
        (r#"{"token":["marker"]}"#, "no ExecCredential in JSON"),
    ] {
        let told = parse(status).unwrap_err();
        assert!(told.contains(words), "{status}: {told}");
    }
    for other in [
        "",
        "marker",
        r#"{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"t"}}"#,
        r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"Other","status":{"token":"t"}}"#,
        r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}} {}"#,
    ] {
        Answer::parse(other.as_bytes(), V1).unwrap_err();
    }
}

#[test]
fn an_answer_is_due_a_minute_before_it_expires_or_in_the_middle_of_its_life() {
    let now = SystemTime::now();
    let at = |seconds| now + Duration::from_secs(seconds);
    let expiring = |seconds: i64| {
        let time = jiff::Timestamp::try_from(now).unwrap() + jiff::SignedDuration::from_secs(seconds);
        parse(&format!(r#"{{"token":"t","expirationTimestamp":"{time}"}}"#)).unwrap()
    };
    let hour = expiring(3600);
    assert!(!hour.is_due(at(3539)) && hour.is_due(at(3541)));
    assert!(!hour.is_expired(at(3599)) && hour.is_expired(at(3601)));
    let short = expiring(60);
    assert!(!short.is_due(at(29)) && short.is_due(at(31)) && !short.is_expired(at(31)));
    assert!(expiring(-5).is_expired(now) && expiring(-5).is_due(now));
}

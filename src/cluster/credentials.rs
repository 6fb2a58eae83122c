//! Credentials that are never older than the attestation that uses them.
//!
//! Upstream reads its kubeconfig at every call, so users rely on a rotation being picked up at once. Here every
//! attestation waits for a look at the files that began after it arrived. One look runs at a time; those that arrive
//! meanwhile share the next. A look that finds the same bytes changes nothing, a changed token changes a header, and
//! only a changed address, proxy, CA or client certificate costs a new connection; requests under way finish on the old
//! one. What an exec plugin answered is looked at in the same way: it may have expired.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use http::HeaderMap;
use tokio::sync::watch;

use super::blocking;
use super::connection::Opener;
use super::environment::Environment;
use super::error::Fault;
use super::exec::{Credential, Plugin, Renewal};
use super::files::Files;
use super::limits::SECOND_LOOK_AFTER;
use super::observer::Telemetry;
use super::proxy::Proxy;
use super::resolver::Resolver;
use super::route::Route;
use super::settings::{Authorization, Server, Settings, TlsSettings};
use super::transport::Transport;
use super::{in_cluster, kubeconfig};

const LOOK_ENDED: Fault = Fault::TaskEnded("the look at the credentials");
const NO_THREAD: Fault = Fault::NoThread("reading the credentials");

/// Where credentials come from.
pub(super) enum Source {
    Kubeconfig(PathBuf),
    /// The service account's files under this folder.
    InCluster(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kubeconfig(path) => write!(f, "kubeconfig {}", path.display()),
            Self::InCluster(mount) => write!(f, "in-cluster files in {}", mount.display()),
        }
    }
}

/// What the files said when they were last looked at, ready for use.
pub(super) struct Access {
    pub(super) server: Server,
    pub(super) authorization: Option<Authorization>,
    /// Headers of every request.
    pub(super) impersonation: HeaderMap,
    pub(super) transport: Arc<Transport>,
    pub(super) tls: TlsSettings,
    pub(super) proxy: Option<Proxy>,
    plugin: Option<Asked>,
    /// The files that all this was read from, and what each is.
    pub(super) files: Vec<(&'static str, PathBuf)>,
}

/// A plugin that was asked, and what it made that is in use.
struct Asked {
    plugin: Arc<Plugin>,
    credential: Arc<Credential>,
}

impl Access {
    /// The command of the exec plugin that made the credential, if one did.
    pub(super) fn plugin_command(&self) -> Option<&Path> {
        self.plugin.as_ref().map(|asked| asked.plugin.command())
    }

    /// What no text may hold.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let own = self.authorization.iter().flat_map(|one| one.secrets.iter().map(|secret| secret.as_str()));
        own.chain(self.proxy.iter().filter_map(Proxy::login).map(|login| login.password.as_str()))
    }
}

/// The credentials of one cluster.
pub(super) struct Credentials {
    source: Source,
    environment: Environment,
    telemetry: Arc<Telemetry>,
    resolver: Resolver,
    renewal: Renewal,
    current: ArcSwapOption<Access>,
    /// The files that `current` was made of. Held by the look that runs.
    files: Mutex<Files>,
    looks: Mutex<Looks>,
    ended: watch::Sender<Ended>,
}

#[derive(Default)]
struct Looks {
    running: bool,
    another_wanted: bool,
    begun: u64,
}

/// The last look that has ended.
#[derive(Default)]
struct Ended {
    number: u64,
    fault: Option<Fault>,
}

impl Credentials {
    pub(super) fn new(source: Source, environment: Environment, telemetry: Arc<Telemetry>) -> Self {
        Self {
            source,
            environment,
            telemetry,
            resolver: Resolver::default(),
            renewal: Renewal::default(),
            current: ArcSwapOption::empty(),
            files: Mutex::default(),
            looks: Mutex::default(),
            ended: watch::Sender::default(),
        }
    }

    /// Where they come from.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// What the last look that found anything found.
    pub(super) fn current(&self) -> Option<Arc<Access>> {
        self.current.load_full()
    }

    /// The outcome of a look that begins after this call. The caller bounds the time.
    pub(super) async fn fresh(self: &Arc<Self>) -> Result<Arc<Access>, Fault> {
        let mut ended = self.ended.subscribe();
        let mine = self.join_a_look();
        let fault = match ended.wait_for(|last| last.number >= mine).await {
            Ok(last) => last.fault.clone(),
            Err(_) => Some(LOOK_ENDED),
        };
        match (fault, self.current.load_full()) {
            (None, Some(access)) => Ok(access),
            (fault, _) => Err(fault.unwrap_or(LOOK_ENDED)),
        }
    }

    /// A look after the server refused `used`: an exec plugin is asked anew, at most once a second. `None` if it brought
    /// nothing else.
    pub(super) async fn second_look(
        self: &Arc<Self>,
        used: &Arc<Access>,
    ) -> Result<Option<Arc<Access>>, Fault> {
        if let Some(asked) = &used.plugin {
            self.renewal.refused(&asked.credential);
        }
        let access = self.fresh().await?;
        Ok((!Arc::ptr_eq(&access, used)).then_some(access))
    }

    #[cfg(test)]
    pub(super) fn looks_begun(&self) -> u64 {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).begun
    }

    /// Begins a look, or asks for another after the one that runs. The answer is its number.
    fn join_a_look(self: &Arc<Self>) -> u64 {
        let number = {
            let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
            if looks.running {
                looks.another_wanted = true;
                return looks.begun + 1;
            }
            looks.running = true;
            looks.begun += 1;
            looks.begun
        };
        let looking = Looking { credentials: Arc::clone(self), done: false, fault_if_dropped: NO_THREAD };
        // Without a thread this drops the one who looks, and so tells those who wait.
        let _ = blocking::spawn("psat-files", move || looking.look());
        number
    }

    /// Files may be in the middle of a replacement, so a fault is looked at again.
    fn look_twice(&self) -> Result<(), Fault> {
        self.look().or_else(|_| {
            std::thread::sleep(SECOND_LOOK_AFTER);
            self.look()
        })
    }

    /// A plugin may take long. Where the files change meanwhile, it may not be the one to ask any more.
    fn look(&self) -> Result<(), Fault> {
        while !self.look_through()? {}
        Ok(())
    }

    /// `false` if the files changed while a plugin was waited for.
    fn look_through(&self) -> Result<bool, Fault> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current.load_full();
        if let Some(current) = &current
            && files.unchanged()
        {
            let Some(asked) = &current.plugin else { return Ok(true) };
            let credential = self.renewal.credential(&asked.plugin, || files.unchanged())?;
            let Some(credential) = credential else { return Ok(false) };
            if Arc::ptr_eq(&credential, &asked.credential) {
                return Ok(true);
            }
        }
        let mut read = Files::default();
        let mut settings = match &self.source {
            Source::Kubeconfig(path) => kubeconfig::load(path, &self.environment, &mut read)?,
            Source::InCluster(mount) => in_cluster::load(mount, &self.environment, &mut read)?,
        };
        let mut asked = None;
        if let Some(plugin) = settings.plugin.take() {
            let credential = self.renewal.credential(&plugin, || read.unchanged())?;
            let Some(credential) = credential else { return Ok(false) };
            asked = Some(Asked { plugin, credential });
        }
        let access = self.access(settings, asked, &read, current.as_deref())?;
        self.current.store(Some(Arc::new(access)));
        *files = read;
        if current.is_some() {
            self.telemetry.credentials_reloaded();
        }
        Ok(true)
    }

    fn access(
        &self,
        settings: Settings,
        plugin: Option<Asked>,
        read: &Files,
        current: Option<&Access>,
    ) -> Result<Access, Fault> {
        let Settings { server, mut tls, mut authorization, impersonation, proxy, plugin: _ } = settings;
        if let Some(Asked { credential, .. }) = &plugin {
            authorization.clone_from(&credential.authorization);
            tls.identity.clone_from(&credential.identity);
        }
        let same = current.filter(|current| {
            current.server.scheme == server.scheme
                && current.server.authority == server.authority
                && current.tls == tls
                && current.proxy == proxy
        });
        let transport = if let Some(current) = same {
            Arc::clone(&current.transport)
        } else {
            let opener = Route::new(&server, proxy.as_ref(), &tls.trust, self.resolver.clone())
                .and_then(|route| Opener::new(&server, &tls, route))
                .map_err(|fault| fault.found_in(&self.source))?;
            Arc::new(Transport::new(opener, Arc::clone(&self.telemetry)))
        };
        let files = read.named().map(|(what, path)| (what, path.to_owned())).collect();
        Ok(Access { server, authorization, impersonation, transport, tls, proxy, plugin, files })
    }
}

/// The one who looks. If it is dropped before it is done, those who wait for it are told.
struct Looking {
    credentials: Arc<Credentials>,
    done: bool,
    fault_if_dropped: Fault,
}

impl Looking {
    /// Looks as long as somebody wants another look.
    fn look(mut self) {
        self.fault_if_dropped = LOOK_ENDED;
        while !self.done {
            let outcome = self.credentials.look_twice();
            self.end(outcome.err());
        }
    }

    /// Ends the look that runs, and begins the next if one is wanted.
    fn end(&mut self, fault: Option<Fault>) {
        let mut looks = self.credentials.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let number = looks.begun;
        if std::mem::take(&mut looks.another_wanted) {
            looks.begun += 1;
        } else {
            looks.running = false;
            self.done = true;
        }
        // Still under the lock: the numbers of ended looks must rise.
        self.credentials.ended.send_replace(Ended { number, fault });
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        if !self.done {
            self.credentials.telemetry.task_ended("a look at the credentials");
        }
        while !self.done {
            self.end(Some(self.fault_if_dropped.clone()));
        }
    }
}

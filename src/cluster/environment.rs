//! The environment variables that decide how an API server is reached.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;

use super::settings::Server;

/// Where variables are looked up: the process's environment, but in tests.
pub(super) struct Environment(Lookup);

type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

impl Environment {
    /// That of the process, read anew each time.
    pub(super) fn of_process() -> Self {
        // What is no UTF-8 is no less set.
        Self(Box::new(|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned())))
    }

    #[cfg(test)]
    pub(super) fn fixed(variables: &'static [(&'static str, &'static str)]) -> Self {
        Self(Box::new(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }))
    }

    /// A variable's value, if it has one.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// The name of the variable that sends connections to `server` through a proxy.
    ///
    /// As in Go, `ALL_PROXY` is not looked at, and this machine is never behind a proxy. Unlike there, a value that names
    /// no proxy counts too: whoever sets it wants one, and none is used either way.
    pub(super) fn proxy_variable(&self, server: &Server) -> Option<&'static str> {
        let either =
            |upper: &str, lower: &str| self.get(upper).or_else(|| self.get(lower)).unwrap_or_default();
        // The matcher passes over what it cannot parse; that a proxy is named is all that counts here.
        let any = |value: String| if value.is_empty() { "" } else { "http://proxy" };
        let matcher = Matcher::builder()
            .https(any(either("HTTPS_PROXY", "https_proxy")))
            .http(any(either("HTTP_PROXY", "http_proxy")))
            .no(either("NO_PROXY", "no_proxy"))
            .build();
        let uri = server.uri().ok()?;
        if server.is_loopback() || matcher.intercept(&uri).is_none() {
            return None;
        }
        Some(if uri.scheme_str() == Some("https") { "HTTPS_PROXY" } else { "HTTP_PROXY" })
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variables: &'static [(&'static str, &'static str)], server: &str) -> Option<&'static str> {
        Environment::fixed(variables).proxy_variable(&Server::parse(server, true).unwrap())
    }

    #[test]
    fn a_proxy_applies_to_its_scheme_alone() {
        const BOTH: &[(&str, &str)] = &[("HTTPS_PROXY", "http://proxy:3128")];
        assert_eq!(proxy(BOTH, "https://api.example:6443"), Some("HTTPS_PROXY"));
        assert_eq!(proxy(BOTH, "http://api.example:8080"), None);
        assert_eq!(proxy(&[("http_proxy", "proxy:3128")], "http://api.example"), Some("HTTP_PROXY"));
        assert_eq!(proxy(&[("ALL_PROXY", "http://proxy:3128")], "https://api.example"), None);
        assert_eq!(proxy(&[("HTTPS_PROXY", "")], "https://api.example"), None);
    }

    #[test]
    fn a_value_that_names_no_proxy_is_not_passed_over() {
        const NO: &[(&str, &str)] = &[("HTTP_PROXY", "::bad::x"), ("NO_PROXY", "api.example")];
        assert_eq!(proxy(NO, "http://api.example"), None);
        assert_eq!(proxy(NO, "http://other.example"), Some("HTTP_PROXY"));
        for variables in [
            &[("HTTPS_PROXY", "::bad::x")][..],
            &[("https_proxy", "ftp://proxy")],
            &[("HTTPS_PROXY", "http://u:p w@proxy")],
            &[("HTTPS_PROXY", "\u{fffd}")],
        ] {
            assert_eq!(proxy(variables, "https://api.example"), Some("HTTPS_PROXY"), "{variables:?}");
            assert_eq!(proxy(variables, "http://api.example"), None, "{variables:?}");
        }
    }

    #[test]
    fn no_proxy_names_hosts_domains_and_networks() {
        const NO: &[(&str, &str)] =
            &[("HTTPS_PROXY", "http://proxy:3128"), ("NO_PROXY", "example.org, 10.0.0.0/8,")];
        assert_eq!(proxy(NO, "https://api.example.org"), None);
        assert_eq!(proxy(NO, "https://10.1.2.3:6443"), None);
        assert_eq!(proxy(NO, "https://11.1.2.3:6443"), Some("HTTPS_PROXY"));
    }

    #[test]
    fn this_machine_is_never_behind_a_proxy() {
        const ON: &[(&str, &str)] = &[("HTTPS_PROXY", "http://proxy:3128")];
        for server in ["https://localhost:6443", "https://127.0.0.2:1", "https://[::1]:6443"] {
            assert_eq!(proxy(ON, server), None, "{server}");
        }
    }
}

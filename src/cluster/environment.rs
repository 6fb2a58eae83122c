//! The environment variables that decide how an API server is reached.

use std::fmt;

use http::uri::Scheme;

use super::no_proxy::NoProxy;
use super::proxy::Proxy;
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

    /// The proxy that the environment names for `server`, decided as Go decides it: by `HTTPS_PROXY`, `HTTP_PROXY` and
    /// `NO_PROXY`, each also in lower case. `ALL_PROXY` is not looked at, and this machine is never behind a proxy.
    ///
    /// Unlike in Go, a value that names no proxy is an error and not passed over: whoever sets it wants one.
    pub(super) fn proxy(&self, server: &Server) -> Result<Option<Proxy>, String> {
        let either = |upper, lower| self.get(upper).or_else(|| self.get(lower));
        let secure = server.scheme == Scheme::HTTPS;
        let (upper, lower) =
            if secure { ("HTTPS_PROXY", "https_proxy") } else { ("HTTP_PROXY", "http_proxy") };
        let Some(value) = either(upper, lower) else { return Ok(None) };
        if !secure && self.get("REQUEST_METHOD").is_some() {
            // Where a request's header `Proxy` becomes HTTP_PROXY, anybody can name one.
            return Err(format!("{upper} is not trusted beside REQUEST_METHOD, the mark of a CGI program"));
        }
        if NoProxy::parse(&either("NO_PROXY", "no_proxy").unwrap_or_default())
            .covers(server.host(), server.port())
        {
            return Ok(None);
        }
        Proxy::of_environment(&value).map(Some).map_err(|problem| format!("{upper} {problem}"))
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

    fn proxy(variables: &'static [(&'static str, &'static str)], server: &str) -> Option<String> {
        let server = Server::parse(server, true).unwrap();
        Environment::fixed(variables).proxy(&server).unwrap().map(|proxy| proxy.to_string())
    }

    #[test]
    fn a_proxy_applies_to_its_scheme_alone() {
        const SECURE: &[(&str, &str)] = &[("HTTPS_PROXY", "http://proxy:3128")];
        let some = |address: &str| Some(address.to_owned());
        assert_eq!(proxy(SECURE, "https://api.example:6443"), some("http://proxy:3128"));
        assert_eq!(proxy(SECURE, "http://api.example:8080"), None);
        assert_eq!(proxy(&[("http_proxy", "proxy:3128")], "http://api.example"), some("http://proxy:3128"));
        assert_eq!(proxy(&[("ALL_PROXY", "http://proxy:3128")], "https://api.example"), None);
        assert_eq!(proxy(&[("HTTPS_PROXY", ""), ("https_proxy", "p:1")], "https://a"), some("http://p:1"));
    }

    #[test]
    fn a_value_that_names_no_proxy_is_not_passed_over() {
        const COVERED: &[(&str, &str)] = &[("HTTPS_PROXY", "::bad::x"), ("NO_PROXY", "api.example")];
        let server = Server::parse("https://api.example", true).unwrap();
        for value in ["::bad::x", "ftp://proxy", "http://u:p marker@proxy:x", "\u{fffd}"] {
            let variables: &'static [(&str, &str)] = vec![("https_proxy", value)].leak();
            let words = Environment::fixed(variables).proxy(&server).unwrap_err();
            assert!(words.contains("HTTPS_PROXY") && !words.contains("marker"), "{value}: {words}");
        }
        assert_eq!(proxy(COVERED, "https://api.example"), None);
    }

    #[test]
    fn a_cgi_program_does_not_trust_http_proxy() {
        const CGI: &[(&str, &str)] =
            &[("HTTP_PROXY", "proxy"), ("HTTPS_PROXY", "proxy"), ("REQUEST_METHOD", "GET")];
        let server = Server::parse("http://api.example", false).unwrap();
        assert!(Environment::fixed(CGI).proxy(&server).unwrap_err().contains("REQUEST_METHOD"));
        assert_eq!(proxy(CGI, "https://api.example").as_deref(), Some("http://proxy:80"));
    }

    #[test]
    fn this_machine_is_never_behind_a_proxy() {
        const ON: &[(&str, &str)] = &[("HTTPS_PROXY", "http://proxy:3128")];
        for server in ["https://localhost:6443", "https://127.0.0.2:1", "https://[::1]:6443"] {
            assert_eq!(proxy(ON, server), None, "{server}");
        }
    }
}

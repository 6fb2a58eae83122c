//! A proxy's address, as a kubeconfig or the environment gives it.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::uri::Authority;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// A proxy that connections go through. No formatter shows its user or password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    kind: Kind,
    /// Host and port, without user info.
    authority: Authority,
    login: Option<Login>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `CONNECT` over TCP.
    Http,
    /// `CONNECT` over TLS.
    Https,
    /// SOCKS 5; the proxy resolves names.
    Socks5,
}

/// User and password, percent-decoded.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Zeroizing<String>,
    pub(super) password: Zeroizing<String>,
}

impl Proxy {
    /// Takes `proxy-url` of a kubeconfig. The error says what it is not, and quotes nothing: there may be a password in it.
    pub(super) fn of_kubeconfig(url: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("has no scheme: http, https or socks5")?;
        let kind = Kind::named(scheme).filter(|_| !scheme.eq_ignore_ascii_case("socks5h"));
        Self::new(kind.ok_or("has a scheme other than http, https and socks5")?, rest)
    }

    /// Takes a value of `HTTPS_PROXY`, where `http` is the scheme of what has none.
    pub(super) fn of_environment(value: &str) -> Result<Self, &'static str> {
        match value.split_once("://") {
            Some((scheme, rest)) => {
                Self::new(Kind::named(scheme).ok_or("has a scheme other than http, https and socks5")?, rest)
            }
            None => Self::new(Kind::Http, value),
        }
    }

    fn new(kind: Kind, rest: &str) -> Result<Self, &'static str> {
        const NO_URL: &str = "is not the URL of a proxy";
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (login, address) = match rest[..end].rsplit_once('@') {
            Some((login, address)) => (Some(Login::parse(login).ok_or(NO_URL)?), address),
            None => (None, &rest[..end]),
        };
        let authority: Authority = address.parse().map_err(|_| NO_URL)?;
        let has_port = authority.as_str().len() > authority.host().len();
        if authority.host().is_empty() || has_port && authority.port_u16().is_none() {
            return Err(NO_URL);
        }
        let authority = if has_port {
            authority
        } else {
            format!("{authority}:{}", kind.default_port()).parse().map_err(|_| NO_URL)?
        };
        Ok(Self { kind, authority, login })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// The address to connect to. Its scheme says whether that is done with TLS.
    pub(super) fn uri(&self) -> Result<Uri, http::Error> {
        let scheme = if self.kind == Kind::Https { "https" } else { "http" };
        Uri::builder().scheme(scheme).authority(self.authority.clone()).path_and_query("/").build()
    }
}

impl Kind {
    fn named(scheme: &str) -> Option<Self> {
        match scheme.to_ascii_lowercase().as_str() {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            "socks5" | "socks5h" => Some(Self::Socks5),
            _ => None,
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 => 1080,
        }
    }
}

impl Login {
    fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let decoded = |text| Some(Zeroizing::new(percent_decode_str(text).decode_utf8().ok()?.into_owned()));
        Some(Self { user: decoded(user)?, password: decoded(password)? })
    }

    /// The value of `Proxy-Authorization`.
    pub(super) fn header(&self) -> HeaderValue {
        let pair = Zeroizing::new(format!("{}:{}", self.user.as_str(), self.password.as_str()));
        let value = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes())));
        let mut header = HeaderValue::from_str(&value).expect("base64 is what a header can carry");
        header.set_sensitive(true);
        header
    }
}

/// The address without its login, as it stands in texts.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Https => "https",
            Kind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}", self.authority)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(proxy: &Proxy) -> (String, Option<(&str, &str)>) {
        (proxy.to_string(), proxy.login().map(|login| (login.user.as_str(), login.password.as_str())))
    }

    #[test]
    fn an_address_has_a_scheme_a_port_and_perhaps_a_login() {
        for (url, address, login) in [
            ("http://p", "http://p:80", None),
            ("HTTPS://p/", "https://p:443", None),
            ("socks5://p", "socks5://p:1080", None),
            ("http://[::1]:3128/x?y#z", "http://[::1]:3128", None),
            ("http://u@p:1", "http://p:1", Some(("u", ""))),
            ("http://u:a%3Ab%40c:d@p:1", "http://p:1", Some(("u", "a:b@c:d"))),
            ("http://u:a@b@p:1", "http://p:1", Some(("u", "a@b"))),
        ] {
            assert_eq!(shown(&Proxy::of_kubeconfig(url).unwrap()), (address.to_owned(), login), "{url}");
        }
        assert_eq!(Proxy::of_environment("p:3128").unwrap().to_string(), "http://p:3128");
        assert_eq!(Proxy::of_environment("socks5h://p").unwrap().to_string(), "socks5://p:1080");
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_being_quoted() {
        for url in
            ["", "p:3128", "ftp://p", "socks5h://p", "http://", "http://:80", "http://p:x", "http://a b"]
        {
            Proxy::of_kubeconfig(url).unwrap_err();
        }
        for value in ["::bad::x", "ftp://p", "http://u:marker p@p:x", "http://u:%ff@p", "\u{fffd}"] {
            let words = Proxy::of_environment(value).unwrap_err();
            assert!(!words.contains("marker"), "{words}");
        }
    }

    #[test]
    fn a_login_is_in_no_text() {
        let proxy = Proxy::of_kubeconfig("http://user-marker:password-marker@p").unwrap();
        assert!(!format!("{proxy} {proxy:?} {:?}", proxy.login().unwrap().header()).contains("marker"));
        assert_eq!(Login::parse("u:p").unwrap().header(), "Basic dTpw");
    }
}

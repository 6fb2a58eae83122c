//! What a certificate or a token says of itself, for operators.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Longer names are no names.
const NAME_CHARS: usize = 256;

/// The parts of a certificate that explain whether it is of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// `CN=…, O=…`
    pub(super) subject: String,
    pub(super) issuer: String,
    /// The subject's common name: the user, to the API server. None if it is too long to be shown, or has more than one
    /// line.
    pub(super) common_name: Option<String>,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    /// DNS names and addresses that it is for.
    pub(super) names: Vec<String>,
}

impl Certificate {
    /// `None` if it is not one.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let common_name = certificate.subject().iter_common_name().next();
        let names = certificate.subject_alternative_name().ok().flatten();
        Some(Self {
            subject: one_line(&certificate.subject().to_string()),
            issuer: one_line(&certificate.issuer().to_string()),
            common_name: common_name
                .and_then(|name| name.as_str().ok())
                .filter(|name| is_whole(name))
                .map(str::to_owned),
            not_before: Timestamp::from_second(certificate.validity().not_before.timestamp()).ok()?,
            not_after: Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()?,
            names: names.iter().flat_map(|names| &names.value.general_names).filter_map(name_text).collect(),
        })
    }

    /// The texts in it, which are whatever its maker wrote.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.subject, &self.issuer].into_iter().chain(&self.names).map(String::as_str)
    }

    /// The certificates of a PEM text that can be read.
    pub(super) fn read_all(pem: &[u8]) -> Vec<Self> {
        CertificateDer::pem_slice_iter(pem)
            .filter_map(Result::ok)
            .filter_map(|der| Self::read(&der))
            .collect()
    }
}

fn name_text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(one_line(name)),
        GeneralName::IPAddress(bytes) => {
            let address = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            address.or_else(|_| <[u8; 16]>::try_from(*bytes).map(Into::into)).ok().map(|ip| ip.to_string())
        }
        _ => None,
    }
}

/// Whether a name can be shown as it is: what is cut or changed is another name.
fn is_whole(name: &str) -> bool {
    name.chars().count() <= NAME_CHARS && !name.contains(char::is_control)
}

/// Text from elsewhere, on one line and not too long.
fn one_line(text: &str) -> String {
    text.chars().take(NAME_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What a JSON Web Token says of itself, unverified: good enough for one's own.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(super) struct Claims {
    /// Seconds since 1970.
    pub(super) exp: Option<f64>,
    pub(super) sub: Option<String>,
}

impl Claims {
    /// `None` if the token is of another form.
    pub(super) fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_, payload, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
            return None;
        };
        let payload = zeroize::Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?);
        let claims: Self = serde_json::from_slice(&payload).ok()?;
        Some(Self { sub: claims.sub.filter(|sub| is_whole(sub)), ..claims })
    }

    pub(super) fn expiry(&self) -> Option<Timestamp> {
        let seconds = Duration::try_from_secs_f64(self.exp?).ok()?;
        Timestamp::from_second(i64::try_from(seconds.as_secs()).ok()?).ok()
    }
}

/// Now, to the second.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH);
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_its_expiry_and_anything_else_tells_nothing() {
        let token = |claims: &str| format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims));
        let claims = Claims::read(&token(r#"{"exp":784111777,"sub":"system:serviceaccount:a:b"}"#)).unwrap();
        assert_eq!(claims.expiry().unwrap().to_string(), "1994-11-06T08:49:37Z");
        assert_eq!(claims.sub.as_deref(), Some("system:serviceaccount:a:b"));
        for other in ["opaque", "a.b", "a.b.c.d", &token("[]"), &token(r#"{"exp":"soon"}"#)] {
            assert_eq!(Claims::read(other).and_then(|claims| claims.expiry()), None, "{other}");
        }
        let long = Claims::read(&token(&format!(r#"{{"sub":"{}"}}"#, "x".repeat(257)))).unwrap();
        assert_eq!(long.sub, None, "a part of a name is no user's");
        for unfit in ["-1", "1e300"] {
            let claims = Claims::read(&token(&format!(r#"{{"exp":{unfit}}}"#))).unwrap();
            assert_eq!(claims.expiry(), None, "{unfit}");
        }
    }

    #[test]
    fn a_name_is_one_line_and_not_too_long() {
        let mut params = rcgen::CertificateParams::default();
        let name = format!("a\nb: \u{1b}[31m{}", "x".repeat(1000));
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let pem = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
        let read = Certificate::read_all(pem.as_bytes()).remove(0);
        assert!(read.subject.starts_with("CN=a b:  [31mxx") && read.subject.len() == NAME_CHARS, "{read:?}");
        assert!(read.texts().all(|text| !text.contains(char::is_control)), "{read:?}");
        assert_eq!(read.common_name, None, "a part of a name is no user's");
    }

    #[test]
    fn a_certificate_tells_who_it_is_for_and_until_when() {
        let mut params =
            rcgen::CertificateParams::new(vec!["api.example".to_owned(), "10.0.0.1".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "reviewer");
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "team");
        params.not_after = rcgen::date_time_ymd(2031, 2, 3);
        let pem = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
        let read = Certificate::read_all(format!("no certificate\n{pem}").as_bytes());
        let [certificate] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!(certificate.subject, "CN=reviewer, O=team");
        assert_eq!(certificate.common_name.as_deref(), Some("reviewer"));
        assert_eq!(certificate.not_after.to_string(), "2031-02-03T00:00:00Z");
        assert_eq!(certificate.names, ["api.example", "10.0.0.1"]);
    }
}

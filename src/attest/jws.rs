//! Row 8: whether a token can be a service-account token at all, by its form.
//!
//! Nothing here is verified, so nothing here says yes; it only spares the API server what no API server accepts.

use std::borrow::Cow;

use serde::Deserialize;

use crate::cluster::keys::Jws;

/// The one member of a JOSE header that decides here (RFC 7515, section 4.1.1).
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
}

/// Checks that `token` is a JWS in compact form, signed with a public-key algorithm, and takes it apart.
pub fn check_form(token: &str) -> Result<Jws<'_>, &'static str> {
    let jws = Jws::decode(token)?;
    let Header { alg } = parse_header(jws.header()).ok_or("its header is not a JSON object with one alg")?;
    if alg.eq_ignore_ascii_case("none") || alg.get(..2).is_some_and(|kind| kind.eq_ignore_ascii_case("HS")) {
        return Err("its alg is none or a shared-secret one");
    }
    if jws.payload().is_empty() {
        return Err("its payload is missing");
    }
    if jws.signature().is_empty() {
        return Err("its signature is missing");
    }
    Ok(jws)
}

/// A JOSE header is an object (RFC 7515, section 4); serde would take a list of the members too.
fn parse_header(bytes: &[u8]) -> Option<Header<'_>> {
    let is_json_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let first = bytes.iter().find(|byte| !is_json_space(byte))?;
    if *first == b'{' { serde_json::from_slice(bytes).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn check_form(token: &str) -> Result<(), &'static str> {
        super::check_form(token).map(drop)
    }

    fn token(header: &str) -> String {
        format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn public_key_algorithms_pass() {
        for alg in ["RS256", "ES256", "ES384", "ES512", "PS256", "EdDSA"] {
            assert_eq!(check_form(&token(&format!(r#"{{"alg":"{alg}","kid":"k"}}"#))), Ok(()), "{alg}");
        }
    }

    #[test]
    fn unsigned_and_shared_secret_algorithms_are_refused() {
        for alg in ["none", "None", "HS256", "HS512", "hs256"] {
            assert!(check_form(&token(&format!(r#"{{"alg":"{alg}"}}"#))).is_err(), "{alg}");
        }
    }

    #[test]
    fn what_is_no_jws_is_refused() {
        for text in ["x", "a.b", "e30.e30.c2ln", "e30.e30.c2ln.x", "....", "..", "{}.e30.c2ln"] {
            assert!(check_form(text).is_err(), "{text}");
        }
        let good = r#"{"alg":"RS256"}"#;
        assert!(check_form(&format!("{}.e30.", URL_SAFE_NO_PAD.encode(good))).is_err());
        assert!(check_form(&format!("{}=.e30.c2ln", URL_SAFE_NO_PAD.encode(good))).is_err());
        assert!(check_form(&token(r#"{"alg":1}"#)).is_err());
        assert!(check_form(&token(r#"{"alg":"RS256","alg":"RS256"}"#)).is_err());
        assert!(check_form(&token("[]")).is_err());
    }

    #[test]
    fn a_header_is_an_object_with_spaces_around_it_at_most() {
        assert_eq!(check_form(&token(" \t\r\n{\"alg\":\"RS256\"} \n")), Ok(()));
        for header in [r#"["RS256"]"#, r#" ["RS256"]"#, r#""RS256""#, "null", "", "  "] {
            assert_eq!(
                check_form(&token(header)),
                Err("its header is not a JSON object with one alg"),
                "{header:?}"
            );
        }
    }

    #[test]
    fn a_payload_is_base64url_without_padding() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
        for payload in ["e30=", "!!", "e", "e3+/"] {
            let found = check_form(&format!("{header}.{payload}.c2ln"));
            assert_eq!(found, Err("its payload is not base64url"), "{payload:?}");
        }
    }
}

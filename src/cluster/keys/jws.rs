//! A token, taken apart.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A JWS in compact form, decoded (RFC 7515, section 7.1). Nothing in it is verified.
pub struct Jws<'t> {
    /// What the signature is about: header and payload as they came.
    signed: &'t str,
    /// Payload, header and signature, one behind the other.
    decoded: Vec<u8>,
    header_at: usize,
    signature_at: usize,
}

impl<'t> Jws<'t> {
    /// Takes `token` apart. Each part has one spelling: no padding, no other alphabet, no spare bits.
    ///
    /// # Errors
    /// It has not that form; the text says which part has not.
    pub fn decode(token: &'t str) -> Result<Self, &'static str> {
        let (signed, signature) = token.rsplit_once('.').ok_or(NOT_THREE_PARTS)?;
        let (header, payload) = signed.split_once('.').ok_or(NOT_THREE_PARTS)?;
        if payload.contains('.') {
            return Err(NOT_THREE_PARTS);
        }
        let mut decoded = Vec::with_capacity(token.len());
        let mut decode = |part, fault| {
            URL_SAFE_NO_PAD.decode_vec(part, &mut decoded).map_err(|_| fault)?;
            Ok(decoded.len())
        };
        let header_at = decode(payload, "its payload is not base64url")?;
        let signature_at = decode(header, "its header is not base64url")?;
        decode(signature, "its signature is not base64url")?;
        Ok(Self { signed, decoded, header_at, signature_at })
    }

    /// The header: JSON, if it is a token.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        &self.decoded[self.header_at..self.signature_at]
    }

    /// The claims.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.decoded[..self.header_at]
    }

    /// The signature's bytes.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.decoded[self.signature_at..]
    }

    /// What the signature is about.
    pub(super) fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// The claims alone.
    pub(super) fn into_payload(mut self) -> Vec<u8> {
        self.decoded.truncate(self.header_at);
        self.decoded
    }
}

const NOT_THREE_PARTS: &str = "it is not a JWS of three parts";

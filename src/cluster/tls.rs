//! TLS as client-go does it, on rustls.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WantsClientCert, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use super::error::Fault;
use super::settings::{SecretBytes, TlsSettings, Trust};

const IDENTITY: &str = "the client certificate or its key";

/// The client's side of TLS. ALPN is left to the connector, which insists on setting it.
pub(super) fn client_config(settings: &TlsSettings) -> Result<ClientConfig, Fault> {
    let builder = trusting(&settings.trust)?;
    let Some((chain, key)) = &settings.identity else {
        return Ok(builder.with_no_client_auth());
    };

    let (chain, key) = identity(chain, key)?;
    builder.with_client_auth_cert(chain, key).map_err(|error| unusable(IDENTITY, error))
}

/// Whether a server can be shown this certificate chain and key, both PEM: that they are of one pair, too.
pub(super) fn check_identity(chain: &[u8], key: &SecretBytes) -> Result<(), Fault> {
    let (chain, key) = identity(chain, key)?;
    let pair = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
    pair.map(drop).map_err(|error| unusable(IDENTITY, error))
}

fn identity(
    chain: &[u8],
    key: &SecretBytes,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Fault> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain).filter_map(Result::ok).collect();
    if chain.is_empty() {
        return Err(Fault::Material("the client certificate holds no PEM certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&key.0)
        .map_err(|_| Fault::Material("the client key holds no PEM private key".to_owned()))?;
    Ok((chain, key))
}

/// The client's side of TLS to a proxy: those who vouch for the API server vouch for it too, as in Go. Unlike there, it
/// is not shown the client certificate, which is meant for the API server.
pub(super) fn proxy_config(trust: &Trust) -> Result<ClientConfig, Fault> {
    Ok(trusting(trust)?.with_no_client_auth())
}

fn trusting(trust: &Trust) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Fault> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("the crypto provider", error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier(trust, &provider)?))
}

fn unusable(what: &str, source: Error) -> Fault {
    Fault::TlsMaterial { what: what.to_owned(), source }
}

pub(super) fn verifier(
    trust: &Trust,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Fault> {
    let certificates = match trust {
        Trust::Anyone => {
            return Ok(Arc::new(AnyServer { provider: Arc::clone(provider) }));
        }
        Trust::System => rustls_native_certs::load_native_certs().certs,
        // What is no certificate is passed over, as Go does: one bad entry must not cost the others.
        Trust::Roots(pem) => CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect(),
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    if roots.is_empty() {
        return Err(Fault::Material(match trust {
            Trust::Roots(_) => "the certificate authority holds no usable PEM certificate".to_owned(),
            _ => {
                "no certificate authority is given, and the system has no usable root certificates".to_owned()
            }
        }));
    }
    let chains =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|error| Fault::Material(format!("the root certificates are not usable: {error}")))?;
    let given = if matches!(trust, Trust::Roots(_)) { certificates } else { Vec::new() };
    Ok(Arc::new(KnownServer { chains, given }))
}

/// Accepts what the roots vouch for, and a root itself as the server's certificate.
///
/// The latter is how a serving certificate is trusted that is given as its own CA. Go takes it; webpki refuses it if it
/// says that it is a CA, or if another has signed it, after having looked at its validity.
#[derive(Debug)]
struct KnownServer {
    chains: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for KnownServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict =
            self.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verdict {
            Err(error) if is_about_the_issuer(&error) && self.given.contains(end_entity) => {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Whether nothing else is wrong with a certificate than who issued it, which does not matter for one that is given.
fn is_about_the_issuer(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => true,
        Error::InvalidCertificate(CertificateError::Other(other)) => {
            matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

/// `insecure-skip-tls-verify`: any certificate will do, but the server must hold its key.
#[derive(Debug)]
struct AnyServer {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

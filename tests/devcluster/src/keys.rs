//! Everything of a cluster that is slow to make, so that many clusters can share it.

use std::sync::{Arc, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::client_certificate::AnyCertificate;
use crate::signing::SigningKeys;

/// The reviewer's user name with a client certificate or its static token.
pub(crate) const REVIEWER: &str = "psat-reviewer";

/// Everything of a cluster that is slow to make: the certificate authority, the server's and the clients'
/// certificates, and the keys that sign tokens. One set serves any number of clusters.
pub struct Keys {
    pub(crate) signing: SigningKeys,
    pub(crate) ca_pem: String,
    pub(crate) reviewer: ClientIdentity,
    /// A certificate of an authority that the server does not know.
    pub(crate) unknown: ClientIdentity,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) tls_http1_only: Arc<ServerConfig>,
}

/// A client certificate with its key.
pub(crate) struct ClientIdentity {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
}

impl Keys {
    /// A new set. Costs some 0.1 s, most of it for the RSA key.
    #[must_use]
    pub fn generate() -> Arc<Keys> {
        let authority = authority("devcluster CA");
        let (server_chain, server_key) = server_certificate(&authority);
        let tls = server_config(server_chain, server_key);
        Arc::new(Keys {
            signing: SigningKeys::generate(),
            ca_pem: authority.pem(),
            reviewer: client_identity(&authority),
            unknown: client_identity(&self::authority("another CA")),
            tls_http1_only: Arc::new(with_alpn(tls.clone(), &["http/1.1"])),
            tls: Arc::new(with_alpn(tls, &["h2", "http/1.1"])),
        })
    }

    /// The set of this process, made at first use.
    #[must_use]
    pub fn shared() -> Arc<Keys> {
        static SHARED: OnceLock<Arc<Keys>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(Keys::generate))
    }

    /// The keys that sign tokens.
    #[must_use]
    pub fn signing(&self) -> &SigningKeys {
        &self.signing
    }
}

/// Why nothing about certificates can fail here: their contents are constants of this file.
const CONSTANT: &str = "certificates of constant contents can be made";

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect(CONSTANT)).expect(CONSTANT)
}

fn server_certificate(
    authority: &CertifiedIssuer<'static, KeyPair>,
) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let names =
        ["127.0.0.1", "::1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    let mut params = CertificateParams::new(names.map(String::from)).expect(CONSTANT);
    params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().expect(CONSTANT);
    let certificate = params.signed_by(&key, authority).expect(CONSTANT);
    let private = PrivateKeyDer::try_from(key.serialize_der()).expect(CONSTANT);
    (vec![certificate.der().clone()], private)
}

fn client_identity(authority: &CertifiedIssuer<'static, KeyPair>) -> ClientIdentity {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, REVIEWER);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().expect(CONSTANT);
    let certificate = params.signed_by(&key, authority).expect(CONSTANT);
    ClientIdentity {
        certificate_pem: certificate.pem(),
        key_pem: key.serialize_pem(),
        certificate: certificate.into(),
    }
}

fn server_config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Arc::new(AnyCertificate::new(provider.signature_verification_algorithms));
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the default protocol versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .expect(CONSTANT)
}

fn with_alpn(mut config: ServerConfig, protocols: &[&str]) -> ServerConfig {
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

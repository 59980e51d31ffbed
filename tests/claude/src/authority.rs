//! A certificate authority for one run: made at the start, kept in memory, gone at the end. Owns the certificate by
//! which the proxy speaks for the provider's hosts; which hosts those are is the proxy's to say.

use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The authority's certificate, and a server that holds one certificate of it.
pub struct Authority {
    /// The certificate that a client has to trust, PEM. Its key exists nowhere any more.
    pub pem: String,
    /// Speaks TLS for the hosts it was made for, HTTP/1.1 only.
    pub server: Arc<ServerConfig>,
}

impl Authority {
    /// An authority that has vouched for `hosts` and will never vouch for another: its key is dropped here.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn for_hosts(hosts: &[&str]) -> Result<Self> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority.distinguished_name.push(DnType::CommonName, "Signalbox tests, thrown away after this run");
        let authority_key = KeyPair::generate()?;
        let root = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);

        let mut host = CertificateParams::new(hosts.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
        host.distinguished_name.push(DnType::CommonName, "a simulated provider");
        let host_key = KeyPair::generate()?;
        let certificate = host.signed_by(&host_key, &issuer)?;

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(host_key.serialize_der()));
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .context("Cannot use the certificate made for this run")?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { pem: root.pem(), server: Arc::new(server) })
    }
}

//! TLS to Redis: which certificates count, and what their errors mean.

#[cfg(not(feature = "tls"))]
use std::io;
use std::path::PathBuf;

/// How a server proves who it is, and we to it. Files are read anew for each connection, so that
/// certificates can be renewed while a worker runs.
#[derive(Clone, Default)]
pub(super) struct Tls {
    /// PEM with the authorities to trust instead of the public ones.
    pub(super) authorities: Option<PathBuf>,
    /// PEM with our certificate and what leads to its authority.
    pub(super) certificate: Option<PathBuf>,
    /// PEM with its key.
    pub(super) key: Option<PathBuf>,
    /// The name that the server's certificate is for, where it is not the host's.
    pub(super) server_name: Option<String>,
    /// Believe any certificate.
    pub(super) insecure: bool,
}

#[cfg(not(feature = "tls"))]
impl Tls {
    pub(super) fn check(&self) -> Result<(), String> {
        Err("asks for TLS, which this build does not have".into())
    }

    pub(super) async fn wrap<S>(&self, _host: &str, stream: S) -> io::Result<S> {
        // Refused when the options were read.
        std::future::ready(Ok(stream)).await
    }
}

#[cfg(not(feature = "tls"))]
pub(super) fn explain(_error: &io::Error) -> Option<String> {
    None
}

#[cfg(feature = "tls")]
pub(super) use with_rustls::explain;

#[cfg(feature = "tls")]
mod with_rustls {
    use std::{io, path::Path, sync::Arc};

    use rustls::{
        AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore,
        SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
    };
    use tokio::io::{AsyncRead, AsyncWrite};
    use tokio_rustls::{TlsConnector, client::TlsStream};

    use super::{super::dial::causes, Tls};

    impl Tls {
        /// Reads the files.
        ///
        /// # Errors
        /// Which file is wrong, and what is wrong with it.
        pub(in crate::conn) fn check(&self) -> Result<(), String> {
            self.config().map(drop)
        }

        pub(in crate::conn) async fn wrap<S>(
            &self,
            host: &str,
            stream: S,
        ) -> io::Result<TlsStream<S>>
        where
            S: AsyncRead + AsyncWrite + Unpin,
        {
            let name = self.server_name.as_deref().unwrap_or(host);
            let name = ServerName::try_from(name.to_owned())
                .map_err(|_| io::Error::other(format!("`{name}` is no name for TLS")))?;
            let config = self.config().map_err(io::Error::other)?;
            TlsConnector::from(Arc::new(config))
                .connect(name, stream)
                .await
        }

        fn config(&self) -> Result<ClientConfig, String> {
            let provider = Arc::new(ring::default_provider());
            let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()
                .map_err(|error| error.to_string())?;
            let builder = if self.insecure {
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            } else {
                builder.with_root_certificates(self.trusted()?)
            };
            match (&self.certificate, &self.key) {
                (Some(certificate), Some(key)) => {
                    let chain = certificates(certificate, "certificate")?;
                    let key = PrivateKeyDer::from_pem_file(key)
                        .map_err(|error| unreadable("key", key, &error))?;
                    builder
                        .with_client_auth_cert(chain, key)
                        .map_err(|error| format!("certificate and key do not go together: {error}"))
                }
                (None, None) => Ok(builder.with_no_client_auth()),
                (Some(_), None) => Err("has a client certificate without its key".into()),
                (None, Some(_)) => Err("has the key of a client certificate without it".into()),
            }
        }

        fn trusted(&self) -> Result<RootCertStore, String> {
            let mut store = RootCertStore::empty();
            let Some(path) = &self.authorities else {
                store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
                return Ok(store);
            };
            for certificate in certificates(path, "CA")? {
                store.add(certificate).map_err(|error| {
                    format!(
                        "CA file `{}` has a bad certificate: {error}",
                        path.display()
                    )
                })?;
            }
            Ok(store)
        }
    }

    fn certificates(path: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
        let found: Vec<_> = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable(what, path, &error))?;
        if found.is_empty() {
            return Err(format!(
                "{what} file `{}` has no certificate in PEM form",
                path.display()
            ));
        }
        Ok(found)
    }

    fn unreadable(what: &str, path: &Path, error: &rustls::pki_types::pem::Error) -> String {
        let why = match error {
            rustls::pki_types::pem::Error::Io(error) => error.to_string(),
            rustls::pki_types::pem::Error::NoItemsFound => "it has none in PEM form".into(),
            _ => "it is not in PEM form".into(),
        };
        format!("{what} file `{}` cannot be read: {why}", path.display())
    }

    /// Believes every certificate, but still that its owner signed the handshake.
    #[derive(Debug)]
    struct AnyCertificate(Arc<CryptoProvider>);

    impl ServerCertVerifier for AnyCertificate {
        fn verify_server_cert(
            &self,
            _certificate: &CertificateDer<'_>,
            _chain: &[CertificateDer<'_>],
            _name: &ServerName<'_>,
            _ocsp: &[u8],
            _now: UnixTime,
        ) -> Result<ServerCertVerified, rustls::Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            verify_tls12_signature(message, certificate, signature, algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            verify_tls13_signature(message, certificate, signature, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }

    /// What a failed handshake means, and how to mend it; `None` when TLS is not to blame.
    pub(in crate::conn) fn explain(error: &io::Error) -> Option<String> {
        let cause = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
        if let Some(cause) = cause {
            return Some(explain_rustls(cause));
        }
        (error.kind() == io::ErrorKind::UnexpectedEof).then(|| {
            "redis hung up during the TLS handshake; if it speaks no TLS on this port, write \
             `redis://`"
                .into()
        })
    }

    fn explain_rustls(error: &rustls::Error) -> String {
        match error {
            rustls::Error::InvalidCertificate(certificate) => match certificate {
                CertificateError::UnknownIssuer => {
                    "TLS: redis' certificate is of an authority that nobody here trusts; name \
                     the authority's file with `?ca=FILE` or BULLRS_REDIS_CA"
                        .into()
                }
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => {
                    let names = match certificate {
                        CertificateError::NotValidForNameContext { presented, .. }
                            if !presented.is_empty() =>
                        {
                            format!(" (it is for {})", presented.join(", "))
                        }
                        _ => String::new(),
                    };
                    format!(
                        "TLS: redis' certificate is for another name{names}; connect by that name, \
                         or say which to expect with `?server_name=NAME`"
                    )
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "TLS: redis' certificate has expired; renew it, or set this machine's clock"
                        .into()
                }
                other => format!("TLS: redis' certificate is refused: {other}"),
            },
            rustls::Error::InvalidMessage(_) => {
                "TLS: what answers speaks no TLS; write `redis://`, or use redis' `tls-port`".into()
            }
            rustls::Error::AlertReceived(
                AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure,
            ) => "TLS: redis wants a client certificate; name the files with \
                  `?cert=FILE&key=FILE` or BULLRS_REDIS_CERT and BULLRS_REDIS_KEY"
                .into(),
            rustls::Error::AlertReceived(
                alert @ (AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::DecryptError),
            ) => format!("TLS: redis refuses our client certificate ({alert:?})"),
            other => format!("TLS: {other}"),
        }
    }
}

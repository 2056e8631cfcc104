//! TLS with a private authority, HMAC keys, and proxies.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use ingest_protocol::frame::{Limits, MacKey};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::common::http::{Handler, connection, serve};
use crate::common::log::{documents, write};
use crate::common::process::{Agent, configure, output};
use crate::common::receiver::{Inner, Receiver, TENANT};

/// Writes the certificate of a new authority, and gives the configuration of a server that has a
/// certificate of it.
fn authority(path: &Path) -> ServerConfig {
    let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap();
    std::fs::write(path, ca.pem()).unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let leaf = CertificateParams::new(names).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(params, ca_key)).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap()
}

fn serve_tls(config: ServerConfig, handler: Handler) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let server = ServerConnection::new(Arc::clone(&config)).unwrap();
            let handler = Arc::clone(&handler);
            std::thread::spawn(move || connection(StreamOwned::new(server, stream), &handler));
        }
    });
    address
}

#[test]
fn a_private_authority_is_trusted_where_it_is_named_and_nowhere_else() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&folder.join("requests.evtx"), 1..=30);
    let server = authority(&folder.join("ca.pem"));
    authority(&folder.join("other.pem"));
    let inner = Inner::new(&folder.join("received"), Limits::default(), None);
    let address = serve_tls(server, inner.handler());
    let url = format!("https://localhost:{}", address.port());
    for untrusted in ["", "[http]\nca = \"other.pem\"\n"] {
        let config = configure(folder, &url, untrusted);
        let mut agent = Agent::start(&config, &["run", "--once", "--give-up", "1s"]);
        assert_eq!(agent.code(), 3);
        assert!(
            agent.said().contains("no answer from the service"),
            "{}",
            agent.said()
        );
    }
    assert_eq!(inner.received().requests, 0);
    let config = configure(folder, &url, "[http]\nca = \"ca.pem\"\n");
    assert_eq!(Agent::start(&config, &["run", "--once"]).code(), 0);
    assert_eq!(inner.received().documents, documents(1..=30));
}

#[test]
fn batches_are_signed_with_an_hmac_key_and_another_key_is_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&folder.join("requests.evtx"), 1..=10);
    let id = "0190a0a0-0000-7000-8000-000000000001";
    let key = MacKey::new(id.parse().unwrap(), &[0xA5; 32]);
    let receiver = Receiver::with_key(&folder.join("received"), key);
    let config = folder.join("agent.toml");
    let text = format!(
        "tenant = \"{TENANT}\"\nurl = \"{}\"\nstate = \"state\"\n[key]\nhmac_key_file = \"key\"\n\
         hmac_key_id = \"{id}\"\n[[logs]]\npath = \"requests.evtx\"\n",
        receiver.url()
    );
    std::fs::write(&config, text).unwrap();
    std::fs::write(folder.join("key"), "5a".repeat(32)).unwrap();
    let mut agent = Agent::start(&config, &["run", "--once", "--give-up", "1s"]);
    assert_eq!(agent.code(), 3);
    assert!(!agent.said().contains("5a5a"), "{}", agent.said());
    assert!(receiver.received().documents.is_empty());
    let check = || {
        let check = output(&config, &["check"]);
        let told = String::from_utf8_lossy(&check.stdout).into_owned();
        assert!(!told.contains("5a5a"), "{told}");
        (check.status.code(), told)
    };
    let (code, told) = check();
    let why = "FAIL  key at the service: refused: under its id the service has another key";
    assert!(code == Some(1) && told.contains(why), "{told}");
    // What was signed with the wrong key is signed anew.
    std::fs::write(folder.join("key"), "A5".repeat(32)).unwrap();
    let (code, told) = check();
    let accepted = "ok    key at the service: accepted";
    assert!(code == Some(0) && told.contains(accepted), "{told}");
    for (is, other, why) in [
        (
            id,
            "0190a0a0-0000-7000-8000-000000000002",
            "no key of this id",
        ),
        (TENANT, "6f1d2c3b-4a59-4e8f-9b70-112233445567", "tenant"),
    ] {
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, text.replace(is, other)).unwrap();
        let (code, told) = check();
        let why_not = told.lines().find(|line| line.starts_with("FAIL  key at"));
        assert!(why_not.is_some_and(|line| line.contains(why)), "{told}");
        assert_eq!(code, Some(1));
        std::fs::write(&config, text).unwrap();
    }
    assert!(receiver.received().documents.is_empty());
    let code = Agent::start(&config, &["run", "--once"]).code();
    assert_eq!(
        (code, receiver.received().documents),
        (0, documents(1..=10))
    );
}

#[test]
fn a_proxy_is_used_if_it_is_named() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&folder.join("requests.evtx"), 1..=10);
    // It refuses all, and sees that it was asked.
    let asked = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    let proxy = serve(Arc::new(move |_| {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Some(
            http::Response::builder()
                .status(403)
                .body(bytes::Bytes::new())
                .unwrap(),
        )
    }));
    let receiver = Receiver::start(&folder.join("received"));
    let more = format!("[http]\nproxy = \"http://user:pa55word@{proxy}\"\n");
    let config = configure(folder, &receiver.url(), &more);
    let mut agent = Agent::start(&config, &["run", "--once", "--give-up", "500ms"]);
    assert_eq!(agent.code(), 3);
    assert!(!agent.said().contains("pa55word"), "{}", agent.said());
    assert!(asked.load(std::sync::atomic::Ordering::Relaxed) > 0);
    assert_eq!(receiver.received().requests, 0);
    let config = configure(folder, &receiver.url(), "");
    assert_eq!(Agent::start(&config, &["run", "--once"]).code(), 0);
    assert_eq!(receiver.received().documents.len(), 10);
}

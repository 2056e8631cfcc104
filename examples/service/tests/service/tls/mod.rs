//! HTTPS, with a certificate made for these tests: a private CA signed one for `localhost`; both
//! end in a hundred years, and the CA's key is gone.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::process::{AUDIT, Folder, program};

const CA: &[u8] = include_bytes!("ca.pem");
const CERTIFICATE: &[u8] = include_bytes!("cert.pem");
const KEY: &[u8] = include_bytes!("key.pem");

fn folder() -> Folder {
    let folder = Folder::with("[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"", "");
    std::fs::write(folder.path("cert.pem"), CERTIFICATE).unwrap();
    std::fs::write(folder.path("key.pem"), KEY).unwrap();
    folder
}

#[test]
fn answers_come_over_tls_alone() {
    let folder = folder();
    let service = folder.start();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(CA).unwrap())
        .unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(client, TcpStream::connect(&service.address).unwrap());
    let request = format!(
        "GET /v1/reports HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {AUDIT}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    // It may be closed without a farewell.
    let _ = stream.read_to_string(&mut answer);
    let status = answer.get(9..12).unwrap_or_default();
    assert!(["200", "503"].contains(&status), "{answer}"); // it may still start
    assert!(
        answer.contains("strict-transport-security: max-age="),
        "{answer}"
    );

    let mut plain = TcpStream::connect(&service.address).unwrap();
    plain.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[test]
fn a_certificate_that_cant_be_used_is_said_at_the_start() {
    let folder = folder();
    let check = || {
        let output = program()
            .args(["--config", &folder.config(), "--check"])
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    assert_eq!(check().0, Some(0));
    std::fs::write(folder.path("key.pem"), CERTIFICATE).unwrap();
    let (code, said) = check();
    assert!(code == Some(2) && said.contains("key.pem"), "{said}");
    std::fs::remove_file(folder.path("cert.pem")).unwrap();
    let (code, said) = check();
    assert!(code == Some(2) && said.contains("cert.pem"), "{said}");
}

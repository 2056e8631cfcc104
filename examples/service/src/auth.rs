//! Who may send and who may read.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, request::Parts};
use ingest_protocol::frame::{KeyRing, MacKey};
use ingest_protocol::{Audience, KeyId};
use report_query::activity::ActivityStore;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::arrivals::Arrivals;
use crate::config::{Config, ReaderConfig, Right, SenderConfig};
use crate::refuse::Refusal;
use crate::secret::{Secret, secret};
use crate::tenant::Tenant;

/// A token that is shorter could be guessed.
const TOKEN_CHARS: usize = 16;

/// A token as it is kept: its hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

/// What a reader may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Documents as they were logged, and the quarantine.
    pub raw: bool,
    /// Names, accounts and addresses of people.
    pub persons: bool,
}

impl Rights {
    /// All of them.
    pub const ALL: Self = Self {
        raw: true,
        persons: true,
    };

    /// Those of a configuration.
    #[must_use]
    pub fn of(rights: &[Right]) -> Self {
        Self {
            raw: rights.contains(&Right::Raw),
            persons: rights.contains(&Right::Persons),
        }
    }
}

/// How a reader came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// With a token in the request.
    Token,
    /// With a session's cookie.
    Session,
    /// From this machine, where that is enough.
    Open,
}

impl Via {
    /// The word in the audit trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::Open => "open",
        }
    }
}

/// Who reads, as an extractor: a handler that takes one is refused to everybody else.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Whose activity.
    pub tenant: Arc<Tenant>,
    /// As the configuration calls them.
    pub name: String,
    /// What they may see.
    pub rights: Rights,
    /// How they came in.
    pub via: Via,
}

impl Reader {
    /// The activity as this reader may see it: whole, or with pseudonyms for people.
    /// Everything that is shown to the reader comes from here.
    #[must_use]
    pub fn store(&self) -> &ActivityStore {
        self.tenant.store_for(self.rights)
    }

    /// Which entries of the journal that holds when.
    #[must_use]
    pub fn arrivals(&self) -> &Arrivals {
        self.tenant.arrivals_for(self.rights)
    }

    /// Notes in the audit trail what was read: `report`, `query`, `activity`, `raw document`, `person`,
    /// `export`; and which.
    pub fn note(&self, what: &'static str, which: &str) {
        self.tenant
            .audit
            .record(&self.name, self.via.as_str(), what, which);
    }
}

/// Who sends.
#[derive(Clone, Debug)]
pub struct Sender {
    /// To whom.
    pub tenant: Audience,
    /// As the configuration calls it.
    pub name: Arc<str>,
}

#[derive(Debug)]
struct ReaderKey {
    tenant: Audience,
    name: String,
    rights: Rights,
    token: TokenHash,
}

/// All tokens and keys, as hashes.
#[derive(Debug)]
pub struct Keys {
    senders: Vec<(TokenHash, Sender)>,
    signers: Vec<(KeyId, Sender)>,
    macs: KeyRing<MacKey>,
    readers: Vec<ReaderKey>,
}

impl Keys {
    /// Reads all secrets that a configuration names.
    ///
    /// # Errors
    /// One can't be read, is too short, or is used twice. The error holds none.
    pub fn load(config: &Config) -> Result<Self> {
        let mut keys = Self {
            senders: Vec::new(),
            signers: Vec::new(),
            macs: KeyRing::new(),
            readers: Vec::new(),
        };
        for tenant in &config.tenants {
            for sender in &tenant.senders {
                keys.add_sender(tenant.id, sender)
                    .with_context(|| format!("tenant {}, sender {}", tenant.name, sender.name))?;
            }
            for reader in &tenant.readers {
                keys.add_reader(tenant.id, reader)
                    .with_context(|| format!("tenant {}, reader {}", tenant.name, reader.name))?;
            }
        }
        Ok(keys)
    }

    /// How many secrets these are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.senders.len() + self.signers.len() + self.readers.len()
    }

    /// A sender's token that the program itself made.
    pub fn add_token(&mut self, tenant: Audience, name: &str, token: &Secret) {
        let sender = Sender {
            tenant,
            name: name.into(),
        };
        self.senders.push((TokenHash::of(token.expose()), sender));
    }

    fn add_sender(&mut self, tenant: Audience, config: &SenderConfig) -> Result<()> {
        let sender = Sender {
            tenant,
            name: config.name.as_str().into(),
        };
        if let Some(id) = config.key_id {
            let text = secret(
                config.hmac_key_file.as_deref(),
                config.hmac_key_env.as_deref(),
            )?;
            let bytes =
                key_bytes(text.expose()).context("the HMAC key is not 64 hexadecimal digits")?;
            // Two tenants may have one key id each; one tenant can't have it twice.
            ensure!(
                self.macs.get(tenant, id).is_none(),
                "another sender has the same `key_id`"
            );
            self.macs.insert(tenant, MacKey::new(id, &bytes));
            self.signers.push((id, sender));
            return Ok(());
        }
        let token = self.token(config.token_file.as_deref(), config.token_env.as_deref())?;
        self.senders.push((token, sender));
        Ok(())
    }

    fn add_reader(&mut self, tenant: Audience, config: &ReaderConfig) -> Result<()> {
        let token = self.token(config.token_file.as_deref(), config.token_env.as_deref())?;
        self.readers.push(ReaderKey {
            tenant,
            name: config.name.clone(),
            rights: Rights::of(&config.rights),
            token,
        });
        Ok(())
    }

    /// A token that nobody else has.
    fn token(&self, file: Option<&std::path::Path>, variable: Option<&str>) -> Result<TokenHash> {
        let text = secret(file, variable)?;
        let text = text.expose();
        ensure!(
            text.len() >= TOKEN_CHARS && text.bytes().all(|byte| byte.is_ascii_graphic()),
            "a token has at least {TOKEN_CHARS} characters of ASCII, without blanks"
        );
        let token = TokenHash::of(text);
        let of_senders = self.senders.iter().map(|(token, _)| token);
        let mut known = of_senders.chain(self.readers.iter().map(|reader| &reader.token));
        ensure!(
            !known.any(|other| other.is(&token)),
            "someone else has the same token"
        );
        Ok(token)
    }

    /// Who sends with a token. Takes the same time whichever it is.
    #[must_use]
    pub fn sender(&self, token: &str) -> Option<&Sender> {
        let token = TokenHash::of(token);
        let mut found = None;
        for (known, sender) in &self.senders {
            if known.is(&token) {
                found = Some(sender);
            }
        }
        found
    }

    /// Whose key signed a frame that was verified.
    #[must_use]
    pub fn signer(&self, tenant: Audience, key: KeyId) -> Option<&Sender> {
        let mut signers = self.signers.iter();
        let found = signers.find(|(id, sender)| *id == key && sender.tenant == tenant);
        found.map(|(_, sender)| sender)
    }

    /// The keys of frames.
    #[must_use]
    pub fn macs(&self) -> &KeyRing<MacKey> {
        &self.macs
    }

    /// Whether any sender signs its frames.
    #[must_use]
    pub fn has_any_signer(&self) -> bool {
        !self.signers.is_empty()
    }

    fn reader(&self, token: &str) -> Option<&ReaderKey> {
        let token = TokenHash::of(token);
        let mut found = None;
        for known in &self.readers {
            if known.token.is(&token) {
                found = Some(known);
            }
        }
        found
    }
}

/// A key of 64 hexadecimal digits.
pub fn key_bytes(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The token of `Authorization: Bearer`.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl App {
    /// Who reads with a token.
    #[must_use]
    pub fn reader_by_token(&self, token: &str) -> Option<Reader> {
        let key = self.keys.reader(token)?;
        Some(Reader {
            tenant: Arc::clone(self.tenant(key.tenant)?),
            name: key.name.clone(),
            rights: key.rights,
            via: Via::Token,
        })
    }

    /// Who reads by a request's headers: a token counts before a session, and that before being on
    /// this machine. A token that is wrong is no reader at all.
    #[must_use]
    pub fn reader(&self, headers: &HeaderMap) -> Option<Reader> {
        if headers.contains_key(AUTHORIZATION) {
            return self.reader_by_token(bearer(headers)?);
        }
        if let Some(session) = self.sessions.find(headers) {
            return Some(Reader {
                tenant: Arc::clone(self.tenant(session.tenant)?),
                name: session.name,
                rights: session.rights,
                via: Via::Session,
            });
        }
        let open = self.config.tenants.iter().find(|tenant| tenant.open)?;
        // Another name that leads here would let a foreign page read with the browser of this machine.
        is_this_machine(headers).then_some(())?;
        Some(Reader {
            tenant: Arc::clone(self.tenant(open.id)?),
            name: "local".to_owned(),
            rights: Rights::ALL,
            via: Via::Open,
        })
    }
}

/// Whether the request names this machine as its host.
fn is_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(authority) = host.and_then(|host| host.parse::<axum::http::uri::Authority>().ok())
    else {
        return false;
    };
    let host = authority.host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

impl<S: Send + Sync> FromRequestParts<S> for Reader
where
    Arc<App>: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let app = Arc::<App>::from_ref(state);
        let Some(reader) = app.reader(&parts.headers) else {
            return Err(Refusal::sign_in(&parts.uri));
        };
        if !reader.tenant.is_ready() {
            return Err(Refusal::not_ready(&parts.uri));
        }
        Ok(reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let name = axum::http::HeaderName::from_static(name);
        HeaderMap::from_iter([(name, value.parse().expect("a value"))])
    }

    #[test]
    fn a_bearer_token_is_found_in_any_case() {
        for (text, found) in [
            ("Bearer abc", Some("abc")),
            ("bEARER  abc ", Some("abc")),
            ("Basic abc", None),
            ("Bearer", None),
            ("abc", None),
        ] {
            assert_eq!(bearer(&headers("authorization", text)), found, "{text}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_this_machine() {
        for (host, is) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("127.0.0.1:80", true),
            ("127.9.9.9", true),
            ("[::1]:8080", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.nip.io", false),
            ("10.0.0.1", false),
            ("user@localhost@evil", false),
        ] {
            assert_eq!(is_this_machine(&headers("host", host)), is, "{host}");
        }
        assert!(!is_this_machine(&HeaderMap::new()));
    }

    #[test]
    fn keys_are_64_digits() {
        assert_eq!(key_bytes(&"0a".repeat(32)), Some([10; 32]));
        for text in [
            "",
            "0a",
            &"0g".repeat(32),
            &"é".repeat(32),
            &"+1".repeat(32),
        ] {
            assert_eq!(key_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn tokens_are_not_shown() {
        assert_eq!(
            format!("{:?}", TokenHash::of("hunter2hunter2")),
            "TokenHash(..)"
        );
    }
}

//! Who is signed in: sessions in memory, by the hash of their cookie.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, TimeDelta, Utc};
use ingest_protocol::Audience;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::auth::{Reader, Rights, TokenHash};

/// The cookie's name; browsers take one of this name for the whole host and over TLS alone.
pub const COOKIE_NAME: &str = "__Host-session";
/// How long a session lasts at most.
const LIFE: TimeDelta = TimeDelta::hours(8);
/// How long it lasts without a request.
const IDLE: TimeDelta = TimeDelta::hours(1);
/// Sessions at once; the one that was idle the longest goes first.
const MOST: usize = 10_000;

/// Who signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose activity they read.
    pub tenant: Audience,
    /// As the configuration calls them.
    pub name: String,
    /// What they may see.
    pub rights: Rights,
    began: DateTime<Utc>,
    used: DateTime<Utc>,
}

/// All sessions.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<TokenHash, Session>>);

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<TokenHash, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session for a reader who showed a token; gives the `Set-Cookie` header's value.
    #[must_use]
    pub fn sign_in(&self, reader: &Reader) -> HeaderValue {
        self.sign_in_at(reader.tenant.id, &reader.name, reader.rights, Utc::now())
    }

    fn sign_in_at(
        &self,
        tenant: Audience,
        name: &str,
        rights: Rights,
        now: DateTime<Utc>,
    ) -> HeaderValue {
        let token = random_token();
        let session = Session {
            tenant,
            name: name.to_owned(),
            rights,
            began: now,
            used: now,
        };
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.is_alive(now));
        if sessions.len() >= MOST {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.used);
            if let Some(oldest) = oldest.map(|(hash, _)| *hash) {
                sessions.remove(&oldest);
            }
        }
        sessions.insert(TokenHash::of(&token), session);
        drop(sessions);
        let life = LIFE.num_seconds();
        cookie(&format!(
            "{COOKIE_NAME}={token}; Path=/; Max-Age={life}; Secure; HttpOnly; SameSite=Strict"
        ))
    }

    /// Ends the session of a request, if it has one; gives the `Set-Cookie` header's value that
    /// takes the cookie away.
    #[must_use]
    pub fn sign_out(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(token) = token(headers) {
            self.lock().remove(&TokenHash::of(token));
        }
        cookie(&format!(
            "{COOKIE_NAME}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"
        ))
    }

    /// The session of a request.
    #[must_use]
    pub fn find(&self, headers: &HeaderMap) -> Option<Session> {
        self.find_at(headers, Utc::now())
    }

    fn find_at(&self, headers: &HeaderMap, now: DateTime<Utc>) -> Option<Session> {
        let hash = TokenHash::of(token(headers)?);
        let mut sessions = self.lock();
        let session = sessions.get_mut(&hash)?;
        if !session.is_alive(now) {
            sessions.remove(&hash);
            return None;
        }
        session.used = session.used.max(now);
        Some(session.clone())
    }
}

impl Session {
    fn is_alive(&self, now: DateTime<Utc>) -> bool {
        // A clock that was set back makes no session longer.
        (now - self.began).abs() < LIFE && (now - self.used).abs() < IDLE
    }
}

/// The session's cookie of a request.
fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter();
    let pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    named
        .find(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, token)| token)
}

/// 256 random bits as hexadecimal digits.
#[must_use]
pub fn random_token() -> String {
    use std::fmt::Write as _;
    // Each has 122 random bits from the operating system.
    let random = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    let mut hash = Sha256::new();
    random.iter().for_each(|part| hash.update(part.as_bytes()));
    hash.finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn cookie(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| unreachable!("hexadecimal digits and constants"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(set: &HeaderValue) -> HeaderMap {
        let set = set.to_str().expect("ASCII");
        let pair = set.split(';').next().expect("a pair");
        let text = format!("theme=dark; {pair}; zone=UTC");
        HeaderMap::from_iter([(COOKIE, text.parse().expect("a value"))])
    }

    #[test]
    fn a_session_ends_when_idle_when_old_and_when_signed_out() {
        let sessions = Sessions::default();
        let now = Utc::now();
        let tenant = Uuid::from_u128(1).into();
        let sign_in = || request(&sessions.sign_in_at(tenant, "r", Rights::ALL, now));
        let cookie = sign_in();
        let find = |cookie: &HeaderMap, minutes| {
            sessions
                .find_at(cookie, now + TimeDelta::minutes(minutes))
                .is_some()
        };
        assert!(find(&cookie, 0) && find(&cookie, 59) && find(&cookie, 118));
        assert!(!find(&cookie, 178) && !find(&cookie, 119));
        let cookie = sign_in();
        assert!((0..480).step_by(30).all(|minutes| find(&cookie, minutes)));
        assert!(!find(&cookie, 480));
        // A clock that is set back: by a little nobody notices, by hours it ends.
        let cookie = sign_in();
        assert!(find(&cookie, -1) && !find(&cookie, -60));
        let cookie = sign_in();
        let gone = sessions.sign_out(&cookie);
        assert!(!find(&cookie, 0) && gone.to_str().is_ok_and(|text| text.contains("Max-Age=0")));
        assert!(!find(&HeaderMap::new(), 0));
    }

    #[test]
    fn cookies_are_for_this_host_alone_and_new_each_time() {
        let sessions = Sessions::default();
        let tenant = Uuid::from_u128(1).into();
        let set = || sessions.sign_in_at(tenant, "r", Rights::default(), Utc::now());
        let (one, other) = (set(), set());
        assert_ne!(one, other);
        let text = one.to_str().expect("ASCII");
        for part in [
            "__Host-session=",
            "; Path=/;",
            "Secure",
            "HttpOnly",
            "SameSite=Strict",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!format!("{sessions:?}").contains(&text[15..40]));
    }
}

//! What all requests share.

use std::sync::Arc;

use anyhow::Result;
use chrono::{DateTime, Utc};
use ingest_protocol::Audience;
use tokio::sync::Semaphore;

use crate::auth::Keys;
use crate::config::Config;
use crate::ingest::Budget;
use crate::metrics::Metrics;
use crate::session::Sessions;
use crate::tenant::Tenant;

/// The service; axum's state.
#[derive(Debug)]
pub struct App {
    /// What it was told.
    pub config: Config,
    /// Whose activity it keeps, in the order of the configuration.
    pub tenants: Vec<Arc<Tenant>>,
    /// Who is signed in.
    pub sessions: Sessions,
    /// Counters of requests.
    pub metrics: Metrics,
    /// When it began.
    pub started: DateTime<Utc>,
    /// Who may send and read.
    pub keys: Keys,
    /// Room for batches of whom no token tells, for all together.
    pub unknown: Budget,
    /// Places for queries.
    pub queries: Arc<Semaphore>,
}

impl App {
    /// Opens every tenant's folder; no record of the journals is read yet.
    ///
    /// # Errors
    /// A folder can't be used, or another process uses it.
    pub fn open(config: Config, keys: Keys) -> Result<Arc<Self>> {
        let queries = Arc::new(Semaphore::new(config.limits.queries));
        let unknown = Budget::new(config.limits.batch_bytes);
        let tenants = config
            .tenants
            .iter()
            .map(|tenant| Tenant::open(&config, tenant).map(Arc::new))
            .collect::<Result<_>>()?;
        Ok(Arc::new(Self {
            config,
            tenants,
            sessions: Sessions::default(),
            metrics: Metrics::default(),
            started: Utc::now(),
            keys,
            unknown,
            queries,
        }))
    }

    /// The tenant of an audience.
    #[must_use]
    pub fn tenant(&self, id: Audience) -> Option<&Arc<Tenant>> {
        self.tenants.iter().find(|tenant| tenant.id == id)
    }

    /// Whether every journal was read, so that answers are whole.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.tenants.iter().all(|tenant| tenant.is_ready())
    }
}

//! Connections: listening, TLS, limits against who sends slowly or too much, and stopping.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};

use crate::app::App;
use crate::config::TlsConfig;
use crate::guard::guard;
use crate::refuse::{Problem, is_api};
use crate::{api, portal};

/// Bytes of a request's header at most.
const HEADER_BYTES: usize = 64 << 10;
/// Lines of a request's header at most.
const HEADER_LINES: usize = 100;
/// How long requests under way may still take when the program is told to stop.
const STOPPING: Duration = Duration::from_secs(30);

/// Everything that is answered.
pub fn routes(app: &Arc<App>) -> Router {
    let limits = &app.config.limits;
    let body = Duration::from_secs(limits.body_seconds);
    let answer = body + Duration::from_secs(limits.query_seconds + 30);
    let late = StatusCode::REQUEST_TIMEOUT;
    Router::new()
        .merge(api::routes())
        .merge(portal::routes())
        .fallback(nothing)
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(Arc::clone(app), guard))
        // Batches have a deadline of their own, which says more; this is for all else.
        .layer(RequestBodyTimeoutLayer::new(body + Duration::from_secs(5)))
        .layer(TimeoutLayer::with_status_code(late, answer))
        .layer(middleware::from_fn_with_state(Arc::clone(app), note))
        .with_state(Arc::clone(app))
}

async fn nothing(uri: Uri) -> Response {
    if is_api(uri.path()) {
        return Problem::not_found("nothing is at this address; see /v1/openapi.json")
            .into_response();
    }
    (StatusCode::NOT_FOUND, Html(portal::nothing())).into_response()
}

/// Counts each request by its route, and logs its path: never the query, which may hold names.
async fn note(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let status = response.status().as_u16();
    app.metrics.count(route, status);
    if !matches!(route, "/healthz" | "/readyz" | "/metrics") {
        let ms = started.elapsed().as_millis();
        tracing::info!(%method, path = uri.path(), status, ms, "request");
    }
    response
}

/// Serves until the program is told to stop, and then ends what is under way.
pub async fn serve(app: Arc<App>, listener: TcpListener, tls: Option<TlsAcceptor>) {
    let service = routes(&app);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(app.config.limits.header_seconds))
        .max_buf_size(HEADER_BYTES)
        .max_headers(HEADER_LINES);
    let connections = Arc::new(Semaphore::new(app.config.limits.connections));
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(told_to_stop());
    loop {
        let accepted = async {
            let place = Arc::clone(&connections).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            (place, accepted) = accepted => match accepted {
                Ok((stream, _)) => (place, stream),
                Err(error) => {
                    // Out of file descriptors, or the peer is gone already: neither is for ever.
                    tracing::warn!(%error, "a connection can't be taken");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let _ = stream.set_nodelay(true);
        let (builder, watcher) = (builder.clone(), graceful.watcher());
        let service = TowerToHyperService::new(service.clone());
        let (tls, patience) = (tls.clone(), app.config.limits.header_seconds);
        // Who takes nothing of an answer would keep its place, and what is written, for ever.
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(Duration::from_secs(app.config.limits.write_seconds)));
        let stream = Box::pin(stream);
        tokio::spawn(async move {
            let _place = place;
            match tls {
                None => connection(&builder, stream, service, watcher).await,
                Some(tls) => {
                    let shaken = tls.accept(stream);
                    let patience = Duration::from_secs(patience);
                    if let Ok(Ok(stream)) = tokio::time::timeout(patience, shaken).await {
                        connection(&builder, stream, service, watcher).await;
                    }
                }
            }
        });
    }
    drop(listener);
    tracing::info!("stopping after the requests under way");
    if tokio::time::timeout(STOPPING, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests did not end in {} s", STOPPING.as_secs());
    }
}

async fn connection<S>(
    builder: &http1::Builder,
    stream: S,
    service: TowerToHyperService<Router>,
    watcher: hyper_util::server::graceful::Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        // A peer that went away or sends no HTTP; of no interest to anybody else.
        tracing::debug!(%error, "a connection ended");
    }
}

/// Waits for Ctrl-C, or SIGTERM.
async fn told_to_stop() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        };
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}

/// Reads the certificate and its key.
///
/// # Errors
/// They can't be read, or don't belong together.
pub fn acceptor(config: &TlsConfig) -> Result<TlsAcceptor> {
    let shown = config.certificate.display();
    let certificates: Vec<_> = CertificateDer::pem_file_iter(&config.certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("the certificate {shown} can't be read"))?;
    let key = PrivateKeyDer::from_pem_file(&config.key)
        .with_context(|| format!("the key {} can't be read", config.key.display()))?;
    let mut tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .with_context(|| format!("the certificate {shown} can't be used with its key"))?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(tls)))
}

/// Listens at an address.
///
/// # Errors
/// The operating system says no.
pub async fn listen(at: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(at)
        .await
        .with_context(|| format!("nobody can listen at {at}"))
}

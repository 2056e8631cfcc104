//! Receives batches over HTTP into a journal, so that each record is stored once.
#![allow(clippy::disallowed_methods, reason = "programs read the clock")]

use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, State, rejection::BytesRejection};
use axum::http::{self, request::Parts};
use axum::response::Response;
use bytes::Bytes;
use clap::Parser;
use hybrid_examples::exit;
use ingest_protocol::frame::{Frame, Limits, Opener};
use ingest_protocol::http::{Call, Endpoint, respond};
use ingest_protocol::journal::{Error, FsStorage, Item, Journal, Options};
use ingest_protocol::receiver::{Receiver, ReceiverLog, Reception, Stored, not_json};
use ingest_protocol::{Answer, Audience, Code, Problem};
use uuid::Uuid;

type Body = Result<Bytes, BytesRejection>;
const TENANT: &str = "6f1d2c3b-4a59-4e8f-9b70-112233445566";

/// Receive batches over HTTP into a journal; what is sent again is stored once
///
/// Takes POST /v1/batches: frames (from `upload`), and NDJSON from anything that speaks HTTP, once
/// for each Idempotency-Key. Lines that are no JSON are stored, too. It may be killed at any instant.
#[derive(Parser)]
#[command(after_help = "\
Examples:
  receive --dir received --listen 127.0.0.1:8080
  curl --data-binary @new.ndjson -H 'Content-Type: application/x-ndjson' \\
      -H \"Idempotency-Key: $(uuidgen)\" http://127.0.0.1:8080/v1/batches
  receive --dir received --dump > all.ndjson
It asks nobody who they are: listen where only those can connect who may send.
Exit codes: 0 stopped by Ctrl-C, or dumped; 1 journal or address failed; 2 wrong arguments.")]
struct Arguments {
    /// Folder of the journal; made if it is not there
    #[arg(long)]
    dir: PathBuf,
    /// Address and port to listen at; port 0 takes any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Tenant whose batches are taken
    #[arg(long, value_name = "UUID", default_value = TENANT)]
    tenant: Audience,
    /// Write all records to standard output, in order of arrival, one a line; receive nothing
    #[arg(long)]
    dump: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let run = if arguments.dump { dump } else { serve };
    exit::run(|| run(arguments).map(|()| ExitCode::SUCCESS))
}

struct Service {
    endpoint: Endpoint,
    receiver: Receiver,
    log: Mutex<ReceiverLog>, // frames are opened outside of it
}

#[tokio::main]
async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let receiver = Receiver::new(Opener::new(Limits::default()).with_audience(arguments.tenant));
    let options = Options::new(Uuid::new_v4().into_bytes());
    let (log, recovery) =
        ReceiverLog::open(FsStorage::create(arguments.dir)?, options, receiver.clone())?;
    let socket = tokio::net::TcpListener::bind(arguments.listen).await?;
    eprintln!("listening at {}, {recovery}", socket.local_addr()?);
    let service = Arc::new(Service {
        endpoint: Endpoint::new(arguments.tenant, Limits::default()),
        receiver,
        log: Mutex::new(log),
    });
    let most = DefaultBodyLimit::max(service.endpoint.body_bytes() as usize);
    let app = Router::new().fallback(handle).layer(most);
    let app = app.with_state(service);
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(socket, app)
        .with_graceful_shutdown(stop)
        .await?;
    eprintln!("stopped");
    Ok(())
}

async fn handle(State(service): State<Arc<Service>>, parts: Parts, body: Body) -> Response {
    let problem = |code| Answer::Problem(Problem::new(code).with_limits(Limits::default()));
    let answered = tokio::task::spawn_blocking(move || match body {
        Ok(body) => service.answer(&parts, body),
        Err(error) if error.status() == 413 => respond(&problem(Code::TOO_LARGE)),
        Err(_) => respond(&problem(Code::CORRUPT)), // cut off on the way
    });
    let failed = |_| respond(&problem(Code::UNAVAILABLE));
    answered.await.unwrap_or_else(failed).map(Into::into)
}

impl Service {
    fn answer(&self, parts: &Parts, body: Bytes) -> http::Response<Bytes> {
        match self.endpoint.read(parts, body, || Uuid::now_v7().into()) {
            Ok(Call::Frame(frame)) => respond(&self.receive(frame).unwrap_or_else(|error| {
                eprintln!("error: {error}"); // nothing is acknowledged that is not stored
                std::process::exit(1)
            })),
            Ok(_) => self.endpoint.limits_response(),
            Err(refused) => refused.response(),
        }
    }

    fn receive(&self, bytes: Bytes) -> Result<Answer, Error> {
        let log = || self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let state = match self.receiver.header(&bytes) {
            Ok(header) => log().state(header.stream())?,
            Err(_) => None, // refused next
        };
        let (frame, commit) = match self.receiver.receive(bytes, state.as_ref(), None) {
            Reception::Commit(frame, commit) => (frame, commit),
            Reception::Duplicate(ack) => return Ok(Answer::Ack(ack)),
            Reception::Refuse(problem) => return Ok(Answer::Problem(problem)),
        };
        let rejected = not_json(&frame);
        Ok(match log().commit(&frame, commit, rejected)? {
            Stored::Committed(ack, at) => {
                eprintln!("frame {}: {} records", at.index(), ack.count());
                Answer::Ack(ack)
            }
            Stored::Refused(problem) => Answer::Problem(problem),
        })
    }
}

fn dump(arguments: Arguments) -> anyhow::Result<()> {
    let options = Options::new([0; 16]).read_only();
    let (mut journal, _) = Journal::open(FsStorage::new(arguments.dir), options)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut reader = journal.reader();
    while let Some(item) = journal.read(&mut reader)? {
        let Item::Entry(entry) = item else {
            anyhow::bail!("frames can't be read: {item:?}")
        };
        for record in &Frame::open(entry.body().clone(), &Limits::MAX)? {
            out.write_all(&[record.payload(), b"\n"].concat())?;
        }
    }
    Ok(out.flush()?)
}

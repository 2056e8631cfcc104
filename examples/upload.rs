//! Uploads a file of one JSON record a line: each record arrives once, over any failure.
#![allow(clippy::disallowed_methods, reason = "programs read the clock")]

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use clap::Parser;
use hybrid_examples::exit;
use ingest_protocol::frame::Record;
use ingest_protocol::http::{ANSWER_BYTES, answer, request};
use ingest_protocol::journal::{FsStorage, Options};
use ingest_protocol::sender::{Event, SenderConfig, SpooledSender, Transmit};
use ingest_protocol::{Answer, Audience};
use ureq::Agent;
use uuid::Uuid;

const TENANT: &str = "6f1d2c3b-4a59-4e8f-9b70-112233445566";

/// Upload a file of one JSON record a line: each record arrives once, in order
///
/// Lines are sealed into batches, spooled in a folder, sent, and sent again until the receiver
/// has acknowledged them. How far the file was read stands in the spool: kill it at any instant,
/// start it again with the same folder and file, and it goes on where it was.
#[derive(Parser)]
#[command(after_help = "\
Example, to the program `receive`:
  upload --dir spool --to http://127.0.0.1:8080/v1/batches new.ndjson

Take a folder for each file: what was uploaded from it is passed over.
While the receiver can't be reached, or refuses, it says so and tries again, for ever.
Exit codes: 0 every record is acknowledged, 1 file or spool failed, 2 wrong arguments.")]
struct Arguments {
    /// Folder of the spool; made if it is not there
    #[arg(long)]
    dir: PathBuf,
    /// Where batches are posted
    #[arg(long, value_name = "URL")]
    to: http::Uri,
    /// The file
    file: PathBuf,
    /// Tenant for whom the records are
    #[arg(long, value_name = "UUID", default_value = TENANT)]
    tenant: Audience,
    /// The most records of a batch
    #[arg(long, value_name = "N", default_value = "1000")]
    batch: u32,
    /// How long to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    timeout: u64,
    /// Try again 50 ms after a failure, for tests
    #[arg(long, hide = true)]
    impatient: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit::run(|| upload(&arguments).map(|()| ExitCode::SUCCESS))
}

fn upload(arguments: &Arguments) -> anyhow::Result<()> {
    let timeout = Duration::from_secs(arguments.timeout);
    let config = SenderConfig::new(arguments.tenant)
        .max_records(arguments.batch)
        .timeout(timeout)
        .seed(Uuid::new_v4().as_u64_pair().0);
    let options = Options::new(Uuid::new_v4().into_bytes());
    let (storage, fresh) = (FsStorage::create(&arguments.dir)?, Uuid::now_v7());
    let (mut spool, recovery) = SpooledSender::open(storage, options, config, fresh.into())?;
    let mut offset = match spool.cursor() {
        Some(cursor) => u64::from_le_bytes(cursor.try_into().context("another's folder")?),
        None => 0,
    };
    let mut file = BufReader::new(File::open(&arguments.file).context("the file")?);
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(offset))?;
    eprintln!("{offset} of {length} bytes are spooled, {recovery}");
    let agent = Agent::config_builder().timeout_global(Some(timeout));
    let agent = agent.max_redirects(0).http_status_as_error(false);
    let agent: Agent = agent.build().into();
    loop {
        // Only a little ahead: what is not read yet waits as well in the file.
        let ahead = 4 * u64::from(arguments.batch);
        while offset < length && spool.sender().backlog() < ahead && has_room(&spool) {
            let mut line = Vec::new();
            offset += file.read_until(b'\n', &mut line)? as u64;
            line.pop_if(|last| *last == b'\n');
            if !line.is_empty() {
                let cursor = offset.to_le_bytes().to_vec();
                spool.push(Record::new(line), cursor, Instant::now())?;
            }
        }
        if offset == length {
            spool.flush()?;
        }
        let mut goes_on = false;
        while let Some(transmit) = spool.poll_transmit(Instant::now())? {
            let (id, sent) = (transmit.id, send(&agent, &arguments.to, transmit));
            goes_on |= matches!(sent, Ok(Answer::Ack(_)));
            match sent {
                Ok(answer) => spool.handle_answer(id, answer, Instant::now()),
                Err(error) => {
                    eprintln!("no answer: {error}");
                    spool.handle_failure(id, Instant::now());
                }
            }
        }
        while let Some(event) = spool.poll_event() {
            match event {
                Event::Acknowledged { rejected_total, .. } => {
                    let left = spool.sender().backlog();
                    eprintln!("stored, {rejected_total} set aside; {left} read and to be sent");
                }
                Event::StreamWanted(code) => {
                    eprintln!("goes on in a new stream: {code}");
                    spool.handle_stream(Uuid::now_v7().into())?;
                    goes_on = true;
                }
                other => eprintln!("{other:?}"),
            }
        }
        spool.settle()?;
        if offset == length && spool.is_idle() {
            eprintln!("all is acknowledged");
            return Ok(spool.close()?);
        }
        if arguments.impatient && !goes_on {
            sleep(Duration::from_millis(50));
            spool.sender_mut().retry_now();
        } else if let Some(at) = spool.poll_timeout().filter(|_| !goes_on) {
            sleep(at.saturating_duration_since(Instant::now()));
        }
        spool.handle_timeout(Instant::now());
    }
}

fn has_room(spool: &SpooledSender) -> bool {
    spool.sender().held_bytes() < 16 << 20
}

fn send(agent: &Agent, to: &http::Uri, transmit: Transmit) -> Result<Answer, ureq::Error> {
    let mut response = agent.run(request(to.clone(), transmit.frame.to_vec()))?;
    let body = response.body_mut().with_config();
    let body = body.limit(ANSWER_BYTES as u64 + 1).read_to_vec()?;
    Ok(answer(&response.map(|_| body), SystemTime::now().into()))
}

//! The ratios of `README.md` about the protocol: both sides by turns in one process, the
//! median of all turns and its quartiles.
//!
//! ```text
//! protocol_ratios                             everything below, as tables in Markdown
//! protocol_ratios sizes | goals | peers | journal    one of the tables
//! protocol_ratios run WAY SET [passes=N]      one way alone, to count or profile: open/frame 450B
//! ```
#![allow(missing_docs, clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;
use std::time::Duration;

use hybrid_benches::batches::disk::{Plain, Scratch, Spool};
use hybrid_benches::batches::own::Frames;
use hybrid_benches::batches::{BATCHES, Batch, Codec as _, RECORDS, Set, Way, sizes, way, ways};
use hybrid_benches::beside::{Ratios, processor, ratios, wall};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("protocol_ratios: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => {
            show_sizes();
            show_codecs(GOALS);
            show_codecs(PEERS);
            show_journal();
        }
        ["sizes"] => show_sizes(),
        ["goals"] => show_codecs(GOALS),
        ["peers"] => show_codecs(PEERS),
        ["journal"] => show_journal(),
        ["run", name, set] => run_one(name, set, "passes=1")?,
        ["run", name, set, passes] => run_one(name, set, passes)?,
        _ => return Err("arguments that are not understood".to_owned()),
    }
    Ok(())
}

fn run_one(name: &str, set: &str, passes: &str) -> Result<(), String> {
    let passes = passes.strip_prefix("passes=").and_then(|n| n.parse().ok());
    let passes: u64 = passes.ok_or("passes=N is missing")?;
    let set = Set::of(set).ok_or_else(|| format!("no set is called {set}"))?;
    let batches = set.batches();
    let mut way = way(&batches, name).ok_or_else(|| format!("no way is called {name}"))?;
    for _ in 0..passes {
        way.run();
    }
    Ok(())
}

/// What is said, the way above the line, the way below it.
type Row = (&'static str, &'static str, &'static str);

/// Those with a goal, and what explains them.
const GOALS: &[Row] = &[
    (
        "open, every record looked at, over the checksum alone",
        "open/frame",
        "open/crc",
    ),
    (
        "open alone, over the checksum alone",
        "open/frame_unread",
        "open/crc",
    ),
    (
        "the same with ids and times, over the checksum of the texts",
        "open/frame_full",
        "open/crc",
    ),
    (
        "check (header and checksum), over the checksum alone",
        "open/frame_check",
        "open/crc",
    ),
    (
        "bare zstd into a kept buffer, over open compressed",
        "open/zstd",
        "open/frame_zstd",
    ),
    (
        "bare zstd into a new buffer, over open compressed",
        "open/zstd_new",
        "open/frame_zstd",
    ),
    (
        "bare zstd into a kept buffer and its checksum, over open compressed",
        "open/zstd_crc",
        "open/frame_zstd",
    ),
    ("OTLP decode, over open", "open/otlp", "open/frame"),
    (
        "OTLP decode with id and time, over open with ids and times",
        "open/otlp_full",
        "open/frame_full",
    ),
    (
        "OTLP decode of zstd, over open compressed",
        "open/otlp_zstd",
        "open/frame_zstd",
    ),
    (
        "seal, over copy and checksum into a kept buffer",
        "seal/frame",
        "seal/copy_crc",
    ),
    (
        "seal, over copy and checksum into a new buffer",
        "seal/frame",
        "seal/copy_new_crc",
    ),
    (
        "seal compressed, over bare zstd",
        "seal/frame_zstd",
        "seal/zstd",
    ),
];

/// Peers, times ours.
const PEERS: &[Row] = &[
    ("open: NDJSON, lines", "open/ndjson", "open/frame"),
    ("open: OTLP", "open/otlp", "open/frame"),
    ("open: postcard, `Vec<&str>`", "open/postcard", "open/frame"),
    ("open: Arrow IPC", "open/arrow", "open/frame"),
    (
        "open: Arrow IPC with id and time, beside ours with them",
        "open/arrow_full",
        "open/frame_full",
    ),
    (
        "open compressed: NDJSON + zstd",
        "open/ndjson_zstd",
        "open/frame_zstd",
    ),
    (
        "open compressed: NDJSON + gzip",
        "open/ndjson_gzip",
        "open/frame_zstd",
    ),
    (
        "open compressed: OTLP + zstd",
        "open/otlp_zstd",
        "open/frame_zstd",
    ),
    (
        "open compressed: postcard + zstd",
        "open/postcard_zstd",
        "open/frame_zstd",
    ),
    (
        "open compressed: Arrow IPC, zstd buffers",
        "open/arrow_zstd",
        "open/frame_zstd",
    ),
    ("seal: NDJSON", "seal/ndjson", "seal/frame"),
    ("seal: OTLP", "seal/otlp", "seal/frame"),
    ("seal: postcard, `Vec<&str>`", "seal/postcard", "seal/frame"),
    ("seal: Arrow IPC", "seal/arrow", "seal/frame"),
    (
        "seal compressed: NDJSON + zstd",
        "seal/ndjson_zstd",
        "seal/frame_zstd",
    ),
    (
        "seal compressed: NDJSON + gzip",
        "seal/ndjson_gzip",
        "seal/frame_zstd",
    ),
    (
        "seal compressed: OTLP + zstd",
        "seal/otlp_zstd",
        "seal/frame_zstd",
    ),
    (
        "seal compressed: postcard + zstd",
        "seal/postcard_zstd",
        "seal/frame_zstd",
    ),
    (
        "seal compressed: Arrow IPC, zstd buffers",
        "seal/arrow_zstd",
        "seal/frame_zstd",
    ),
];

const TURNS: usize = 41;
const SPAN: Duration = Duration::from_millis(5);

fn show_codecs(rows: &[Row]) {
    let columns: Vec<Vec<Option<Ratios>>> = Set::ALL
        .iter()
        .map(|set| {
            let batches = set.batches();
            let mut all = ways(&batches);
            rows.iter().map(|row| measure(&mut all, row)).collect()
        })
        .collect();
    println!("| ratio, median [quartiles] | 450 B | 5 KB |\n|---|---:|---:|");
    for (at, (said, ..)) in rows.iter().enumerate() {
        let cells: Vec<String> = columns
            .iter()
            .filter_map(|column| Some(column[at].as_ref()?.to_string()))
            .collect();
        if !cells.is_empty() {
            println!("| {said} | {} |", cells.join(" | "));
        }
    }
    println!();
}

/// `None` where a peer is not there.
fn measure(all: &mut Vec<Way<'_>>, (_, over, under): &Row) -> Option<Ratios> {
    let mut take = |name: &str| {
        let at = all.iter().position(|way| way.name == name)?;
        Some(all.swap_remove(at))
    };
    let mut over = take(over)?;
    let Some(mut under) = take(under) else {
        all.push(over);
        return None;
    };
    let found = ratios(TURNS, SPAN, processor, &mut || over.run(), &mut || {
        under.run()
    });
    all.extend([over, under]);
    Some(found)
}

fn show_sizes() {
    let columns = Set::ALL.map(|set| (sizes(set), set));
    let texts = columns.each_ref().map(|(_, set)| {
        let bytes: usize = set.batches().iter().map(Batch::text_bytes).sum();
        bytes
    });
    let each = |bytes: usize| bytes as f64 / (RECORDS * BATCHES) as f64;
    println!("| bytes per event | 450 B | 5 KB |\n|---|---:|---:|");
    println!(
        "| the texts | {:.1} | {:.1} |",
        each(texts[0]),
        each(texts[1])
    );
    for name in columns[0].0.keys() {
        // The yardstick of what is compressed is NDJSON at the same setting.
        let yardstick = if name.ends_with("zstd") || name.ends_with("gzip") {
            "ndjson_zstd"
        } else {
            "ndjson"
        };
        print!("| `{name}` |");
        for (sizes, _) in &columns {
            let bytes = sizes[name];
            print!(" {:.1}", each(bytes));
            if let Some(ndjson) = sizes.get(yardstick) {
                print!(" ({:.3})", bytes as f64 / *ndjson as f64);
            }
            print!(" |");
        }
        println!();
    }
    println!();
}

/// Frames of a group commit.
const GROUP: usize = 16;
const COMMITS: usize = 200;

fn show_journal() {
    println!("| journal, {GROUP} frames and one sync: bare file's time over ours | 450 B | 5 KB |");
    println!("|---|---:|---:|");
    let found = Set::ALL.map(commits);
    for (at, (side, _)) in found[0].iter().enumerate() {
        let row = |said: &str, show: fn(&Share) -> String| {
            let cells = found.each_ref().map(|sides| show(&sides[at].1));
            println!("| {side}, {said} | {} |", cells.join(" | "));
        };
        row("median [quartiles]", |share| share.turns.to_string());
        row("all turns together", |share| format!("{:.2}", share.whole));
        row("processor time of all turns", |share| {
            format!("{:.2}", share.processor)
        });
    }
    println!();
}

/// A bare file beside the journal.
struct Share {
    turns: Ratios,
    whole: f64,
    processor: f64,
}

fn commits(set: Set) -> [(&'static str, Share); 2] {
    let batches = set.batches();
    let mut sealer = Frames::new(true, false);
    let frames: Vec<_> = batches.iter().map(|batch| sealer.encode(batch)).collect();
    let frames: Vec<_> = frames.into_iter().cycle().take(GROUP).collect();
    let scratch = Scratch::new("journal");
    let mut spool = Spool::new(&scratch);
    let mut growing = Plain::new(&scratch, false);
    let mut over = Plain::new(&scratch, true);
    let mut waited: [Vec<f64>; 3] = Default::default();
    let mut worked = [0.0; 3];
    // The first turns make files and warm up.
    let warm = 3;
    for turn in 0..COMMITS + warm {
        for side in 0..3 {
            let side = (turn + side) % 3;
            let (start, start_work) = (wall(), processor());
            match side {
                0 => spool.commit(&frames),
                1 => growing.commit(&frames),
                _ => over.commit(&frames),
            }
            if turn >= warm {
                waited[side].push((wall() - start).as_secs_f64());
                worked[side] += (processor() - start_work).as_secs_f64();
            }
        }
    }
    let share = |side: usize| {
        let turns = waited[side].iter().zip(&waited[0]);
        Share {
            turns: Ratios::new(turns.map(|(bare, ours)| bare / ours).collect()),
            whole: waited[side].iter().sum::<f64>() / waited[0].iter().sum::<f64>(),
            processor: worked[side] / worked[0],
        }
    };
    [
        ("a file that grows", share(1)),
        ("a file written over", share(2)),
    ]
}

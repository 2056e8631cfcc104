//! Sorts lines in constant memory: what does not fit is written as sorted runs beside the
//! output and merged at the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes of lines that are held before a run is written.
const HELD: usize = 32 << 20;
/// Runs that are merged into one when there are so many: files that are open at the same time.
const RUNS: usize = 64;

/// What lines are sorted by, most significant first: a time in nanoseconds since 1970, an id, and
/// the order in which they came.
type Key = (i128, u128, u64);

/// Takes lines in any order, gives them sorted by time and id; of lines with the same two, the
/// one that came last.
pub(crate) struct Sorter {
    /// What the names of the runs begin with.
    base: PathBuf,
    held: Vec<(Key, Box<[u8]>)>,
    bytes: usize,
    limit: usize,
    came: u64,
    runs: Vec<PathBuf>,
    named: u64,
}

impl Sorter {
    /// A sorter whose runs stand beside `output`.
    pub(crate) fn new(output: &Path) -> Self {
        Self {
            base: output.to_path_buf(),
            held: Vec::new(),
            bytes: 0,
            limit: HELD,
            came: 0,
            runs: Vec::new(),
            named: 0,
        }
    }

    pub(crate) fn push(&mut self, time: i128, id: u128, line: Vec<u8>) -> io::Result<()> {
        self.came += 1;
        // With what the entry itself takes.
        self.bytes += line.len() + 64;
        self.held
            .push(((time, id, self.came), line.into_boxed_slice()));
        if self.bytes > self.limit {
            self.write_run()?;
        }
        Ok(())
    }

    /// Writes the lines, sorted, each once; gives their number.
    pub(crate) fn finish(mut self, out: &mut impl Write) -> io::Result<u64> {
        self.held.sort_unstable_by_key(|&(key, _)| key);
        let held = std::mem::take(&mut self.held);
        let mut sources = Vec::with_capacity(self.runs.len() + 1);
        for run in &self.runs {
            sources.push(Source::Run(BufReader::new(File::open(run)?)));
        }
        sources.push(Source::Held(held.into_iter()));
        let mut count = 0;
        let mut last: Option<(Key, Box<[u8]>)> = None;
        merge(sources, |key, line| {
            // The line before goes out when it is sure that none replaces it.
            if let Some((before, text)) = last.take()
                && (before.0, before.1) != (key.0, key.1)
            {
                out.write_all(&text)?;
                out.write_all(b"\n")?;
                count += 1;
            }
            last = Some((key, line));
            Ok(())
        })?;
        if let Some((_, text)) = last {
            out.write_all(&text)?;
            out.write_all(b"\n")?;
            count += 1;
        }
        Ok(count)
    }

    fn write_run(&mut self) -> io::Result<()> {
        self.held.sort_unstable_by_key(|&(key, _)| key);
        let path = self.name_run();
        let mut file = BufWriter::new(File::create(&path)?);
        // In the list at once, so that it is removed whatever happens.
        self.runs.push(path);
        for (key, line) in self.held.drain(..) {
            write_entry(&mut file, key, &line)?;
        }
        file.flush()?;
        self.bytes = 0;
        if self.runs.len() >= RUNS {
            self.merge_runs()?;
        }
        Ok(())
    }

    fn merge_runs(&mut self) -> io::Result<()> {
        let path = self.name_run();
        let mut sources = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            sources.push(Source::Run(BufReader::new(File::open(run)?)));
        }
        let mut file = BufWriter::new(File::create(&path)?);
        let old = std::mem::replace(&mut self.runs, vec![path]);
        let merged = merge(sources, |key, line| write_entry(&mut file, key, &line));
        let merged = merged.and_then(|()| file.flush());
        remove(&old);
        merged
    }

    fn name_run(&mut self) -> PathBuf {
        self.named += 1;
        let mut name = OsString::from(self.base.as_os_str());
        name.push(format!(".run-{}", self.named));
        PathBuf::from(name)
    }
}

impl Drop for Sorter {
    fn drop(&mut self) {
        remove(&self.runs);
    }
}

fn remove(runs: &[PathBuf]) {
    for run in runs {
        // What can't be removed is left; it says by its name what it is.
        let _ = fs::remove_file(run);
    }
}

enum Source {
    Run(BufReader<File>),
    Held(std::vec::IntoIter<(Key, Box<[u8]>)>),
}

impl Source {
    fn next(&mut self) -> io::Result<Option<(Key, Box<[u8]>)>> {
        match self {
            Self::Held(entries) => Ok(entries.next()),
            Self::Run(file) => read_entry(file),
        }
    }
}

fn merge(
    mut sources: Vec<Source>,
    mut take: impl FnMut(Key, Box<[u8]>) -> io::Result<()>,
) -> io::Result<()> {
    let mut heads = BinaryHeap::with_capacity(sources.len());
    for (index, source) in sources.iter_mut().enumerate() {
        if let Some((key, line)) = source.next()? {
            heads.push(Reverse((key, index, line)));
        }
    }
    while let Some(Reverse((key, index, line))) = heads.pop() {
        take(key, line)?;
        if let Some((key, line)) = sources[index].next()? {
            heads.push(Reverse((key, index, line)));
        }
    }
    Ok(())
}

fn write_entry(out: &mut impl Write, (time, id, came): Key, line: &[u8]) -> io::Result<()> {
    out.write_all(&time.to_le_bytes())?;
    out.write_all(&id.to_le_bytes())?;
    out.write_all(&came.to_le_bytes())?;
    out.write_all(&(line.len() as u64).to_le_bytes())?;
    out.write_all(line)
}

fn read_entry(file: &mut BufReader<File>) -> io::Result<Option<(Key, Box<[u8]>)>> {
    let mut head = [0; 48];
    match file.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let number = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&head[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let wide = |at: usize| u128::from(number(at)) | (u128::from(number(at + 8)) << 64);
    let mut line = vec![0; number(40) as usize];
    file.read_exact(&mut line)?;
    Ok(Some((
        (wide(0) as i128, wide(16), number(32)),
        line.into_boxed_slice(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::rng::Rng;

    fn sorted(limit: usize, lines: &[(i128, u128)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(&folder.path().join("out"));
        sorter.limit = limit;
        for (came, &(time, id)) in lines.iter().enumerate() {
            let line = format!("{time} {id} {came}").into_bytes();
            sorter.push(time, id, line).unwrap();
        }
        let mut out = Vec::new();
        sorter.finish(&mut out).unwrap();
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "runs are left"
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn runs_make_no_difference() {
        let mut rng = Rng::new(1, 1);
        let lines: Vec<_> = (0..5_000)
            .map(|_| (i128::from(rng.below(500)) - 250, u128::from(rng.below(9))))
            .collect();
        let all = sorted(usize::MAX, &lines);
        assert_eq!(sorted(2_000, &lines), all);
        assert_eq!(sorted(0, &lines[..300]), sorted(usize::MAX, &lines[..300]));
        assert!(all.starts_with("-250 "));
    }

    #[test]
    fn of_the_same_two_the_last_stays() {
        assert_eq!(
            sorted(0, &[(1, 1), (0, 5), (1, 1), (1, 1)]),
            "0 5 1\n1 1 3\n"
        );
    }
}

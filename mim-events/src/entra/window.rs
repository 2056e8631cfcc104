//! A sliding window over a reader: bytes one by one, and the bytes since a mark.

use std::io::{self, Read};

/// Bytes asked of the reader at a time.
const CHUNK: usize = 64 * 1024;

/// Where a byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spot {
    /// Bytes from the beginning.
    pub(super) offset: u64,
    /// Line, from 1.
    pub(super) line: u64,
    /// How far the line was indented, if nothing but white space stands before.
    pub(super) indent: Option<usize>,
}

pub(super) struct Window<R> {
    source: R,
    buffer: Vec<u8>,
    /// The next byte, in `buffer`.
    at: usize,
    /// Where `buffer` begins, in the file.
    base: u64,
    /// Bytes from here on are kept.
    mark: Option<usize>,
    line: u64,
    indent: Option<usize>,
    ended: bool,
    /// Marked bytes over this are let go.
    limit: usize,
    /// Some marked bytes were let go.
    overflow: bool,
}

impl<R: Read> Window<R> {
    pub(super) fn new(source: R, limit: usize) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            at: 0,
            base: 0,
            mark: None,
            line: 1,
            indent: Some(0),
            ended: false,
            limit,
            overflow: false,
        }
    }

    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes taken from the reader.
    pub(super) fn bytes_read(&self) -> u64 {
        self.base + self.buffer.len() as u64
    }

    pub(super) fn spot(&self) -> Spot {
        Spot {
            offset: self.base + self.at as u64,
            line: self.line,
            indent: self.indent,
        }
    }

    /// The next byte, `None` at the end.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        if self.at == self.buffer.len() && !self.fill()? {
            return Ok(None);
        }
        Ok(self.buffer.get(self.at).copied())
    }

    /// Up to `count` bytes from the next one on.
    pub(super) fn ahead(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.at < count && self.fill()? {}
        let end = self.buffer.len().min(self.at + count);
        Ok(&self.buffer[self.at..end])
    }

    /// The bytes that were read and not passed, at least one unless the end is reached.
    pub(super) fn available(&mut self) -> io::Result<&[u8]> {
        if self.at == self.buffer.len() {
            self.fill()?;
        }
        Ok(&self.buffer[self.at..])
    }

    /// Goes past some of the [available](Window::available) bytes.
    pub(super) fn advance(&mut self, count: usize) {
        for _ in 0..count {
            self.bump();
        }
    }

    /// Goes past the byte that was [peeked](Window::peek).
    pub(super) fn bump(&mut self) {
        match self.buffer.get(self.at) {
            Some(b'\n') => {
                self.line += 1;
                self.indent = Some(0);
            }
            Some(b' ' | b'\t' | b'\r') => {
                self.indent = self.indent.map(|indent| indent + 1);
            }
            Some(_) => self.indent = None,
            None => return,
        }
        self.at += 1;
    }

    /// Goes past bytes while they are wanted; none of them may be a line feed.
    pub(super) fn bump_while(&mut self, wanted: fn(u8) -> bool) -> io::Result<()> {
        while self.peek()?.is_some() {
            let rest = &self.buffer[self.at..];
            let run = rest.iter().take_while(|byte| wanted(**byte)).count();
            if run > 0 {
                self.indent = None;
            }
            self.at += run;
            if self.at < self.buffer.len() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Goes past a byte order mark.
    pub(super) fn skip_bom(&mut self) {
        self.at = self.buffer.len().min(self.at + 3);
    }

    /// Keeps bytes from the next one on.
    pub(super) fn set_mark(&mut self) {
        self.mark = Some(self.at);
        self.overflow = false;
    }

    pub(super) fn drop_mark(&mut self) {
        self.mark = None;
        self.overflow = false;
    }

    /// The bytes since the mark. If they were over the limit, the first of them.
    pub(super) fn marked(&self) -> &[u8] {
        match self.mark {
            Some(mark) if self.overflow => &self.buffer[..self.limit.min(mark)],
            Some(mark) => &self.buffer[mark..self.at],
            None => &[],
        }
    }

    /// Whether more bytes were marked than are kept.
    pub(super) fn is_over(&self) -> bool {
        self.overflow || self.mark.is_some_and(|mark| self.at - mark > self.limit)
    }

    /// Goes back to behind the first line feed since the mark, which was at `spot`.
    /// `false` if there is none, or it was let go.
    pub(super) fn rewind_to_second_line(&mut self, spot: Spot) -> bool {
        let Some(mark) = self.mark.filter(|_| !self.overflow) else {
            return false;
        };
        let Some(feed) = self.buffer[mark..self.at].iter().position(|b| *b == b'\n') else {
            return false;
        };
        self.at = mark + feed + 1;
        self.line = spot.line + 1;
        self.indent = Some(0);
        true
    }

    /// Reads more; `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.compact();
        let old = self.buffer.len();
        self.buffer.resize(old + CHUNK, 0);
        let got = loop {
            match self.source.read(&mut self.buffer[old..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer
            .truncate(old + got.as_ref().map_or(0, |got| *got));
        self.ended = matches!(got, Ok(0));
        Ok(got? > 0)
    }

    /// Lets go what is neither marked nor to come. Of marked bytes over the limit
    /// the first `limit` stay at the front, for who wants to see what it was.
    fn compact(&mut self) {
        let keep_from = match self.mark {
            Some(mark) if !self.overflow && self.at - mark > self.limit => {
                self.buffer.drain(..mark);
                self.base += mark as u64;
                self.at -= mark;
                self.overflow = true;
                self.mark = Some(self.at);
                self.limit
            }
            Some(_) if self.overflow => self.limit,
            Some(mark) => mark,
            None => 0,
        };
        let (from, to) = match self.mark {
            Some(_) if self.overflow => (keep_from, self.at),
            Some(mark) => (0, mark),
            None => (0, self.at),
        };
        self.buffer.drain(from..to);
        self.base += (to - from) as u64;
        self.at -= to - from;
        self.mark = self.mark.map(|mark| mark.saturating_sub(to - from));
        if self.overflow {
            self.mark = Some(self.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_no_more_than_the_limit_and_a_chunk() {
        let text = vec![b'x'; 1_000_000];
        let mut window = Window::new(&text[..], 1000);
        window.set_mark();
        while window.peek().unwrap().is_some() {
            window.bump();
            assert!(window.buffer.len() <= 1000 + 2 * CHUNK);
        }
        assert!(window.is_over());
        assert_eq!(window.marked(), vec![b'x'; 1000]);
        assert_eq!(window.spot().offset, 1_000_000);
        window.drop_mark();
        assert_eq!(window.bytes_read(), 1_000_000);
    }

    #[test]
    fn goes_back_one_line() {
        let mut window = Window::new(&b"  {\n {x"[..], 1000);
        while window.peek().unwrap() == Some(b' ') {
            window.bump();
        }
        let spot = window.spot();
        assert_eq!((spot.offset, spot.indent), (2, Some(2)));
        window.set_mark();
        while window.peek().unwrap().is_some() {
            window.bump();
        }
        assert_eq!(window.marked(), b"{\n {x");
        assert!(window.rewind_to_second_line(spot));
        assert_eq!((window.spot().offset, window.spot().line), (4, 2));
    }
}

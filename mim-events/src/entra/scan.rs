//! Finds the elements of JSON exports without holding the file.
//!
//! Arrays, `records`, `value` and `tables` are entered, not read; values that follow each
//! other (JSON Lines, files put behind each other) are elements too. What an element
//! means is not looked at here.

use std::io::{self, Read};

use super::json::MAX_DEPTH;
use super::window::{Spot, Window};

/// What was found. Its text is [`Scanner::raw`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A value where a record can stand.
    Element,
    /// The `columns` of a table.
    Columns,
    /// One of the `rows` of a table.
    Row,
    /// The `error` beside records: the page is not complete.
    ServiceError,
}

/// Why there is nothing, in one place.
#[derive(Debug)]
pub(super) enum Trouble {
    Io(io::Error),
    /// Not JSON here; the scanner went on to where an element can begin.
    Broken {
        at: Spot,
    },
    /// An element was cut and the service's error answer stands behind it.
    Glued,
    /// The text ends inside an element, an array or a page.
    Cut {
        at: Spot,
    },
    /// An element is larger than the limit.
    Over {
        bytes: u64,
    },
    /// An element nests too deep.
    Depth,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Where the next element can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// In an array; its objects are elements, tables, or its arrays rows.
    Array(Holds),
    /// In a page or table, behind its array: more members may follow.
    Page { table: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Elements,
    Tables,
    Rows,
}

pub(super) struct Scanner<R> {
    window: Window<R>,
    frames: Vec<Frame>,
    /// Where the last piece, or the trouble, began.
    began: Spot,
    /// The last was trouble: where to go on is to be found.
    lost: bool,
    /// Closing brackets may be left over from what was broken.
    debris: bool,
    finished: bool,
    /// Tables that were entered so far.
    tables: u64,
}

/// Arrays inside one another that are entered, at most.
const MAX_FRAMES: usize = 16;

impl<R: Read> Scanner<R> {
    pub(super) fn new(window: Window<R>) -> Self {
        Self {
            window,
            frames: Vec::new(),
            began: Spot::default(),
            lost: false,
            debris: false,
            finished: false,
            tables: 0,
        }
    }

    /// Which table the last piece is of: the columns of one say nothing of another's rows.
    pub(super) fn table(&self) -> u64 {
        self.tables
    }

    pub(super) fn window(&self) -> &Window<R> {
        &self.window
    }

    /// Where the last piece or trouble began.
    pub(super) fn began(&self) -> Spot {
        self.began
    }

    /// The text of the last piece; of one over the limit, its beginning.
    pub(super) fn raw(&self) -> &[u8] {
        let raw = self.window.marked();
        &raw[..raw.len().min(self.window.limit())]
    }

    /// The next piece; `None` at the end.
    pub(super) fn next(&mut self) -> Option<Result<Piece, Trouble>> {
        if self.finished {
            return None;
        }
        let advanced = match self.resume() {
            Ok(()) => self.advance(),
            Err(error) => Err(Trouble::Io(error)),
        };
        match advanced {
            Ok(Some(_)) if self.window.is_over() => Some(Err(Trouble::Over {
                bytes: self.window.spot().offset - self.began.offset,
            })),
            Ok(piece) => {
                self.finished = piece.is_none();
                piece.map(Ok)
            }
            Err(trouble @ Trouble::Io(_)) => {
                self.finished = true;
                Some(Err(trouble))
            }
            Err(trouble) => {
                self.lost = true;
                let glued = matches!(trouble, Trouble::Broken { .. }) && self.is_glued();
                Some(Err(if glued { Trouble::Glued } else { trouble }))
            }
        }
    }

    /// Whether an error answer stands where the element broke.
    fn is_glued(&mut self) -> bool {
        let mut text = self.raw().to_vec();
        let around = text.len().saturating_sub(16);
        if let Ok(ahead) = self.window.ahead(32) {
            text.extend_from_slice(ahead);
        }
        let mut near = text[around..].to_vec();
        near.retain(|byte| !byte.is_ascii_whitespace());
        let answer = br#"{"error":"#;
        contains(&near, answer) || contains(&text, answer)
    }

    /// Lets go the last piece. After trouble, goes to the next line where an element
    /// can begin: one indented like the one that was broken.
    fn resume(&mut self) -> io::Result<()> {
        if !self.lost {
            self.window.drop_mark();
            return Ok(());
        }
        self.lost = false;
        self.debris = true;
        if self.began.indent.is_none() {
            // It began within a line: the rest of the line, and of its arrays, is lost.
            self.frames.clear();
        }
        let indent = self.began.indent.unwrap_or(0);
        let mut at_line = self.window.rewind_to_second_line(self.began);
        self.window.drop_mark();
        loop {
            if !at_line {
                self.window.bump_while(|byte| byte != b'\n')?;
                if self.window.peek()?.is_none() {
                    self.frames.clear();
                    return Ok(());
                }
                self.window.bump();
            }
            at_line = false;
            while matches!(self.window.peek()?, Some(b' ' | b'\t')) {
                self.window.bump();
            }
            let here = self.window.spot().indent.unwrap_or(0);
            match self.window.peek()? {
                Some(b'{' | b'[') if here == indent => return Ok(()),
                Some(b']') if here < indent && !self.frames.is_empty() => return Ok(()),
                _ => {}
            }
        }
    }

    fn advance(&mut self) -> Result<Option<Piece>, Trouble> {
        loop {
            self.blanks()?;
            let byte = self.window.peek()?;
            match (self.frames.last().copied(), byte) {
                (None, None) => return Ok(None),
                (Some(_), None) => {
                    self.frames.clear();
                    return self.cut();
                }
                (None | Some(Frame::Array(_)), Some(b',')) => self.window.bump(),
                (Some(Frame::Array(_)), Some(b']')) => {
                    self.window.bump();
                    self.frames.pop();
                }
                (None | Some(Frame::Array(Holds::Elements)), Some(b'{')) => {
                    if let Some(piece) = self.object()? {
                        return Ok(Some(piece));
                    }
                }
                (Some(Frame::Array(Holds::Tables)), Some(b'{')) => {
                    self.window.bump();
                    self.tables += 1;
                    self.enter(Frame::Page { table: true })?;
                }
                (Some(Frame::Array(Holds::Rows)), Some(b'[')) => {
                    self.begin();
                    self.value()?;
                    return Ok(Some(Piece::Row));
                }
                (None | Some(Frame::Array(_)), Some(b'[')) => {
                    self.began = self.window.spot();
                    self.window.bump();
                    self.enter(Frame::Array(Holds::Elements))?;
                }
                (Some(Frame::Array(_)), Some(_)) => {
                    self.begin();
                    self.value()?;
                    return Ok(Some(Piece::Element));
                }
                (Some(Frame::Page { .. }), Some(b',')) => self.window.bump(),
                (Some(Frame::Page { .. }), Some(b'}')) => {
                    self.window.bump();
                    self.frames.pop();
                }
                (Some(Frame::Page { table }), Some(b'"')) => {
                    if let Some(piece) = self.page_member(table)? {
                        return Ok(Some(piece));
                    }
                }
                (None, Some(b']' | b'}')) if self.debris => self.window.bump(),
                (None | Some(Frame::Page { .. }), Some(_)) => {
                    self.begin();
                    return self.broken();
                }
            }
        }
    }

    fn begin(&mut self) {
        self.began = self.window.spot();
        self.window.set_mark();
    }

    fn enter(&mut self, frame: Frame) -> Result<(), Trouble> {
        if self.frames.len() >= MAX_FRAMES {
            return Err(Trouble::Depth);
        }
        self.frames.push(frame);
        Ok(())
    }

    /// An object: an element, or a page whose array is then entered.
    fn object(&mut self) -> Result<Option<Piece>, Trouble> {
        self.begin();
        self.window.bump();
        let mut page = true;
        let mut error = false;
        loop {
            self.blanks()?;
            match self.window.peek()? {
                Some(b'}') => {
                    self.window.bump();
                    return Ok(Some(Piece::Element));
                }
                Some(b',') => {
                    self.window.bump();
                    continue;
                }
                Some(b'"') => {}
                Some(_) => return self.broken(),
                None => return self.cut(),
            }
            let key = self.key()?;
            let array = self.window.peek()? == Some(b'[');
            let holds = match key.as_str() {
                "records" | "value" => Some(Holds::Elements),
                "tables" => Some(Holds::Tables),
                "error" => {
                    error = true;
                    None
                }
                "activitydisplayname" | "activitydatetime" | "properties" | "timegenerated" => {
                    page = false;
                    None
                }
                _ => None,
            };
            match holds {
                Some(holds) if array && page => {
                    self.window.bump();
                    self.enter(Frame::Page { table: false })?;
                    self.enter(Frame::Array(holds))?;
                    if error {
                        return Ok(Some(Piece::ServiceError));
                    }
                    self.window.drop_mark();
                    return Ok(None);
                }
                _ => self.value()?,
            }
            self.blanks()?;
            if !matches!(self.window.peek()?, Some(b',' | b'}') | None) {
                return self.broken();
            }
        }
    }

    /// A member of a page behind its array, or any of a table.
    fn page_member(&mut self, table: bool) -> Result<Option<Piece>, Trouble> {
        self.begin();
        let key = self.key()?;
        let array = self.window.peek()? == Some(b'[');
        let holds = match key.as_str() {
            "records" | "value" if !table => Some(Holds::Elements),
            "tables" if !table => Some(Holds::Tables),
            "rows" if table => Some(Holds::Rows),
            _ => None,
        };
        if let Some(holds) = holds.filter(|_| array) {
            self.window.bump();
            self.window.drop_mark();
            self.enter(Frame::Array(holds))?;
            return Ok(None);
        }
        let null = self.window.peek()? == Some(b'n');
        self.window.set_mark();
        self.value()?;
        match key.as_str() {
            "columns" if table => return Ok(Some(Piece::Columns)),
            "error" if !table && !null => return Ok(Some(Piece::ServiceError)),
            _ => {}
        }
        self.blanks()?;
        if !matches!(self.window.peek()?, Some(b',' | b'}') | None) {
            return self.broken();
        }
        self.window.drop_mark();
        Ok(None)
    }

    /// A member's name in lower case, up to its value.
    fn key(&mut self) -> Result<String, Trouble> {
        self.window.bump();
        let mut key = String::new();
        loop {
            match self.window.peek()? {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.window.bump();
                    if matches!(self.window.peek()?, Some(byte) if byte != b'\n') {
                        self.window.bump();
                    }
                }
                Some(b'\n') => return self.broken(),
                Some(byte) => {
                    // Longer names than those asked for need not be known.
                    if key.len() < 32 {
                        key.push(char::from(byte.to_ascii_lowercase()));
                    }
                    self.window.bump();
                }
                None => return self.cut(),
            }
        }
        self.window.bump();
        self.blanks()?;
        match self.window.peek()? {
            Some(b':') => self.window.bump(),
            Some(_) => return self.broken(),
            None => return self.cut(),
        }
        self.blanks()?;
        Ok(key)
    }

    /// Goes past one value, looking at its punctuation only.
    fn value(&mut self) -> Result<(), Trouble> {
        // One entry for each level that is open: whether it is an object.
        let mut open: Vec<bool> = Vec::new();
        loop {
            self.blanks()?;
            match self.window.peek()? {
                None => return self.cut(),
                Some(byte @ (b'{' | b'[')) => {
                    if open.len() >= MAX_DEPTH {
                        return Err(Trouble::Depth);
                    }
                    self.window.bump();
                    open.push(byte == b'{');
                    self.blanks()?;
                    let close = if byte == b'{' { b'}' } else { b']' };
                    if self.window.peek()? != Some(close) {
                        if byte == b'{' {
                            self.member_name()?;
                        }
                        continue;
                    }
                    self.window.bump();
                    open.pop();
                }
                Some(b'"') => self.string()?,
                Some(b',' | b':' | b'}' | b']') => return self.broken(),
                Some(_) => {
                    // At least one byte, whatever it is: else nothing would move.
                    self.window.bump();
                    self.window.bump_while(|byte| {
                        !matches!(
                            byte,
                            b' ' | b'\t'
                                | b'\r'
                                | b'\n'
                                | b','
                                | b':'
                                | b'{'
                                | b'}'
                                | b'['
                                | b']'
                                | b'"'
                        )
                    })?;
                }
            }
            // Behind a value: the next one, or the ends of what is open.
            loop {
                let Some(object) = open.last().copied() else {
                    return Ok(());
                };
                self.blanks()?;
                match (self.window.peek()?, object) {
                    (Some(b','), _) => {
                        self.window.bump();
                        if object {
                            self.blanks()?;
                            self.member_name()?;
                        }
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.window.bump();
                        open.pop();
                    }
                    (None, _) => return self.cut(),
                    _ => return self.broken(),
                }
            }
        }
    }

    fn member_name(&mut self) -> Result<(), Trouble> {
        match self.window.peek()? {
            Some(b'"') => self.key().map(|_| ()),
            Some(_) => self.broken(),
            None => self.cut(),
        }
    }

    fn string(&mut self) -> Result<(), Trouble> {
        self.window.bump();
        loop {
            self.window
                .bump_while(|byte| !matches!(byte, b'"' | b'\\' | b'\n'))?;
            match self.window.peek()? {
                Some(b'"') => {
                    self.window.bump();
                    return Ok(());
                }
                Some(b'\\') => {
                    self.window.bump();
                    if matches!(self.window.peek()?, Some(byte) if byte != b'\n') {
                        self.window.bump();
                    }
                }
                Some(_) => return self.broken(),
                None => return self.cut(),
            }
        }
    }

    fn blanks(&mut self) -> Result<(), Trouble> {
        loop {
            match self.window.peek()? {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.window.bump(),
                // Files that were put behind each other bring their byte order marks.
                Some(0xEF) if self.window.ahead(3)? == b"\xEF\xBB\xBF" => self.window.skip_bom(),
                _ => return Ok(()),
            }
        }
    }

    fn broken<T>(&self) -> Result<T, Trouble> {
        Err(Trouble::Broken {
            at: self.window.spot(),
        })
    }

    fn cut<T>(&self) -> Result<T, Trouble> {
        Err(Trouble::Cut {
            at: self.window.spot(),
        })
    }
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Vec<String> {
        scan_with(text.as_bytes(), 10_000)
    }

    fn scan_with(text: &[u8], limit: usize) -> Vec<String> {
        let mut scanner = Scanner::new(Window::new(text, limit));
        let mut found = Vec::new();
        while let Some(piece) = scanner.next() {
            let raw = String::from_utf8_lossy(scanner.raw()).into_owned();
            found.push(match piece {
                Ok(Piece::Element) => raw,
                Ok(Piece::Columns) => format!("columns {raw}"),
                Ok(Piece::Row) => format!("row {raw}"),
                Ok(Piece::ServiceError) => "error".to_owned(),
                Err(Trouble::Broken { at }) => format!("broken {}", at.line),
                Err(Trouble::Glued) => "glued".to_owned(),
                Err(Trouble::Cut { at }) => format!("cut {}", at.line),
                Err(Trouble::Over { bytes }) => format!("over {bytes}"),
                Err(Trouble::Depth) => "depth".to_owned(),
                Err(Trouble::Io(_)) => "io".to_owned(),
            });
        }
        found
    }

    #[test]
    fn enters_arrays_and_pages() {
        let one_and_two = vec![r#"{"a":1}"#, r#"{"b":[2]}"#];
        for text in [
            r#"[{"a":1},{"b":[2]}]"#,
            "\u{feff}{\"a\":1}\r\n\r\n{\"b\":[2]}",
            r#"{"records":[{"a":1},{"b":[2]}]}"#,
            r#"{"@odata.context":"x","Value":[{"a":1}, {"b":[2]} ],"@odata.nextLink":"y"}"#,
            "{\"value\":[{\"a\":1}]}\n\u{feff}[{\"b\":[2]}]",
        ] {
            assert_eq!(scan(text), one_and_two, "{text}");
        }
        assert_eq!(scan(r#"{"value":[],"@odata.nextLink":"y"}"#).len(), 0);
    }

    #[test]
    fn enters_tables() {
        let text = r#"{"tables":[{"name":"T","columns":[{"name":"A"}],"rows":[[1],["x"]]}],"error":{"code":"PartialError"}}"#;
        assert_eq!(
            scan(text),
            [
                r#"columns [{"name":"A"}]"#,
                "row [1]",
                r#"row ["x"]"#,
                "error"
            ]
        );
    }

    #[test]
    fn goes_on_after_what_is_broken() {
        let good = r#"{"a":1}"#;
        assert_eq!(scan("{\"a\":\"cut\n{\"a\":1}"), ["broken 1", good]);
        assert_eq!(
            scan("{\"a\":\n{\"a\":1}\n{\"a\":1}"),
            ["broken 3", good, good]
        );
        assert_eq!(scan("{\"a\":1}\n{\"a\":"), [good, "cut 2"]);
        assert_eq!(scan("{\"a\":1}\nwhat\n{\"a\":1}"), [good, "broken 2", good]);
        assert_eq!(scan("[{\"a\":1},"), [good, "cut 1"]);
        let pretty = "[\n  {\n    \"x\" [\n      {\"y\":1}\n  },\n  {\"a\":1}\n]";
        assert_eq!(scan(pretty), ["broken 3", good]);
    }

    #[test]
    fn keeps_the_good_part_of_a_page_that_broke() {
        let page = r#"{"value":[{"a":1},{"id":"Sync_Z"{"error":{"code":"BadRequest"}}"#;
        assert_eq!(scan(page), [r#"{"a":1}"#, "glued"]);
        let two = format!("{page}\n{{\"value\":[{{\"a\":1}}]}}");
        assert_eq!(scan(&two), [r#"{"a":1}"#, "glued", r#"{"a":1}"#]);
        let within = r#"{"value":[{"id":"Sync{"error":{"code":"BadRequest"}}"#;
        assert_eq!(scan(within), ["glued"]);
    }

    #[test]
    fn always_moves_on() {
        assert_eq!(scan("[\u{c}"), ["\u{c}", "cut 1"]);
        for byte in 0..=255 {
            for text in [
                &[b'[', byte][..],
                &[b'{', byte],
                &[b'[', byte, byte],
                b"\n[",
                &[b'{', b'"', byte],
            ] {
                assert!(scan_with(text, 100).len() < 4, "{text:?}");
            }
        }
    }

    #[test]
    fn large_and_deep_elements_are_passed_over() {
        let text = format!("[{{\"a\":\"{}\"}},{{\"a\":1}}]", "x".repeat(300_000));
        assert_eq!(
            scan_with(text.as_bytes(), 100),
            ["over 300008", r#"{"a":1}"#]
        );
        let deep = format!("{{\"a\":{}\n{{\"a\":1}}", "[".repeat(200));
        assert_eq!(scan(&deep), ["depth", r#"{"a":1}"#]);
        assert_eq!(scan(&"[".repeat(200)), ["depth"]);
    }
}

//! A result as CSV.

use std::io::{self, Write};

use super::cell::{self, Times};
use super::table::QueryResult;
use super::visible::formula_safe;
use crate::schema::DataType;

/// How a result is written as CSV.
///
/// ```
/// use report_query::result::CsvOptions;
///
/// let for_a_spreadsheet = CsvOptions::new().byte_order_mark(true);
/// let for_a_program = CsvOptions::new().formula_safe(false);
/// # let _ = (for_a_spreadsheet, for_a_program);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct CsvOptions {
    formula_safe: bool,
    byte_order_mark: bool,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            formula_safe: true,
            byte_order_mark: false,
        }
    }
}

impl CsvOptions {
    /// Formula-safe, no byte order mark.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a text that begins like a formula gets an apostrophe in front, on
    /// unless set. Off only for readers that are certainly no spreadsheet.
    pub fn formula_safe(mut self, on: bool) -> Self {
        self.formula_safe = on;
        self
    }

    /// Whether the file begins with a byte order mark, off unless set. Some
    /// spreadsheets read UTF-8 only with it; most other readers take it for text.
    pub fn byte_order_mark(mut self, on: bool) -> Self {
        self.byte_order_mark = on;
        self
    }
}

impl QueryResult {
    /// Writes the result as CSV (RFC 4180): a header row of the columns' labels,
    /// lines that end in CRLF, cells quoted where needed, times in RFC 3339,
    /// items of lists joined by `, `, nulls empty.
    ///
    /// A text that a spreadsheet would run as a formula (it begins, after blanks,
    /// with `=`, `+`, `-`, `@`, a tab or a line break) gets an apostrophe in
    /// front; [`formula_original`](super::formula_original) takes it away. Numbers
    /// and times are never touched.
    ///
    /// The writer gets one write for each row; nothing else is buffered.
    ///
    /// ```
    /// use report_query::{DataType, QueryResult, ResultColumn, Value};
    ///
    /// let columns = vec![
    ///     ResultColumn::new("actor", DataType::Text).label("User"),
    ///     ResultColumn::new("n", DataType::Int),
    /// ];
    /// let result = QueryResult::new(columns, [vec![Value::from("=Okafor, \"D\""), Value::from(-2)]])?;
    /// let mut csv = Vec::new();
    /// result.write_csv(&mut csv)?;
    /// assert_eq!(String::from_utf8(csv)?, "User,n\r\n\"'=Okafor, \"\"D\"\"\",-2\r\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the writer refuses.
    pub fn write_csv(&self, writer: impl Write) -> io::Result<()> {
        self.write_csv_with(writer, &CsvOptions::default())
    }

    /// The same with options.
    ///
    /// # Errors
    ///
    /// If the writer refuses.
    pub fn write_csv_with(&self, mut writer: impl Write, options: &CsvOptions) -> io::Result<()> {
        if options.byte_order_mark {
            writer.write_all("\u{feff}".as_bytes())?;
        }
        let mut line = String::new();
        for (index, column) in self.columns().iter().enumerate() {
            push_cell(&mut line, index, &column.label, true, options);
        }
        end_line(&mut line, self.columns().len());
        writer.write_all(line.as_bytes())?;
        for row in self.rows() {
            line.clear();
            for (index, (value, column)) in row.iter().zip(self.columns()).enumerate() {
                let text = cell::text(value, &column.data_type, Times::Rfc3339);
                push_cell(&mut line, index, &text, is_text(&column.data_type), options);
            }
            end_line(&mut line, self.columns().len());
            writer.write_all(line.as_bytes())?;
        }
        writer.flush()
    }
}

/// Whether the column's cells come from outside; numbers, times and GUIDs can't be formulas.
fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Text | DataType::List(_) | DataType::Record(_)
    )
}

fn push_cell(line: &mut String, index: usize, text: &str, is_text: bool, options: &CsvOptions) {
    if index > 0 {
        line.push(',');
    }
    let text = if is_text && options.formula_safe {
        formula_safe(text)
    } else {
        text.into()
    };
    // Blanks at the ends are data (RFC 4180), and some readers only believe it in quotes.
    let quoted = text.contains(['"', ',', '\r', '\n'])
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace);
    if quoted {
        line.push('"');
        for (index, part) in text.split('"').enumerate() {
            if index > 0 {
                line.push_str("\"\"");
            }
            line.push_str(part);
        }
        line.push('"');
    } else {
        line.push_str(&text);
    }
}

fn end_line(line: &mut String, columns: usize) {
    // An empty line would be no row at all to most readers.
    if columns == 1 && line.is_empty() {
        line.push_str("\"\"");
    }
    line.push_str("\r\n");
}

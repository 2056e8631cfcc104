//! A result as an aligned table of text.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::cell::{self, Times};
use super::table::{QueryResult, ResultColumn};
use super::visible::visible;
use crate::value::Value;

/// What marks columns of estimates.
const ABOUT: &str = "≈";
/// What stands between two columns.
const GAP: &str = "  ";
/// A column is not made narrower than this, in terminal columns.
const NARROWEST: usize = 6;
/// What shows that a cell was cut.
const ELLIPSIS: &str = "…";

/// How a result is written as a table of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct TextOptions {
    max_width: Option<usize>,
}

impl TextOptions {
    /// As wide as the cells are.
    pub fn new() -> Self {
        Self::default()
    }

    /// No line wider than this, in terminal columns: the widest columns are made
    /// narrower, and what no longer fits a cell is cut and ends in `…`. No column
    /// gets narrower than 6, so many columns may still need more.
    pub fn max_width(mut self, columns: usize) -> Self {
        self.max_width = Some(columns);
        self
    }
}

impl QueryResult {
    /// Writes the result as an aligned table: a line of labels, a rule, a line a
    /// row. The [`Display`](fmt::Display) form is the same.
    ///
    /// Times are `YYYY-MM-DD HH:MM:SS` in UTC, numbers stand to the right, items
    /// of lists are joined by `, `. Widths are those of a terminal, so wide and
    /// combining characters are aligned too. What would move the cursor, turn
    /// the reading direction or hide is [made visible](super::visible). A column of estimates
    /// is marked by `≈`, and a line below the rows says how far it [may be off](super::Approximation).
    ///
    /// ```
    /// use report_query::{DataType, QueryResult, ResultColumn, Value};
    ///
    /// let columns = vec![
    ///     ResultColumn::new("actor", DataType::Text).label("User"),
    ///     ResultColumn::new("requests", DataType::Int).label("Requests"),
    /// ];
    /// let rows = [
    ///     vec![Value::from("李雷"), Value::from(7)],
    ///     vec![Value::from("dana"), Value::from(12)],
    /// ];
    /// let result = QueryResult::new(columns, rows)?;
    /// assert_eq!(
    ///     result.to_string(),
    ///     "User  Requests\n\
    ///      ----  --------\n\
    ///      李雷         7\n\
    ///      dana        12\n"
    /// );
    /// # Ok::<(), report_query::QueryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the writer refuses.
    pub fn write_text(&self, writer: impl Write) -> io::Result<()> {
        self.write_text_with(writer, &TextOptions::default())
    }

    /// The same with options.
    ///
    /// # Errors
    ///
    /// If the writer refuses.
    pub fn write_text_with(&self, mut writer: impl Write, options: &TextOptions) -> io::Result<()> {
        self.lines(options, |line| writer.write_all(line.as_bytes()))?;
        writer.flush()
    }

    /// Two passes, the first for the widths: rows are never all in memory as text.
    fn lines<E>(
        &self,
        options: &TextOptions,
        mut line: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.columns().is_empty() {
            return Ok(());
        }
        let mut widths: Vec<usize> = self
            .columns()
            .iter()
            .map(|column| heading(column).width())
            .collect();
        for row in self.rows() {
            for ((width, value), column) in widths.iter_mut().zip(row).zip(self.columns()) {
                *width = shown(value, column).width().max(*width);
            }
        }
        if let Some(max_width) = options.max_width {
            narrow(&mut widths, max_width);
        }

        let mut text = String::new();
        let labels = self.columns().iter().map(heading);
        self.push_line(&mut text, &widths, labels);
        line(&text)?;
        text.clear();
        let rules = widths.iter().map(|width| Cow::Owned("-".repeat(*width)));
        self.push_line(&mut text, &widths, rules);
        line(&text)?;
        for row in self.rows() {
            text.clear();
            let cells = row.iter().zip(self.columns());
            self.push_line(
                &mut text,
                &widths,
                cells.map(|(value, column)| shown(value, column)),
            );
            line(&text)?;
        }
        if self.is_empty() {
            line("(no rows)\n")?;
        }
        for column in self.columns() {
            if let Some(approximation) = column.approximate {
                let label = visible(&column.label);
                line(&format!("{ABOUT} {label}: {approximation}\n"))?;
            }
        }
        Ok(())
    }

    fn push_line<'a>(
        &self,
        line: &mut String,
        widths: &[usize],
        cells: impl Iterator<Item = Cow<'a, str>>,
    ) {
        for (index, ((cell, width), column)) in cells.zip(widths).zip(self.columns()).enumerate() {
            if index > 0 {
                line.push_str(GAP);
            }
            let cell = cut(&cell, *width);
            let missing = width.saturating_sub(cell.width());
            if column.data_type.is_number() {
                line.extend(std::iter::repeat_n(' ', missing));
                line.push_str(&cell);
            } else {
                line.push_str(&cell);
                line.extend(std::iter::repeat_n(' ', missing));
            }
        }
        line.truncate(line.trim_end_matches(' ').len());
        line.push('\n');
    }
}

impl fmt::Display for QueryResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines(&TextOptions::default(), |line| f.write_str(line))
    }
}

fn heading(column: &ResultColumn) -> Cow<'_, str> {
    let label = visible(&column.label);
    match column.approximate {
        Some(_) => Cow::Owned(format!("{label} {ABOUT}")),
        None => label,
    }
}

fn shown<'a>(value: &'a Value, column: &ResultColumn) -> Cow<'a, str> {
    match cell::text(value, &column.data_type, Times::Seconds) {
        Cow::Borrowed(text) => visible(text),
        Cow::Owned(text) => match visible(&text) {
            Cow::Owned(shown) => Cow::Owned(shown),
            Cow::Borrowed(_) => Cow::Owned(text),
        },
    }
}

/// Lowers the widest columns to one height until the line fits.
fn narrow(widths: &mut [usize], max_width: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let room = max_width.saturating_sub(gaps);
    let mut sorted = widths.to_vec();
    sorted.sort_unstable();
    let mut room_left = room;
    let mut cap = usize::MAX;
    for (index, width) in sorted.iter().enumerate() {
        let share = room_left / (sorted.len() - index);
        if *width > share {
            cap = share.max(NARROWEST);
            break;
        }
        room_left -= width;
    }
    // What the division left over goes to the first of those that were cut.
    let fitting: usize = widths.iter().map(|width| (*width).min(cap)).sum();
    let mut rest = room.saturating_sub(fitting);
    for width in widths.iter_mut().filter(|width| **width > cap) {
        let extra = usize::from(rest > 0);
        rest -= extra;
        *width = (*width).min(cap + extra);
    }
}

/// The text at most so wide, never cut between a letter and its marks.
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let room = width.saturating_sub(ELLIPSIS.width());
    let mut end = 0;
    let mut joined = false;
    for (at, character) in text.char_indices() {
        let begins = character.width() != Some(0) && !joined;
        if begins {
            if text[..at].width() > room {
                break;
            }
            end = at;
        }
        joined = character == '\u{200d}';
    }
    Cow::Owned(format!("{}{ELLIPSIS}", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_give_way_first() {
        let mut widths = [4, 30, 50];
        narrow(&mut widths, 44);
        assert_eq!(widths, [4, 18, 18]);
        let mut widths = [4, 30, 50];
        narrow(&mut widths, 45);
        assert_eq!(widths, [4, 19, 18]);
        let mut widths = [4, 10, 50];
        narrow(&mut widths, 38);
        assert_eq!(widths, [4, 10, 20]);
        let mut widths = [4, 10];
        narrow(&mut widths, 100);
        assert_eq!(widths, [4, 10]);
        let mut widths = [40, 40];
        narrow(&mut widths, 1);
        assert_eq!(widths, [NARROWEST, NARROWEST]);
    }

    #[test]
    fn a_cell_is_cut_between_whole_characters() {
        assert_eq!(cut("Night Shift", 11), "Night Shift");
        assert_eq!(cut("Night Shift", 6), "Night…");
        assert_eq!(cut("李雷李雷", 6), "李雷…");
        assert_eq!(cut("李雷李雷", 5), "李雷…");
        assert_eq!(cut("李雷李雷", 4), "李…");
        assert_eq!(
            cut("e\u{301}e\u{301}e\u{301}e\u{301}", 3),
            "e\u{301}e\u{301}…"
        );
        assert_eq!(cut("👩\u{200d}🔬👩\u{200d}🔬x", 4), "👩\u{200d}🔬…");
        assert_eq!(cut("abc", 0), "…");
    }
}

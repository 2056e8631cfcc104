//! A result as JSON and as NDJSON, keys in the order of the columns.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::cell;
use super::table::QueryResult;
use crate::schema::DataType;
use crate::value::Value;

impl QueryResult {
    /// Writes the result as one JSON document: `columns` says for each column its
    /// `name`, `label`, `type`, `unit` (where it has one) and `approximate` (where
    /// it is: how far it [may be off](crate::result::Approximation), as an object of `standard_error`
    /// or `within`, both shares of the exact value, or of `within_seconds`; empty of what is computed
    /// of estimates), `rows` holds one object a row, and `next_page` the token of the
    /// next page, where there is one.
    ///
    /// Times are RFC 3339 in UTC, GUIDs hyphenated texts, lists arrays, records
    /// objects. What JSON has no number for (infinities, NaN) is null. Keys are
    /// the columns' names, in their order; the same result is the same bytes.
    ///
    /// ```
    /// use report_query::{DataType, QueryResult, ResultColumn, Unit, Value};
    ///
    /// let columns = vec![
    ///     ResultColumn::new("activity", DataType::Text).label("Activity"),
    ///     ResultColumn::new("wait", DataType::Int).unit(Unit::SECONDS),
    /// ];
    /// let result = QueryResult::new(columns, [vec![Value::from("Add group"), Value::from(3)]])?;
    /// let mut json = Vec::new();
    /// result.write_json(&mut json)?;
    /// assert_eq!(
    ///     String::from_utf8(json)?,
    ///     concat!(
    ///         r#"{"columns":[{"name":"activity","label":"Activity","type":"text"},"#,
    ///         r#"{"name":"wait","label":"wait","type":"int","unit":"s"}],"#,
    ///         "\"rows\":[\n",
    ///         r#"{"activity":"Add group","wait":3}"#,
    ///         "\n]}\n",
    ///     ),
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the writer refuses.
    pub fn write_json(&self, mut writer: impl Write) -> io::Result<()> {
        let mut text = String::from("{\"columns\":[");
        for (index, column) in self.columns().iter().enumerate() {
            text.push_str(if index > 0 {
                ",{\"name\":"
            } else {
                "{\"name\":"
            });
            push_text(&mut text, &column.name);
            text.push_str(",\"label\":");
            push_text(&mut text, &column.label);
            text.push_str(",\"type\":");
            push_text(&mut text, &column.data_type.to_string());
            if let Some(unit) = &column.unit {
                text.push_str(",\"unit\":");
                push_text(&mut text, unit.as_str());
            }
            if let Some(approximation) = column.approximate {
                text.push_str(",\"approximate\":");
                text.push_str(&approximation.json());
            }
            text.push('}');
        }
        text.push_str("],\"rows\":[");
        let keys = self.keys();
        for (index, row) in self.rows().enumerate() {
            text.push_str(if index > 0 { ",\n" } else { "\n" });
            self.push_row(&mut text, &keys, row);
            writer.write_all(text.as_bytes())?;
            text.clear();
        }
        text.push_str("\n]");
        if let Some(token) = self.next_page() {
            text.push_str(",\"next_page\":");
            push_text(&mut text, token);
        }
        text.push_str("}\n");
        writer.write_all(text.as_bytes())?;
        writer.flush()
    }

    /// Writes one JSON object a line for each row, as the `rows` of
    /// [`write_json`](QueryResult::write_json). The writer gets one write a row.
    ///
    /// # Errors
    ///
    /// If the writer refuses.
    pub fn write_ndjson(&self, mut writer: impl Write) -> io::Result<()> {
        let keys = self.keys();
        let mut line = String::new();
        for row in self.rows() {
            line.clear();
            self.push_row(&mut line, &keys, row);
            line.push('\n');
            writer.write_all(line.as_bytes())?;
        }
        writer.flush()
    }

    /// The columns' names as JSON texts, with what stands around them.
    fn keys(&self) -> Vec<String> {
        let mut keys = Vec::with_capacity(self.columns().len());
        for column in self.columns() {
            let mut key = String::from(if keys.is_empty() { "{" } else { "," });
            push_text(&mut key, &column.name);
            key.push(':');
            keys.push(key);
        }
        keys
    }

    fn push_row(&self, text: &mut String, keys: &[String], row: &[Value]) {
        for ((key, column), value) in keys.iter().zip(self.columns()).zip(row) {
            text.push_str(key);
            push_value(text, value, &column.data_type);
        }
        text.push_str(if row.is_empty() { "{}" } else { "}" });
    }
}

/// A value as JSON.
pub(super) fn push_value(text: &mut String, value: &Value, data_type: &DataType) {
    match (value, data_type) {
        (Value::Bool(true), _) => text.push_str("true"),
        (Value::Bool(false), _) => text.push_str("false"),
        (Value::Int(number), _) => {
            // Writing to a String does not fail, here and below.
            let _ = write!(text, "{number}");
        }
        // `{:?}` is the shortest form that reads back, and keeps a whole float a float.
        (Value::Float(number), _) if number.is_finite() => {
            let _ = write!(text, "{number:?}");
        }
        (Value::Time(time), _) => push_text(text, &cell::rfc3339(*time)),
        (Value::Text(value), _) => push_text(text, value),
        (Value::Id(id), _) => {
            let _ = write!(text, "\"{}\"", id.hyphenated());
        }
        (Value::List(items), DataType::List(item)) => {
            text.push('[');
            for (index, value) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                push_value(text, value, item);
            }
            text.push(']');
        }
        (Value::Record(values), DataType::Record(fields)) => {
            text.push('{');
            for (index, (value, field)) in values.iter().zip(fields.iter()).enumerate() {
                if index > 0 {
                    text.push(',');
                }
                push_text(text, &field.name);
                text.push(':');
                push_value(text, value, &field.data_type);
            }
            text.push('}');
        }
        _ => text.push_str("null"),
    }
}

/// A text as JSON (RFC 8259, section 7), everything that need not be escaped as it is.
fn push_text(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\0'..='\u{1f}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(character));
            }
            _ => text.push(character),
        }
    }
    text.push('"');
}

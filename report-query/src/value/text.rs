//! `Text`: a text that is shared, on its own or with others in a block.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use crate::gallop::gallop;

/// A text of a cell. Cloning copies a pointer, and nothing is allocated when a store's
/// texts become cells of a result.
///
/// It is a `str` to read: it dereferences to one, compares, sorts and hashes as one. Texts of
/// a store stand in blocks of up to 1,024, and a text keeps its block in memory.
///
/// `Debug` shows the size only, since a text may be a person's name.
///
/// ```
/// use report_query::Text;
///
/// let name = Text::from("alice");
/// assert_eq!(name.as_str(), "alice");
/// assert!(name.starts_with("al") && name == *"alice");
/// assert_eq!(format!("{name:?}"), "Text(5 bytes)");
/// ```
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Own(Arc<str>),
    /// One of a block, by its position.
    Of(Arc<TextBlock>, u32),
}

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Own(text) => text,
            Repr::Of(block, at) => block.get(*at as usize).unwrap_or_default(),
        }
    }

    pub(crate) fn of(block: &Arc<TextBlock>, at: u32) -> Self {
        Self(Repr::Of(Arc::clone(block), at))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        // The same shared text is common, and equal without a look.
        match (&self.0, &other.0) {
            (Repr::Own(a), Repr::Own(b)) if Arc::ptr_eq(a, b) => Ordering::Equal,
            (Repr::Of(a, at), Repr::Of(b, bt)) if at == bt && Arc::ptr_eq(a, b) => Ordering::Equal,
            _ => self.as_str().cmp(other.as_str()),
        }
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Text {}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.len())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Repr::Own(text.into()))
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Repr::Own(text.into()))
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self(Repr::Own(text))
    }
}

/// Texts one behind the other.
#[derive(Default)]
pub(crate) struct TextBlock {
    text: Box<str>,
    ends: Ends,
}

/// Where each text ends.
enum Ends {
    Narrow(Box<[u32]>),
    /// More than 4 GiB of texts.
    Wide(Box<[usize]>),
}

impl Default for Ends {
    fn default() -> Self {
        Self::Narrow(Box::default())
    }
}

impl TextBlock {
    pub(crate) fn new<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let mut all = String::new();
        let mut ends = Vec::with_capacity(texts.size_hint().0);
        for text in texts {
            all.push_str(text);
            ends.push(all.len());
        }
        let narrow = ends.iter().map(|end| u32::try_from(*end)).collect();
        Self {
            text: all.into(),
            ends: match narrow {
                Ok(ends) => Ends::Narrow(ends),
                Err(_) => Ends::Wide(ends.into()),
            },
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.ends {
            Ends::Narrow(ends) => ends.len(),
            Ends::Wide(ends) => ends.len(),
        }
    }

    /// Where a text ends, and so where the next begins.
    pub(crate) fn end(&self, at: usize) -> Option<usize> {
        match &self.ends {
            Ends::Narrow(ends) => ends.get(at).map(|end| *end as usize),
            Ends::Wide(ends) => ends.get(at).copied(),
        }
    }

    /// How many texts there are to a byte, in parts of 2^32.
    pub(crate) fn density(&self) -> u64 {
        let texts = (self.len() as u64) << 32;
        texts / self.text.len().max(1) as u64
    }

    /// The text that has a byte, or their number, given one that is not behind it, and the
    /// [density](Self::density).
    #[inline]
    pub(crate) fn text_of(&self, byte: usize, from: usize, density: u64) -> usize {
        // Of texts of about the same length it stands near there.
        let near = ((byte as u64).wrapping_mul(density) >> 32) as usize;
        match &self.ends {
            Ends::Narrow(ends) => {
                // None ends behind that.
                let byte = u32::try_from(byte).unwrap_or(u32::MAX);
                before(ends, near, from, |end| *end <= byte)
            }
            Ends::Wide(ends) => before(ends, near, from, |end| *end <= byte),
        }
    }

    pub(crate) fn get(&self, at: usize) -> Option<&str> {
        let start = match at.checked_sub(1) {
            None => 0,
            Some(before) => self.end(before)?,
        };
        self.text.get(start..self.end(at)?)
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.get(at).unwrap_or_default())
    }

    /// All texts, without a border between them.
    pub(crate) const fn all(&self) -> &str {
        &self.text
    }

    /// Bytes that it takes.
    pub(crate) fn size(&self) -> usize {
        let ends = match &self.ends {
            Ends::Narrow(ends) => size_of_val(&**ends),
            Ends::Wide(ends) => size_of_val(&**ends),
        };
        // The counts of the pointer to it stand beside it.
        2 * size_of::<usize>() + size_of::<Self>() + self.text.len() + ends
    }
}

/// How many ends come first that pass: mostly about so many, and at least `from`. What does not
/// wait for the text before is found at the same time.
#[inline]
fn before<T>(ends: &[T], near: usize, from: usize, passes: impl Fn(&T) -> bool) -> usize {
    const FEW: usize = 16;

    let first = near.saturating_sub(FEW / 2);
    if let Some(few) = ends.get(first..).and_then(<[T]>::first_chunk::<FEW>) {
        let count: u32 = few.iter().map(|end| u32::from(passes(end))).sum();
        if count < FEW as u32 && (count > 0 || first == 0) {
            return first + count as usize;
        }
    }
    from + gallop(ends.get(from..).unwrap_or_default(), passes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    #[test]
    fn a_text_of_a_block_is_one_of_its_own() {
        let texts = ["ana", "", "Zoë", "ana"];
        let block = Arc::new(TextBlock::new(texts.into_iter()));
        assert_eq!((block.len(), block.all()), (4, "anaZoëana"));
        assert!(block.texts().eq(texts));
        assert_eq!((block.get(4), block.end(4)), (None, None));
        for (at, text) in texts.iter().enumerate() {
            let of = Text::of(&block, at as u32);
            let own = Text::from(*text);
            assert_eq!(of, own);
            assert_eq!(of.cmp(&Text::from("b")), own.cmp(&Text::from("b")));
            assert_eq!(of.to_string(), **text);
        }
        assert_eq!(Text::of(&block, 0), Text::of(&block, 3));
        assert_eq!(Text::of(&block, 9).as_str(), "");
        assert!(TextBlock::default().texts().next().is_none());
    }

    #[test]
    fn the_text_of_a_byte_is_found_from_any_before_it() {
        let texts: Vec<String> = (0..70).map(|n| "x".repeat(n * 7 % 5)).collect();
        let block = TextBlock::new(texts.iter().map(String::as_str));
        for byte in 0..=block.all().len() {
            let text = (0..block.len()).find(|text| block.end(*text) > Some(byte));
            let text = text.unwrap_or(block.len());
            // However good the guess is.
            for density in [block.density(), 0, u64::MAX] {
                assert!((0..=text).all(|from| block.text_of(byte, from, density) == text));
            }
        }
    }

    #[test]
    fn a_value_is_no_larger_for_it() {
        assert_eq!((size_of::<Text>(), size_of::<Value>()), (24, 24));
    }
}

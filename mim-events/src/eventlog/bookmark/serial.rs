//! The stored form of a [`Bookmark`].
//!
//! `{"version":1,"read_through":9,"newest":T,"anchors":[[1,T],[9,T]],"waiting":[[4,5]],"read_again":0}`.
//! Fields that hold nothing are left out, and unknown ones are passed over. The version comes
//! first: of a newer one nothing else is read, and it is refused where the bookmark is used.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeStruct, Serializer};

use super::anchors::{Anchor, Anchors};
use super::mark::{Bookmark, VERSION};
use super::numbers::Numbers;

/// Of a list that is longer than any that was written, no more is taken.
const MAX_ANCHORS_READ: usize = 64;

impl Serialize for Bookmark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.version > VERSION {
            return Err(S::Error::custom(
                "a bookmark of a newer version can't be stored",
            ));
        }
        let waiting: Vec<(u64, u64)> = self
            .waiting
            .ranges()
            .map(|range| (*range.start(), *range.end()))
            .collect();
        let anchors: Vec<(u64, u64)> = self
            .anchors
            .iter()
            .map(|anchor| (anchor.number, anchor.written))
            .collect();
        let mut form = serializer.serialize_struct("Bookmark", 6)?;
        form.serialize_field("version", &VERSION)?;
        match &self.read_through {
            Some(number) => form.serialize_field("read_through", number)?,
            None => form.skip_field("read_through")?,
        }
        match &self.newest {
            Some(newest) => form.serialize_field("newest", newest)?,
            None => form.skip_field("newest")?,
        }
        if anchors.is_empty() {
            form.skip_field("anchors")?;
        } else {
            form.serialize_field("anchors", &anchors)?;
        }
        if waiting.is_empty() {
            form.skip_field("waiting")?;
        } else {
            form.serialize_field("waiting", &waiting)?;
        }
        match self.waiting.extra() {
            0 => form.skip_field("read_again")?,
            extra => form.serialize_field("read_again", &extra)?,
        }
        form.end()
    }
}

impl<'de> Deserialize<'de> for Bookmark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const FIELDS: &[&str] = &[
            "version",
            "read_through",
            "newest",
            "anchors",
            "waiting",
            "read_again",
        ];
        deserializer.deserialize_struct("Bookmark", FIELDS, Form)
    }
}

struct Form;

impl<'de> Visitor<'de> for Form {
    type Value = Bookmark;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bookmark of an event log")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bookmark, A::Error> {
        let mut bookmark = Bookmark::default();
        let mut read_again = 0;
        while let Some(name) = map.next_key::<Name>()? {
            match name {
                Name::Version => bookmark.version = map.next_value()?,
                _ if bookmark.version > VERSION => drop(map.next_value::<IgnoredAny>()?),
                Name::ReadThrough => bookmark.read_through = map.next_value()?,
                Name::Newest => bookmark.newest = map.next_value()?,
                Name::Anchors => bookmark.anchors = map.next_value::<AnchorList>()?.0,
                Name::Waiting => bookmark.waiting = map.next_value::<WaitingList>()?.0,
                Name::ReadAgain => read_again = map.next_value()?,
                Name::Unknown => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if bookmark.version > VERSION {
            return Ok(Bookmark {
                version: bookmark.version,
                ..Bookmark::default()
            });
        }
        if bookmark.read_through.is_none() {
            return Ok(Bookmark::default());
        }
        bookmark.version = VERSION;
        bookmark.anchors = Anchors::new(bookmark.anchors).iter().collect();
        bookmark.waiting.add_extra(read_again);
        bookmark.bound_waiting();
        Ok(bookmark)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Name {
    Version,
    ReadThrough,
    Newest,
    Anchors,
    Waiting,
    ReadAgain,
    #[serde(other)]
    Unknown,
}

struct AnchorList(Vec<Anchor>);

impl<'de> Deserialize<'de> for AnchorList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = AnchorList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers and times")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AnchorList, A::Error> {
                let mut anchors = Vec::new();
                while let Some((number, written)) = list.next_element()? {
                    if anchors.len() < MAX_ANCHORS_READ {
                        anchors.push(Anchor { number, written });
                    }
                }
                Ok(AnchorList(anchors))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

struct WaitingList(Numbers);

impl<'de> Deserialize<'de> for WaitingList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = WaitingList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of first and last numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<WaitingList, A::Error> {
                let mut numbers = Numbers::default();
                let mut ranges = Vec::new();
                loop {
                    let range: Option<(u64, u64)> = list.next_element()?;
                    ranges.extend(range);
                    if range.is_none() || ranges.len() == 1024 {
                        numbers.add(ranges.drain(..));
                    }
                    if range.is_none() {
                        return Ok(WaitingList(numbers));
                    }
                }
            }
        }
        deserializer.deserialize_seq(List)
    }
}

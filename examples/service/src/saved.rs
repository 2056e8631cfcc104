//! Definitions that people keep: custom reports, saved views. A JSON file each.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The largest definition that is kept.
pub const MOST_BYTES: usize = 256 << 10;
/// How many definitions of one tenant are kept.
pub const MOST: usize = 10_000;

/// A definition that somebody keeps.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SavedItem {
    /// Its name in addresses, a UUID of version 7.
    pub id: Uuid,
    /// `report`, `view`; whatever the portal keeps.
    pub kind: String,
    /// As people call it.
    pub name: String,
    /// Who saved it last.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// It may name people: it was saved by somebody with the right `persons`, and its filter
    /// speaks of names or of free text. Not for readers without the right. So is one that does
    /// not say, as a file of somebody's hand.
    #[serde(default = "yes")]
    pub names: bool,
    /// The definition itself.
    pub definition: serde_json::Value,
}

const fn yes() -> bool {
    true
}

/// The definitions of a tenant.
#[derive(Debug)]
pub struct Saved {
    folder: PathBuf,
    items: Mutex<Vec<SavedItem>>,
}

impl Saved {
    /// Reads the folder's definitions, or makes the folder.
    ///
    /// # Errors
    /// The folder can't be read or made. A file that is no definition is left alone and logged.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut items = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match fs::read(&path).map(|bytes| serde_json::from_slice::<SavedItem>(&bytes)) {
                Ok(Ok(item)) => items.push(item),
                Ok(Err(error)) => tracing::warn!(
                    file = %path.display(), line = error.line(), "a saved definition can't be read"
                ),
                Err(error) => return Err(error),
            }
        }
        items.sort_by_key(|item| item.id);
        Ok(Self {
            folder,
            items: Mutex::new(items),
        })
    }

    /// All of a kind, oldest first.
    #[must_use]
    pub fn list(&self, kind: &str) -> Vec<SavedItem> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items
            .iter()
            .filter(|item| item.kind == kind)
            .cloned()
            .collect()
    }

    /// One by its id.
    #[must_use]
    pub fn get(&self, id: Uuid) -> Option<SavedItem> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.iter().find(|item| item.id == id).cloned()
    }

    /// Keeps a new definition, durably; gives its id.
    ///
    /// # Errors
    /// It is too large, there are too many, or the disk says no.
    pub fn add(
        &self,
        kind: &str,
        name: &str,
        by: &str,
        names: bool,
        definition: serde_json::Value,
    ) -> io::Result<Uuid> {
        let id = Uuid::now_v7();
        self.put(SavedItem {
            id,
            kind: kind.to_owned(),
            name: name.to_owned(),
            by: by.to_owned(),
            at: Utc::now(),
            names,
            definition,
        })?;
        Ok(id)
    }

    /// Keeps a definition, durably, in the place of the one with its id.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn put(&self, item: SavedItem) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(&item)?;
        if bytes.len() > MOST_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the definition is too large",
            ));
        }
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let at = items.iter().position(|known| known.id == item.id);
        if at.is_none() && items.len() >= MOST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "too many definitions are kept",
            ));
        }
        write_durably(&self.folder, &format!("{}.json", item.id), &bytes)?;
        match at {
            Some(at) => items[at] = item,
            None => items.push(item),
        }
        Ok(())
    }

    /// Deletes one; whether it was there.
    ///
    /// # Errors
    /// As the disk says.
    pub fn delete(&self, id: Uuid) -> io::Result<bool> {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = items.iter().position(|known| known.id == id) else {
            return Ok(false);
        };
        fs::remove_file(self.folder.join(format!("{id}.json")))?;
        items.remove(at);
        Ok(true)
    }
}

/// Writes a file that is whole or as it was, whatever happens meanwhile.
///
/// # Errors
/// As the disk says.
pub fn write_durably(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = folder.join(format!("{name}.new"));
    let written = File::create(&unfinished).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let named = written.and_then(|()| fs::rename(&unfinished, folder.join(name)));
    if named.is_err() {
        // On a full disk it would take the last room there is.
        let _ = fs::remove_file(&unfinished);
    }
    named?;
    // Windows has no such thing as syncing a directory.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_there_again_and_what_is_deleted_is_not() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let open = || Saved::open(folder.path().join("saved"));
        let saved = open()?;
        let kept = saved.add(
            "report",
            "Resets",
            "ann",
            false,
            serde_json::json!({"a": 1}),
        )?;
        let gone = saved.add("view", "Mine", "ann", true, serde_json::Value::Null)?;
        let mut item = saved.get(kept).ok_or_else(|| anyhow::anyhow!("not kept"))?;
        item.name = "All resets".to_owned();
        saved.put(item)?;
        assert!(saved.delete(gone)? && !saved.delete(gone)?);
        fs::write(folder.path().join("saved/x.json.new"), "{")?;
        fs::write(folder.path().join("saved/y.json"), "{")?;
        let again = open()?;
        let names: Vec<_> = again
            .list("report")
            .into_iter()
            .map(|item| item.name)
            .collect();
        assert_eq!(names, ["All resets"]);
        assert!(again.list("view").is_empty());
        Ok(())
    }

    #[test]
    fn what_does_not_say_whether_it_names_people_is_taken_to() -> anyhow::Result<()> {
        let item = r#"{"id": "01932f6e-0000-7000-8000-000000000000", "kind": "view", "name": "n",
            "by": "ann", "at": "2026-11-24T00:00:00Z", "definition": {}}"#;
        assert!(serde_json::from_str::<SavedItem>(item)?.names);
        Ok(())
    }

    #[test]
    fn a_definition_has_a_size() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let saved = Saved::open(folder.path().into())?;
        let large = serde_json::Value::String("x".repeat(MOST_BYTES));
        assert!(saved.add("report", "n", "ann", false, large).is_err());
        Ok(())
    }
}

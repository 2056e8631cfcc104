//! Files, folders and globs to files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The files that the arguments name: a file as it is, a folder's files with one
/// of the extensions (`json|csv`), or what a glob matches; each once, in order.
///
/// # Errors
/// A path or glob that matches nothing, or a folder that can't be read.
pub fn expand(arguments: &[String], extensions: &str) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for argument in arguments {
        let before = files.len();
        let path = Path::new(argument);
        if path.is_dir() {
            in_folder(path, extensions, &mut files)?;
        } else if path.exists() {
            files.push(path.to_path_buf());
        } else if argument.contains(['*', '?', '[']) {
            for found in glob::glob(argument).with_context(|| format!("glob {argument}"))? {
                let found = found?;
                if found.is_dir() {
                    in_folder(&found, extensions, &mut files)?;
                } else {
                    files.push(found);
                }
            }
        }
        if files.len() == before {
            bail!("{argument}: no such file, and nothing matches it");
        }
    }
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

fn in_folder(folder: &Path, extensions: &str, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        let extension = path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default();
        if path.is_file()
            && extensions
                .split('|')
                .any(|known| known.eq_ignore_ascii_case(extension))
        {
            found.push(path);
        }
    }
    found.sort();
    files.append(&mut found);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_folders_and_globs_each_once() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.evtx", "a.EVTX", "c.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let arguments = [
            text(&folder.path().join("b.evtx")),
            text(folder.path()),
            text(&folder.path().join("*.evtx")),
        ];
        let names: Vec<_> = expand(&arguments, "evtx")
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["b.evtx", "a.EVTX"]);
        assert!(expand(&[text(&folder.path().join("none*"))], "evtx").is_err());
    }
}

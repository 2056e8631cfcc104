//! Files that are whole or not there, for their owner alone.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use ingest_protocol::journal::Error;
use ingest_protocol::sender::SpoolError;

/// Puts a file in the place of another at once. With `durable` it is on the disk when this returns.
pub(crate) fn replace(path: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    if let Err(error) = write(&new, bytes, durable) {
        // It takes no room that is missing elsewhere.
        let _ = std::fs::remove_file(&new);
        return Err(error);
    }
    std::fs::rename(&new, path)?;
    if durable && let Some(folder) = path.parent() {
        sync_folder(folder)?;
    }
    Ok(())
}

fn write(new: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let mut file = private(OpenOptions::new().write(true).create(true).truncate(true)).open(new)?;
    file.write_all(bytes)?;
    if durable {
        file.sync_all()?;
    }
    Ok(())
}

/// Writes over a file, which for a moment is neither the one nor the other: also a full disk has
/// room for what is not longer.
pub(crate) fn overwrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)
}

/// Whether the reason of an error is that the disk is full.
pub(crate) fn is_full(error: &anyhow::Error) -> bool {
    let kinds = error
        .chain()
        .filter_map(|cause| Some(cause.downcast_ref::<io::Error>()?.kind()));
    kinds
        .into_iter()
        .any(|kind| matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
}

/// Whether the disk of the state failed, as it does where a sync fails: what of the last writes is on
/// it only opening all anew tells.
pub(crate) fn has_failed(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<SpoolError>() {
        Some(SpoolError::Journal(error)) => matches!(
            error,
            Error::Io { .. }
                | Error::SyncFailed { .. }
                | Error::Poisoned
                | Error::DiskFull { .. }
                | Error::ReadOnly { .. }
                | Error::Unsteady { .. }
        ),
        Some(_) => false,
        None => error.chain().any(|cause| cause.is::<io::Error>()),
    }
}

/// Whether the reason of an error is the disk itself, and not that something stands in the way on it.
pub(crate) fn is_failing(error: &anyhow::Error) -> bool {
    // Input or output failed; on Windows also a checksum, a fault while writing, and the device.
    const OF_DISKS: &[i32] = if cfg!(windows) { &[23, 29, 1117] } else { &[5] };
    let is_sync = matches!(
        error.downcast_ref(),
        Some(SpoolError::Journal(Error::SyncFailed { .. }))
    );
    let codes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>()?.raw_os_error());
    is_sync || codes.into_iter().any(|code| OF_DISKS.contains(&code))
}

/// Opens a file to read it and to append to it; made if it is not there.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    let is_new = !path.exists();
    let file = private(OpenOptions::new().read(true).append(true).create(true)).open(path)?;
    if is_new && let Some(folder) = path.parent() {
        sync_folder(folder)?;
    }
    Ok(file)
}

/// Bytes of all files of a folder, as far as they can be seen.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.filter_map(|entry| Some(entry.metadata().ok()?.len()));
    bytes.sum()
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// The names in a folder are durable. Windows has no such call, and needs none.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

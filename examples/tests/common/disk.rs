//! A small disk that is really full: a `tmpfs` in a mount namespace of its own.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const MOUNT: &str = r#"mount -t tmpfs -o size="$2" tmpfs "$1" && echo mounted && exec sleep 3600"#;

/// It is there for as long as the process that holds it.
pub(crate) struct SmallDisk {
    holder: Child,
    path: PathBuf,
}

impl SmallDisk {
    /// A disk of `size`, mounted at a new folder; `None`, with the reason printed, where the machine lets
    /// nobody mount.
    pub(crate) fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let at = at.canonicalize().unwrap();
        let mut command = Command::new("unshare");
        command
            .args(["-rm", "sh", "-c", MOUNT, "sh"])
            .arg(&at)
            .arg(size);
        let mut holder = match command.stdout(Stdio::piped()).spawn() {
            Ok(holder) => holder,
            Err(error) => {
                println!("not run: unshare: {error}");
                return None;
            }
        };
        let mut said = String::new();
        let mut out = BufReader::new(holder.stdout.take().unwrap());
        out.read_line(&mut said).unwrap();
        // Who is outside sees it by way of the process that is inside.
        let root = PathBuf::from(format!("/proc/{}/root", holder.id()));
        let path = root.join(at.strip_prefix("/").unwrap());
        let disk = Self { holder, path };
        if said != "mounted\n" || std::fs::read_dir(&disk.path).is_err() {
            println!("not run: unshare -rm may not mount a tmpfs here");
            return None;
        }
        Some(disk)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes all the room that is left but so many bytes.
    pub(crate) fn fill(&self, but: usize) {
        let ballast = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.ballast());
        let mut ballast = ballast.unwrap();
        while ballast.write_all(&[b'x'; 4096]).is_ok() {}
        let length = ballast.metadata().unwrap().len();
        ballast.set_len(length.saturating_sub(but as u64)).unwrap();
    }

    /// Gives back all that was taken.
    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

//! A small disk that is really full: a `tmpfs` in a mount namespace of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Mounts the disk, and then gives it each size that it is told.
const HOLDER: &str = r#"
mount -t tmpfs -o size="$2" tmpfs "$1" && echo done &&
while read -r size; do mount -o remount,size="$size" "$1" && echo done || exit 1; done"#;

/// It is there for as long as the process that holds it.
pub(crate) struct SmallDisk {
    holder: Child,
    sizes: ChildStdin,
    answers: BufReader<ChildStdout>,
    mounted: PathBuf,
}

impl SmallDisk {
    /// A disk of `size`, mounted at a new folder `disk`; `None`, with the reason printed, where the
    /// machine lets nobody mount.
    pub(crate) fn mount(folder: &Path, size: &str) -> Option<Self> {
        let path = folder.canonicalize().unwrap().join("disk");
        std::fs::create_dir(&path).unwrap();
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", HOLDER, "sh"]);
        command.arg(&path).arg(size);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = match command.spawn() {
            Ok(holder) => holder,
            Err(error) => {
                println!("not run: unshare: {error}");
                return None;
            }
        };
        let (sizes, answers) = (holder.stdin.take().unwrap(), holder.stdout.take().unwrap());
        // Who is outside sees it by way of the process that is inside.
        let root = PathBuf::from(format!("/proc/{}/root", holder.id()));
        let mut disk = Self {
            holder,
            sizes,
            answers: BufReader::new(answers),
            mounted: root.join(path.strip_prefix("/").unwrap()),
        };
        if !disk.is_done() {
            println!("not run: unshare -rm may not mount a tmpfs here");
            return None;
        }
        Some(disk)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.mounted
    }

    pub(crate) fn resize(&mut self, size: &str) {
        writeln!(self.sizes, "{size}").unwrap();
        assert!(self.is_done(), "a disk of {size}");
    }

    fn is_done(&mut self) -> bool {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line == "done\n"
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

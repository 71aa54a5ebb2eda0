//! Training files on disk: how they are named, written and found again.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::error::Halt;
use crate::worker::RawJob;

/// Longest readable part of a file's name, in bytes.
const LONGEST_STEM: usize = 80;
/// Largest file that is read back, in bytes.
const LARGEST: u64 = 512 * 1024 * 1024;

/// The name of a job's file: the same at each attempt, and of no other job.
pub(super) fn file_name(job: &RawJob) -> String {
    format!("{}.jsonl", stem(&format!("{}-{}", job.queue(), job.id())))
}

/// A text made fit for a file's name; where that loses something, its hash keeps it apart.
pub(super) fn stem(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let stem: String = text
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .take(LONGEST_STEM)
        .collect();
    if stem == text {
        return stem;
    }
    let hash = sha1_smol::Sha1::from(text).digest().to_string();
    format!("{stem}-{}", hash.get(..12).unwrap_or_default())
}

/// Writes a file of the directory: whole or not at all, readable by its owner only. Once begun it
/// goes on even if the future is dropped; the next attempt writes the same file.
pub(super) async fn write(
    directory: PathBuf,
    name: &str,
    content: Vec<u8>,
) -> Result<PathBuf, Halt> {
    let path = directory.join(name);
    let temporary = directory.join(format!(".{name}.part"));
    let target = path.clone();
    let written = tokio::task::spawn_blocking(move || {
        fs::create_dir_all(&directory)?;
        let result = write_new(&temporary, &content).and_then(|()| fs::rename(&temporary, &target));
        if result.is_err() {
            let _gone_already = fs::remove_file(&temporary);
        }
        result
    })
    .await;
    match written {
        Ok(Ok(())) => Ok(path),
        Ok(Err(error)) => Err(Halt::attempt(format!(
            "cannot write `{}`: {error}",
            path.display()
        ))),
        Err(panic) => Err(Halt::attempt(panic)),
    }
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Reads a file of the directory. Job data names it, so nothing outside of the directory is read.
pub(super) async fn read(directory: PathBuf, path: &str) -> Result<Vec<u8>, String> {
    let asked = PathBuf::from(path);
    let read = tokio::task::spawn_blocking(move || read_inside(&directory, &asked)).await;
    read.map_err(|panic| panic.to_string())?
}

fn read_inside(directory: &Path, asked: &Path) -> Result<Vec<u8>, String> {
    let shown = directory.display();
    let root = directory
        .canonicalize()
        .map_err(|error| format!("the export directory `{shown}` cannot be opened: {error}"))?;
    // What `export` returned starts with the directory as it is configured.
    let below = asked.strip_prefix(directory).unwrap_or(asked);
    let file = root
        .join(below)
        .canonicalize()
        .map_err(|error| format!("it cannot be opened: {error}"))?;
    if !file.starts_with(&root) {
        return Err(format!("it is outside of the export directory `{shown}`"));
    }
    let size = fs::metadata(&file)
        .map_err(|error| error.to_string())?
        .len();
    if size > LARGEST {
        return Err("it is larger than 512 MiB, which the API does not take".into());
    }
    fs::read(&file).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_stay_apart() {
        assert_eq!(stem("fineTune-42"), "fineTune-42");
        assert_eq!(stem("a/../b"), "a____b-b2f10bc2fc49");
        assert_ne!(stem("a/b"), stem("a:b"));
        assert!(stem(&"x".repeat(500)).len() <= LONGEST_STEM + 13);
    }

    #[tokio::test]
    async fn a_file_is_written_whole_and_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("a/b");
        for content in ["first", "second"] {
            let path = write(inside.clone(), "x.jsonl", content.into())
                .await
                .unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            let read_back = read(inside.clone(), path.to_str().unwrap()).await;
            assert_eq!(read_back.unwrap(), content.as_bytes());
        }
        let names: Vec<_> = fs::read_dir(&inside).unwrap().collect();
        assert_eq!(names.len(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(inside.join("x.jsonl"))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn nothing_outside_of_the_directory_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("exports");
        fs::create_dir(&inside).unwrap();
        let outside = directory.path().join("secret");
        fs::write(&outside, "x").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        for path in ["../secret", outside.to_str().unwrap(), "link"] {
            let error = read(inside.clone(), path).await.unwrap_err();
            assert!(
                error.starts_with("it is outside of the export directory"),
                "{error}"
            );
        }
        assert!(read(inside.clone(), "missing").await.is_err());
    }
}

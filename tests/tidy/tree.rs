//! The files of the project, as text.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

/// A text file of the project.
pub(crate) struct Source {
    /// From the project's root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A line that breaks a rule.
pub(crate) struct Breach {
    path: String,
    line: usize,
    text: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text.trim())
    }
}

impl Source {
    /// Numbered lines that are not comments.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    pub(crate) fn breach(&self, (line, text): (usize, &str)) -> Breach {
        Breach { path: self.path.clone(), line, text: text.to_owned() }
    }

    /// Whether this file is one of `places`: files, or folders with a slash at the end.
    pub(crate) fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path == *place || place.ends_with('/') && self.path.starts_with(place))
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust below a folder of the project.
pub(crate) fn rust(folder: &str) -> Vec<Source> {
    let mut found = below(&root().join(folder));
    found.retain(|source| has_ending(&source.path, "rs"));
    assert!(!found.is_empty(), "there is no Rust in {folder}");
    found
}

/// Every text of the project but what builds and runs leave behind.
pub(crate) fn everything() -> Vec<Source> {
    below(root())
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// The names in a folder of the project.
pub(crate) fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[track_caller]
pub(crate) fn assert_none(breaches: &[Breach], rule: &str) {
    let list: Vec<String> = breaches.iter().map(Breach::to_string).collect();
    assert!(list.is_empty(), "{rule}\n{}", list.join("\n"));
}

pub(crate) fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == ending)
}

fn below(folder: &Path) -> Vec<Source> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let kept = entries.into_iter().filter(|path| !is_left_behind(path));
    kept.flat_map(|path| if path.is_dir() { below(&path) } else { source(&path).into_iter().collect() })
        .collect()
}

fn is_left_behind(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    matches!(&*name, "target" | ".git" | "node_modules" | ".env" | "proptest-regressions")
        || path.is_symlink()
}

/// `None` for what is not text.
fn source(path: &Path) -> Option<Source> {
    let text = String::from_utf8(fs::read(path).unwrap()).ok()?;
    let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    Some(Source { path, text })
}

//! Whether there is room to work: under the floor no new work begins, and whoever waits for it is told.

use super::Ctx;
use std::path::{Path, PathBuf};

/// A place that the bot writes to.
#[derive(Debug)]
pub struct Volume {
    /// The setting that names it, without its prefix.
    pub setting: &'static str,
    pub path: PathBuf,
    /// Bytes; the error says why nobody knows.
    pub free: std::io::Result<u64>,
    /// Bytes that must stay free.
    pub floor: u64,
}

/// There is too little room for new work; what is under way goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the bot's disk is nearly full: {} MiB are free, {} are kept; its operator has to make room", free >> 20, floor >> 20)]
pub struct Shortage {
    /// The setting that names the place, without its prefix.
    pub setting: &'static str,
    /// Bytes. Zero when it cannot be told.
    pub free: u64,
    pub floor: u64,
}

/// Bytes that are free for us where `path` is, or will be.
pub fn free_space(path: &Path) -> std::io::Result<u64> {
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let found = nix::sys::statvfs::statvfs(there)?;
    Ok(found.blocks_available().saturating_mul(found.fragment_size()))
}

/// Every place that the bot writes to, as it is now on this machine.
pub fn volumes(ctx: &Ctx) -> Vec<Volume> {
    let volume = |(setting, path): &(&'static str, PathBuf)| Volume {
        setting,
        path: path.clone(),
        free: (ctx.free_space)(path),
        floor: ctx.rules.keep.disk_floor,
    };
    ctx.rules.places.iter().map(volume).collect()
}

/// Refuses when a place has less room than it must have, or when that cannot be told.
pub fn check(ctx: &Ctx) -> Result<(), Shortage> {
    match volumes(ctx).iter().find_map(Volume::shortage) {
        Some(shortage) => Err(shortage),
        None => Ok(()),
    }
}

impl Volume {
    pub fn shortage(&self) -> Option<Shortage> {
        let free = *self.free.as_ref().unwrap_or(&0);
        (free < self.floor).then_some(Shortage { setting: self.setting, free, floor: self.floor })
    }
}

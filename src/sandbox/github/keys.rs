//! RSA keys for Apps, made by `openssl` or `ssh-keygen`: no library in the tree makes one.

use crate::sandbox::people::SandboxError;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// A private key in PEM (PKCS#1, as GitHub hands them out) and its public numbers: modulus and exponent.
#[derive(Clone)]
pub(crate) struct AppKey {
    pub(crate) pem: String,
    pub(crate) public: (Vec<u8>, Vec<u8>),
}

/// Keys of this process in the order they were made. The n-th App of every twin has the n-th, as making one is slow.
static MADE: Mutex<Vec<AppKey>> = Mutex::new(Vec::new());

/// The key of the App at `place` (0 for the first) of a twin.
pub(crate) fn key_for(place: usize) -> Result<AppKey, SandboxError> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    while made.len() <= place {
        made.push(make()?);
    }
    Ok(made[place].clone())
}

fn make() -> Result<AppKey, SandboxError> {
    let pem = by_openssl().or_else(by_ssh_keygen).ok_or(SandboxError::NoKeyTool)?;
    let public = public_numbers(&pem).ok_or(SandboxError::NoKeyTool)?;
    Ok(AppKey { pem, public })
}

fn is_pkcs1(pem: &str) -> bool {
    pem.starts_with("-----BEGIN RSA PRIVATE KEY-----")
}

fn by_openssl() -> Option<String> {
    // Before version 3 the option is unknown and the form the default.
    let ask = |args: &[&str]| {
        let output = Command::new("openssl").args(args).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned()).filter(|pem| is_pkcs1(pem))
    };
    ask(&["genrsa", "-traditional", "2048"]).or_else(|| ask(&["genrsa", "2048"]))
}

fn by_ssh_keygen() -> Option<String> {
    let scratch = tempfile::tempdir().ok()?;
    let path = scratch.path().join("key");
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f"]).arg(&path);
    keygen.output().ok()?;
    std::fs::read_to_string(path).ok().filter(|pem| is_pkcs1(pem))
}

/// Reads modulus and exponent: the second and third numbers of the key's DER sequence (RFC 8017, A.1.2).
fn public_numbers(pem: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let base64: String = pem.lines().filter(|l| !l.starts_with('-')).collect();
    let der = BASE64_STANDARD.decode(base64.trim()).ok()?;
    let (sequence, _) = element(&der, 0x30)?;
    let (_version, rest) = element(sequence, 0x02)?;
    let (modulus, rest) = element(rest, 0x02)?;
    let (exponent, _) = element(rest, 0x02)?;
    let positive = |number: &[u8]| number.iter().copied().skip_while(|b| *b == 0).collect();
    Some((positive(modulus), positive(exponent)))
}

/// Splits the first DER element off: its content, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match *length {
        short if short < 0x80 => (usize::from(short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (digits.iter().fold(0_usize, |sum, d| sum << 8 | usize::from(*d)), rest)
        }
    };
    if *first != tag {
        return None;
    }
    rest.split_at_checked(length)
}

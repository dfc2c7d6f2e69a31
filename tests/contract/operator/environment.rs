//! What other programs of the same user see of a running bot.

use super::place::Place;
use std::os::unix::fs::{PermissionsExt, chown};
use tokio::process::Command;

/// The user of the bot and of the other program, where the test may choose one: root may read everything.
const NOBODY: u32 = 65534;

fn as_nobody(command: &mut Command) -> &mut Command {
    if nix::unistd::geteuid().is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

/// What another program reads in `file` of the process.
async fn read(pid: u32, file: &str) -> String {
    let mut cat = Command::new("cat");
    let read = as_nobody(&mut cat).arg(format!("/proc/{pid}/{file}")).output().await.unwrap();
    String::from_utf8([read.stdout, read.stderr].concat()).unwrap()
}

#[tokio::test]
async fn nobody_reads_the_environment_of_the_bot() {
    let place = Place::new().await;
    let folder = place.folder.path();
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
    let program = folder.join("tasksgodzilla");
    std::fs::copy(env!("CARGO_BIN_EXE_tasksgodzilla"), &program).unwrap();
    if nix::unistd::geteuid().is_root() {
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut serve = place.command_of(&program, &["serve"]);
    let serving = Place::listens(as_nobody(&mut serve)).await;
    let pid = serving.pid();
    assert!(read(pid, "status").await.contains("tasksgodzilla"), "it is there");
    let environment = read(pid, "environ").await;
    assert!(environment.ends_with("Permission denied\n"), "{environment}");
    serving.stop().await;
}

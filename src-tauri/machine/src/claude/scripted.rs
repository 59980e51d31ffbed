//! A `claude` that does what a test wants: a shell script in the place of the program.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Puts a program there that runs `script`.
pub fn put(program: &Path, script: &str) {
    // By another process: while this one has the file open for writing, a child that another test starts has it open too, and then it
    // cannot be executed.
    let mut writer = Command::new("/bin/sh")
        .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
        .arg(program)
        .stdin(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdin = writer.stdin.take().expect("a pipe");
    stdin.write_all(format!("#!/bin/sh\n{script}\n").as_bytes()).expect("written");
    drop(stdin);
    assert!(writer.wait().expect("ended").success());
}

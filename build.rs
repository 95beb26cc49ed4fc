//! Passes the revision and the version of the compiler to the program.

use std::process::Command;

fn main() {
    // A release archive has no git folder; a packager names the revision by this variable.
    println!("cargo:rerun-if-env-changed=SLOD_REVISION");
    // Debug builds leave the revision out, because it would recompile the program after every commit.
    println!("cargo:rerun-if-changed=build.rs");
    let debug = std::env::var("PROFILE").is_ok_and(|profile| profile == "debug");
    if !debug {
        println!("cargo:rerun-if-changed=.git/HEAD");
        println!("cargo:rerun-if-changed=.git/refs/heads");
    }
    let revision = std::env::var("SLOD_REVISION")
        .ok()
        .or_else(|| output("git", &["rev-parse", "--short=12", "HEAD"]).filter(|_| !debug))
        .unwrap_or_else(|| "unknown".to_owned());
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = output(&rustc, &["--version"]).unwrap_or_default();
    let version = version.split(' ').nth(1).unwrap_or("unknown");
    println!("cargo:rustc-env=SLOD_BUILD_REVISION={revision}");
    println!("cargo:rustc-env=SLOD_BUILD_RUSTC={version}");
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

//! The image: what is in it and nothing else, nothing of it writable, run by nobody in particular, and a bill of materials that
//! names every crate that is linked into it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::bed::root;

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn blob(layout: &Path, descriptor: &Value) -> PathBuf {
    layout.join("blobs/sha256").join(descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap())
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// Every file below a folder, by its path from there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let listed = run(Command::new("find").args([".", "-mindepth", "1"]).current_dir(folder));
    listed.lines().map(|line| PathBuf::from(line.strip_prefix("./").unwrap())).collect()
}

#[test]
fn the_image_holds_the_program_and_what_it_needs_and_nothing_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let (tar, layout, content) =
        (folder.path().join("image.tar"), folder.path().join("layout"), folder.path().join("root"));
    let make = || {
        let binary = env!("CARGO_BIN_EXE_headroom");
        run(Command::new(root().join("tests/bed/image")).args(["headroom:test", tar.to_str().unwrap(), binary]))
    };
    let said = make();
    assert!(said.starts_with("headroom:test sha256:") && said.contains(" bytes, "), "{said}");
    assert_eq!(make(), said, "the same files give the same image");
    for (archive, place) in [(tar.clone(), &layout), (PathBuf::new(), &content)] {
        fs::create_dir(place).unwrap();
        let archive = if archive.as_os_str().is_empty() {
            let manifest = read(&blob(&layout, &read(&layout.join("index.json"))["manifests"][0]));
            let config = read(&blob(&layout, &manifest["config"]));
            let wanted = json!({
                "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "WorkingDir": "/", "User": "65532:65532",
                "Entrypoint": ["/usr/local/bin/headroom"], "Cmd": ["run"],
            });
            assert_eq!(config["config"], wanted);
            assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
            blob(&layout, &manifest["layers"][0])
        } else {
            archive
        };
        run(Command::new("tar")
            .arg("--extract")
            .arg("--preserve-permissions")
            .arg("--file")
            .arg(&archive)
            .arg("--directory")
            .arg(place));
    }

    let all = files(&content);
    for path in &all {
        let mode = fs::symlink_metadata(content.join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o222, 0, "{} can be written: {mode:o}", path.display());
        assert_eq!(mode & 0o6000, 0, "{} changes who runs it: {mode:o}", path.display());
    }
    let is_library = |path: &Path| path.starts_with("lib") || path.starts_with("lib64") || path.starts_with("usr/lib");
    let others: BTreeSet<&str> = all
        .iter()
        .filter(|path| content.join(path).is_file() && !is_library(path))
        .map(|path| path.to_str().unwrap())
        .collect();
    let wanted = [
        "etc/ssl/certs/ca-certificates.crt",
        "usr/local/bin/headroom",
        "usr/share/doc/headroom/LICENSE",
        "usr/share/doc/headroom/headroom.cdx.json",
    ];
    assert_eq!(others, BTreeSet::from(wanted));

    check_bill(&read(&content.join(wanted[3])));
}

/// Held against cargo's own view of what is linked.
fn check_bill(bill: &Value) {
    assert_eq!((&bill["bomFormat"], &bill["metadata"]["component"]["name"]), (&json!("CycloneDX"), &json!("headroom")));
    let host = run(Command::new("rustc").args(["--version", "--verbose"]));
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let tree = run(Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--no-dedupe",
            "--target",
            host,
        ])
        .current_dir(root()));
    let mut linked: BTreeSet<(String, String)> = BTreeSet::new();
    for line in tree.lines() {
        let (name, version) = line.split_once(" v").unwrap();
        linked.insert((name.to_owned(), version.split(' ').next().unwrap().to_owned()));
    }
    assert!(linked.remove(&("headroom".to_owned(), env!("CARGO_PKG_VERSION").to_owned())));
    let components = bill["components"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let listed: BTreeSet<(String, String)> =
        components.iter().map(|component| (text(&component["name"]), text(&component["version"]))).collect();
    let missing: Vec<_> = linked.difference(&listed).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // The tool also names what features that are off would bring; nothing that is not locked.
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for (name, version) in &listed {
        assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")), "{name} {version}");
    }
    for component in components {
        let name = &component["name"];
        assert!(component["licenses"].as_array().is_some_and(|all| !all.is_empty()), "{name} has no licence");
        assert_eq!(component["hashes"][0]["alg"], "SHA-256", "{name}");
        assert!(component["purl"].as_str().is_some_and(|purl| purl.starts_with("pkg:cargo/")), "{name}");
    }
    println!("{} crates in the bill of materials, {} linked", listed.len(), linked.len());
}

/// One tool, in one version, whoever makes the image.
#[test]
fn the_dockerfile_makes_the_bill_with_the_same_tool() {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let script = read("tests/bed/sbom");
    let version = script.lines().find_map(|line| line.strip_prefix("CARGO_CYCLONEDX=")).unwrap();
    assert!(read("Dockerfile").contains(&format!("--version {version} cargo-cyclonedx")), "{version}");
}

//! The wall clock of one process, wrong by as much as a test says, whenever it says so: `tests/bed/skew.c`, loaded into it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::bed::{bed, root};

/// For one process; right until it is told otherwise.
pub struct Skew {
    file: PathBuf,
}

/// Built once for all.
fn library() -> &'static PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let library = bed().dir.join("skew.so");
        let source = root().join("tests/bed/skew.c");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
        assert!(built.expect("cc can be run").success());
        library
    })
}

impl Skew {
    pub fn new(name: &str) -> Skew {
        let skew = Skew { file: bed().dir.join(format!("skew-{name}")) };
        skew.set(0);
        skew
    }

    /// From now on the process's clock is ahead of the right time by so many seconds.
    pub fn set(&self, seconds: i64) {
        // Put in place as a whole: a clock is read at any time.
        let fresh = self.file.with_extension("fresh");
        std::fs::write(&fresh, seconds.to_string()).unwrap();
        std::fs::rename(fresh, &self.file).unwrap();
    }

    /// What its process must be started with.
    pub fn environment(&self) -> Vec<(String, String)> {
        let (library, file) = (library().display().to_string(), self.file.display().to_string());
        vec![("LD_PRELOAD".to_owned(), library), ("HEADROOM_SKEW".to_owned(), file)]
    }
}

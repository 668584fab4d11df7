//! `headroom crd`: the `CustomResourceDefinitions`, as `crds/` holds them.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::api;
use crate::yaml;

/// What `headroom crd` is given.
#[derive(Debug, Args)]
pub struct CrdArguments {
    /// Write one file per kind into this folder instead of printing.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Prints them, or writes them.
pub fn print(arguments: &CrdArguments) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for (file, definition) in api::definitions() {
        let text = yaml::print(&definition).context("failed to print a definition")?;
        match &arguments.out {
            None => write!(out, "---\n{text}").context("failed to print")?,
            Some(folder) => {
                let path = folder.join(file);
                std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
            }
        }
    }
    Ok(())
}

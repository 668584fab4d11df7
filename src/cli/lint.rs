//! `headroom lint`: reads files, prints findings, and ends in an exit code. What is wrong with a file is `crate::lint`'s
//! to say.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::controller::observe;
use crate::lint::finding::Severity;
use crate::lint::{self, Options, Report, Source, print};

/// Findings of severity error, or warnings under --strict.
const FOUND: u8 = 1;
/// A file could not be read.
const COULD_NOT: u8 = 2;

/// What `headroom lint` is given.
#[derive(Debug, Args)]
pub struct LintArguments {
    /// Files, folders (searched for *.yaml and *.yml), or - for standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The files are all there is: a reference that leads out of them is an error.
    #[arg(long)]
    closed: bool,
    /// Warnings count as errors.
    #[arg(long)]
    strict: bool,
    /// The namespace of objects that name none, as kubectl's option of that name.
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Templates that are not YAML are noted and passed over.
    #[arg(long)]
    skip_templates: bool,
    /// How findings are printed.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A line each.
    Human,
    /// One JSON object.
    Json,
    /// Annotations of GitHub Actions.
    Github,
}

/// Reads, looks, prints.
pub fn run(arguments: LintArguments) -> ExitCode {
    let mut sources: Vec<Source> = Vec::new();
    let mut unread = false;
    for path in &arguments.files {
        match read(path) {
            Ok(read) => {
                let new = read.into_iter().filter(|source| sources.iter().all(|there| there.name != source.name));
                let new: Vec<Source> = new.collect();
                sources.extend(new);
            }
            Err(error) => {
                eprintln!("headroom: {error:#}");
                unread = true;
            }
        }
    }
    let options = Options {
        closed: arguments.closed,
        namespace: arguments.namespace,
        skip_templates: arguments.skip_templates,
        trouble: observe::trouble,
    };
    let report = lint::lint(&sources, &options);
    let mut out = std::io::stdout().lock();
    let text = match arguments.format {
        Format::Human => print::human(&report, out.is_terminal() && std::env::var_os("NO_COLOR").is_none()),
        Format::Json => print::machine(&report),
        Format::Github => print::github(&report),
    };
    // Whoever closes the pipe early has seen enough.
    let _ = out.write_all(text.as_bytes());
    code(&report, arguments.strict, unread)
}

fn code(report: &Report, strict: bool, unread: bool) -> ExitCode {
    let found = report.count(Severity::Error) > 0 || (strict && report.count(Severity::Warning) > 0);
    match (unread, found) {
        (true, _) => ExitCode::from(COULD_NOT),
        (false, true) => ExitCode::from(FOUND),
        (false, false) => ExitCode::SUCCESS,
    }
}

/// Reads files that are to be used: None if lint finds an error in them, which is printed as lint prints it.
pub(super) fn without_errors(paths: &[PathBuf], namespace: Option<String>) -> anyhow::Result<Option<Vec<Source>>> {
    let mut sources = Vec::new();
    for path in paths {
        sources.extend(read(path)?);
    }
    let options = Options { closed: false, namespace, skip_templates: false, trouble: observe::trouble };
    let report = lint::lint(&sources, &options);
    if report.count(Severity::Error) > 0 {
        eprint!("{}", print::human(&report, false));
        return Ok(None);
    }
    Ok(Some(sources))
}

fn read(path: &Path) -> anyhow::Result<Vec<Source>> {
    if path == Path::new("-") {
        let mut content = Vec::new();
        std::io::stdin().lock().read_to_end(&mut content).context("failed to read standard input")?;
        return Ok(vec![Source { name: "<stdin>".to_owned(), content }]);
    }
    let failed = || format!("failed to read {}", path.display());
    if !std::fs::metadata(path).with_context(failed)?.is_dir() {
        let content = std::fs::read(path).with_context(failed)?;
        return Ok(vec![Source { name: path.display().to_string(), content }]);
    }
    let mut sources = Vec::new();
    let mut entries: Vec<_> =
        std::fs::read_dir(path).with_context(failed)?.collect::<Result<_, _>>().with_context(failed)?;
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let is_yaml = entry.path().extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        // A link to a folder could lead round in a circle.
        let is_folder = entry.file_type().with_context(failed)?.is_dir();
        if (is_folder && !is_hidden) || (!is_folder && is_yaml) {
            sources.extend(read(&entry.path())?);
        }
    }
    Ok(sources)
}

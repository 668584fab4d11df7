//! The command line: raw arguments become typed settings here, and every command ends in an exit code.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod crd;
mod lint;
mod run;

/// A load-aware campaign scheduler for Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "headroom", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator.
    Run(Box<run::RunArguments>),
    /// Print the `CustomResourceDefinitions` as YAML.
    Crd(crd::CrdArguments),
    /// Check Campaigns, `CapacityPools` and Senders before they are applied.
    Lint(lint::LintArguments),
}

/// Parses the arguments and does what they say.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Run(arguments) => run::run(*arguments),
        Command::Crd(arguments) => crd::print(&arguments),
        // Its exit code says what was found.
        Command::Lint(arguments) => return lint::run(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headroom: {error:#}");
            ExitCode::FAILURE
        }
    }
}

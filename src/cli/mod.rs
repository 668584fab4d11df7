//! The command line: raw arguments become typed settings here, and every command ends in an exit code.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use jiff::SignedDuration;

use crate::plan::units::Span;
use crate::sim::moment::Played;

mod access;
mod approve;
mod cluster;
mod crd;
mod demo;
mod hold;
mod lint;
mod plan;
mod plot;
mod resolve;
mod restore;
mod run;
mod screen;
mod simulate;
mod suggest;
mod summary;
mod switch;
mod why;

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
    /// Watch the operator at work in a simulated world; nothing else is needed.
    Demo(demo::DemoArguments),
    /// Play campaigns, pools and senders from files against a simulated cluster and day.
    Simulate(simulate::SimulateArguments),
    /// Say what would happen, were these files applied to the live cluster; nothing is written.
    Plan(plan::PlanArguments),
    /// Say why a Campaign stands where it stands: every check of its gate, and what has to change.
    Why(why::WhyArguments),
    /// Propose what an owner does not know, from the live Prometheus; nothing is written.
    Suggest(suggest::SuggestArguments),
    /// Hold a Campaign: no further wave goes, whatever Git says, until it is resumed.
    Pause(hold::ReasonArguments),
    /// Lift the hold of a Campaign.
    Resume(hold::ResumeArguments),
    /// End a Campaign for good.
    Abort(hold::ReasonArguments),
    /// Approve exactly this spec of a Campaign.
    Approve(approve::ApproveArguments),
    /// Say what became of a wave of which nobody knows, or that its receiver did not take.
    Resolve(resolve::ResolveArguments),
    /// Stop every release, or those of one pool.
    Stop(switch::StopArguments),
    /// Lift a stop.
    Go(switch::GoArguments),
    /// Give back all borrowed scale, whether an operator runs or not; nothing goes any more.
    Restore(restore::RestoreArguments),
}

/// Parses the arguments and does what they say.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Run(arguments) => run::run(*arguments),
        Command::Crd(arguments) => crd::print(&arguments),
        // Its exit code says what was found.
        Command::Lint(arguments) => return lint::run(arguments),
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Simulate(arguments) => return simulate::simulate(&arguments),
        Command::Plan(arguments) => return plan::plan(&arguments),
        Command::Why(arguments) => why::why(&arguments),
        Command::Suggest(arguments) => suggest::suggest(&arguments),
        Command::Pause(arguments) => hold::pause(&arguments),
        Command::Resume(arguments) => hold::resume(&arguments),
        Command::Abort(arguments) => hold::abort(&arguments),
        Command::Approve(arguments) => approve::approve(&arguments),
        Command::Resolve(arguments) => resolve::resolve(&arguments),
        Command::Stop(arguments) => switch::stop(&arguments),
        Command::Go(arguments) => switch::go(&arguments),
        Command::Restore(arguments) => restore::restore(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headroom: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a text. A reader that has gone away, such as `head`, is no reason to fail.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A span of time above nothing, as an argument.
fn span(text: &str) -> Result<SignedDuration, String> {
    Span::parse(text).map(Span::to_duration).map_err(|error| error.to_string())
}

/// Tells what a simulated story came to: in words, or as JSON for machines.
fn tell(played: &Played, json: bool) -> anyhow::Result<()> {
    let text = if json { serde_json::to_string(played).context("failed to print")? } else { summary::tell(played) };
    say(&text);
    Ok(())
}

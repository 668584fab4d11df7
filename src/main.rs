//! The thin binary: one TLS provider for the whole process, then the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Two providers in one process make rustls panic at first use; this one is chosen before anything else runs.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("headroom: a TLS provider was installed before the program began");
        return ExitCode::FAILURE;
    }
    headroom::cli::main()
}

//! The machine that figures were seen on, in one line, and the processor time that they are told in: other work on the
//! same machine makes a wall clock lie.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Processor, cores, and the compiler.
pub fn told() -> String {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let compiler = std::process::Command::new("rustc").arg("--version").output().ok();
    let compiler = compiler.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    format!("{}, {cores} cores, {compiler}; processor time of one thread", model.unwrap_or("an unknown processor"))
}

/// How long this thread has been at work.
pub fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

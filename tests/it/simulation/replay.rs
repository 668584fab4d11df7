//! The same seed is the same story, byte for byte: in the same process, after other seeds, on another thread, and in
//! another process. The digest is of every call and answer, every line of a watch, every request and every line of the log.

use std::process::Command;

use headroom::sim::tape::Tape;

use super::run;

/// Seeds in which much goes wrong, and one in which nothing does.
const SEEDS: [u64; 6] = [1, 2, 3, 17, 40, 99];
/// When set, the test tells the digest of this seed and nothing else.
const ASKED: &str = "HEADROOM_SIM_TELL";
const MANY: usize = 1_000_000;

fn digest(seed: u64) -> (u64, u64) {
    let tape = Tape::keeping(0);
    run::play(seed, &tape);
    (tape.digest(), tape.count())
}

/// The first line in which two tellings of a seed differ, with what was before it.
fn first_difference(seed: u64) -> String {
    let tell = || {
        let tape = Tape::keeping(MANY);
        run::play(seed, &tape);
        tape.lines()
    };
    let (one, other) = (tell(), tell());
    let same = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let show =
        |lines: &[String]| lines.iter().skip(same.saturating_sub(8)).take(12).cloned().collect::<Vec<_>>().join("\n");
    format!("after {same} equal lines:\n{}\n-- and --\n{}", show(&one), show(&other))
}

#[test]
fn a_seed_played_again_gives_the_same_bytes() {
    for seed in SEEDS {
        let (first, count) = digest(seed);
        assert!(count > 100, "seed {seed}: a world in which {count} things happen shows nothing");
        // Others in between, so that nothing may be left over from them.
        digest(seed + 1_000);
        let on_another_thread = std::thread::spawn(move || digest(seed)).join().unwrap();
        let again = digest(seed);
        assert!(again == (first, count) && on_another_thread == again, "seed {seed}: {}", first_difference(seed));
    }
}

#[test]
fn another_seed_gives_other_bytes() {
    assert_ne!(digest(1), digest(2));
}

#[test]
fn another_process_gives_the_same_bytes() {
    if let Ok(seed) = std::env::var(ASKED) {
        let seed = seed.parse().unwrap();
        let (digest, count) = digest(seed);
        if std::env::var("HEADROOM_SIM_LINES").is_ok() {
            let tape = Tape::keeping(MANY);
            run::play(seed, &tape);
            tape.lines().iter().for_each(|line| println!("{line}"));
        }
        println!("digest {digest:016x} {count}");
        return;
    }
    for seed in SEEDS {
        let (digest, count) = digest(seed);
        let told = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "simulation::replay::another_process_gives_the_same_bytes", "--nocapture"])
            .env(ASKED, seed.to_string())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let expected = format!("digest {digest:016x} {count}");
        assert!(told.lines().any(|line| line.contains(&expected)), "seed {seed}: {expected}, but: {told}");
    }
}

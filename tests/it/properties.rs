//! Properties of the pure decision, and of everything that reads what people write: each over a hundred thousand worlds or
//! texts. A case that fails is shrunk and printed, and kept in `proptest-regressions`. Needs no bed.

use proptest::prelude::ProptestConfig;

mod gate;
mod gates;
mod parts;
mod schedule;
mod waves;
mod words;
mod world;
mod worlds;

/// How many cases each property is held against, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 100_000;

fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::with_cases(asked.unwrap_or(CASES)) }
}

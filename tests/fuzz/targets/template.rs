//! Hands what the fuzzer makes to `template`; judges nothing itself.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    headroom_fuzz::template::holds(data);
});

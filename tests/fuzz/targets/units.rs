//! Hands what the fuzzer makes to `units`; judges nothing itself.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    headroom_fuzz::units::holds(data);
});

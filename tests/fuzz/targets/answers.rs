//! Hands what the fuzzer makes to `answers`; judges nothing itself.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    headroom_fuzz::answers::holds(data);
});

//! Hands what the fuzzer makes to `yaml`; judges nothing itself.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    headroom_fuzz::only_what_comes_out();
    headroom_fuzz::yaml::holds(data);
});

//! Runs `gino_fuzz::codec` on whatever libFuzzer finds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gino_fuzz::codec::run(data));

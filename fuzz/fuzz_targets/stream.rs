//! Runs `gino_fuzz::stream` on whatever libFuzzer finds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gino_fuzz::stream::run(data));

//! Runs `gino_fuzz::text` on whatever libFuzzer finds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gino_fuzz::text::run(data));

//! Runs `gino_fuzz::conninfo` on whatever libFuzzer finds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gino_fuzz::conninfo::run(data));

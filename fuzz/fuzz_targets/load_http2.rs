#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slod_fuzz::feed("load_http2", data));

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slod_fuzz::feed("websocket", data));

//! Fuzzes [`Target::Text`](graphc_fuzz::Target).
#![no_main]

graphc_fuzz::fuzz!(graphc_fuzz::Target::Text);

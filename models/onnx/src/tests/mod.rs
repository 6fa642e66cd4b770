//! Tests on small models made of messages: what a model becomes, and what it is refused for.

mod control;
mod import;
mod net;
mod numbers;
mod opsets;
mod sequences;
mod shapes;
mod spatial;
mod tables;

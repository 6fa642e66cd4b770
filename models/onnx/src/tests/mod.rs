//! Tests on small models made of messages: what a model becomes, and what it is refused for.

mod attention;
mod attention_limits;
mod contrib;
mod control;
mod import;
mod net;
mod numbers;
mod operands;
mod opsets;
mod quantized;
mod sequences;
mod shapes;
mod spatial;
mod tables;

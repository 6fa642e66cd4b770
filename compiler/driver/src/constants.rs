//! Contents of constants, streamed from where they lie into the artifact.

use graphc_base::PrimaryMap;
use graphc_ir::{ConstId, Graph};
use graphc_program::{ConstRef, ConstSource};
use std::io::{self, Write};

/// Constants of a graph as a source for an artifact.
pub(crate) struct GraphConstants<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) consts: &'a PrimaryMap<ConstRef, ConstId>,
}

impl ConstSource for GraphConstants<'_> {
    fn write(&mut self, constant: ConstRef, to: &mut dyn Write) -> io::Result<()> {
        let constant = &self.graph.consts[self.consts[constant]];
        match constant.bytes() {
            Some(bytes) => to.write_all(bytes),
            None => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("constant {:?} has no bytes of its own", constant.name),
            )),
        }
    }
}

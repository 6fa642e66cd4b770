//! Model files and tensors as the importer meets them: what is read without copying, and what is refused and how.

mod build;
mod external;
mod files;
mod graphs;
mod mutate;
mod tensors;

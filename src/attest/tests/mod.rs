//! The checks, against a cluster that lives in memory.

mod explained;
mod rows;
mod signed;
mod world;

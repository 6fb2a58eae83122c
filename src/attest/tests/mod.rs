//! The checks, against a cluster that lives in memory.

mod explained;
mod payload;
mod remedies;
mod rows;
mod signed;
mod trails;
mod words;
mod world;

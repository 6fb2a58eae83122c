//! Attacks on signatures, keys of every shape, and the life of a key set, each rule as a statement.

mod attacks;
mod entries;
mod life;
mod ring;
mod signer;

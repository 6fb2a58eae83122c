//! Gives the shared library its SONAME and keeps it mapped once loaded.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // ELF alone knows these arguments; other targets name and unload libraries their own way.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // The number is the ABI's, `PSAT_ABI_VERSION`.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libpsat_attestor.so.1");
        // Threads of the library may still run when a host calls dlclose.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}

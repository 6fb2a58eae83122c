//! Attests one payload: `attest CONFIG PAYLOAD`, both files.

use std::process::ExitCode;

use psat_attestor::Attestor;

fn main() -> ExitCode {
    let files: Vec<_> = std::env::args_os().skip(1).collect();
    let [config, payload] = files.as_slice() else {
        eprintln!("usage: attest CONFIG PAYLOAD");
        return ExitCode::from(2);
    };
    let (Ok(config), Ok(payload)) = (std::fs::read(config), std::fs::read(payload)) else {
        eprintln!("attest: the files cannot be read");
        return ExitCode::from(2);
    };

    let attestor = match Attestor::new(&config) {
        Ok((attestor, _notes)) => attestor,
        Err(answer) => {
            eprintln!("attest: {}", answer.document.as_str());
            return ExitCode::from(2);
        }
    };
    let answer = attestor.attest(&payload, br#"{"timeout_ms": 5000}"#);
    println!("{}", answer.document.as_str());
    ExitCode::from(u8::from(answer.code != 0))
}

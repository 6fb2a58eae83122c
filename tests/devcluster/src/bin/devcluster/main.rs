//! The dev cluster as a command. `devcluster --help` tells what it does.

mod arguments;
mod directory;
mod run;

use std::process::ExitCode;

use arguments::{Command, HELP};

fn main() -> ExitCode {
    let outcome = match Command::parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        Ok(Command::Serve { directory, options }) => run::serve(&directory, &options),
        Ok(Command::Exec { options, program, arguments }) => run::exec(&options, &program, &arguments),
        Ok(Command::Token { directory, request }) => run::token(&directory, &request),
        Err(error) => Err(format!("{error}; see devcluster --help")),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("devcluster: {error}");
        ExitCode::from(2)
    })
}

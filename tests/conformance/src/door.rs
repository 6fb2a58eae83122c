//! Doors: the ways into the library that the same cases are run through.

use crate::format::Via;

/// What is handed to a door; `None` = the NULL pointer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) config: Option<Vec<u8>>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) options: Option<Vec<u8>>,
}

/// What came back.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    /// The code returned.
    pub(crate) code: i32,
    /// The document; empty where there is none.
    pub(crate) document: Vec<u8>,
}

/// One way into the library. Each worker has its own.
pub(crate) trait Door: Send {
    /// Makes an attestor, attests once, frees it. If it cannot be made or configured, that is the reply.
    fn attest(&mut self, via: Via, request: &Request) -> Result<Reply, String>;

    /// Judges a configuration.
    fn validate(&mut self, config: Option<&[u8]>) -> Result<Reply, String>;

    /// Ends, and returns the statistics' document. No door of the same name is in use any more.
    fn finish(&mut self) -> Result<Reply, String>;
}

/// A door as named on the command line.
#[derive(Clone, Debug)]
pub(crate) struct DoorName {
    /// How the output calls it.
    pub(crate) label: String,
    /// The program; `None` = in process.
    pub(crate) program: Option<String>,
}

impl DoorName {
    /// Reads `rust` or `label=program`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((label, program)) if !label.is_empty() && !program.is_empty() => {
                Ok(Self { label: label.to_owned(), program: Some(program.to_owned()) })
            }
            None if text == "rust" => Ok(Self { label: text.to_owned(), program: None }),
            _ => Err(format!("a door is `rust` or `label=program`, not {text:?}")),
        }
    }

    /// Opens it.
    pub(crate) fn open(&self) -> Result<Box<dyn Door>, String> {
        match &self.program {
            Some(program) => Ok(Box::new(crate::door_process::ProcessDoor::start(program)?)),
            None => Ok(Box::new(crate::door_rust::RustDoor)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_are_named_on_the_command_line() {
        assert_eq!(DoorName::parse("c=./door").expect("a door").program.as_deref(), Some("./door"));
        assert!(DoorName::parse("rust").expect("a door").program.is_none());
        assert!(DoorName::parse("go").is_err() && DoorName::parse("c=").is_err());
    }
}

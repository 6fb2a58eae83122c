//! The ABI's numbers. Plain constants, because cbindgen expands no macros; a test holds them against the table in
//! `outcome`.

/// The version of this ABI. It changes only when programs that were built with an earlier one would break.
pub const PSAT_ABI_VERSION: u32 = 1;

/// The call succeeded.
pub const PSAT_OK: i32 = 0;

/// A pointer that must not be NULL was.
pub const PSAT_NULL_POINTER: i32 = 1000;

/// The queue is closed.
pub const PSAT_CLOSED: i32 = 1001;

/// The handle was made before a fork and is used in the child.
pub const PSAT_FORKED: i32 = 1002;

/// A fault inside the library ended the call.
pub const PSAT_PANIC: i32 = 1003;

/// `options` is not the JSON object that the function takes.
pub const PSAT_OPTIONS_MALFORMED: i32 = 1004;

/// `psat_completion_t.kind`: an attestation has ended.
pub const PSAT_COMPLETION_ATTESTATION: u32 = 1;

/// `psat_completion_t.kind`: a log record.
pub const PSAT_COMPLETION_EVENT: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{ErrorStyle, Reason};

    #[test]
    fn constants_agree_with_the_table() {
        for (constant, reason) in [
            (PSAT_OK, Reason::Ok),
            (PSAT_NULL_POINTER, Reason::NullPointer),
            (PSAT_CLOSED, Reason::Closed),
            (PSAT_FORKED, Reason::Forked),
            (PSAT_PANIC, Reason::Panic),
            (PSAT_OPTIONS_MALFORMED, Reason::OptionsMalformed),
        ] {
            assert_eq!(constant, reason.code(ErrorStyle::Precise), "{}", reason.word());
        }
    }
}

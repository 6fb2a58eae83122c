//! Names in messages, quoted as Go's `%q` does, so that a log search written for SPIRE's words finds ours.
//!
//! A name may come from an agent that nobody knows yet: control characters are escaped, and a long one is cut.

use std::fmt::Write;

use serde::Serialize;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// Characters of a name that a message shows. Names that Kubernetes or SPIFFE allow to be longer are rare, and what
/// an agent invents shall not fill the log.
const MAX_SHOWN: usize = 128;

/// `name` as Go's `%q` (`strconv.Quote`) writes it. After 128 characters it is cut, and `…` stands for the rest,
/// inside the quotes.
#[must_use]
pub fn quoted(name: &str) -> String {
    let mut out = String::with_capacity(name.len().min(MAX_SHOWN) + 2);
    push_quoted(&mut out, name);
    out
}

/// `names` as Go's `%q` writes a `[]string`: `["a" "b"]`, each name cut as [`quoted`] does; none is `[]`.
#[must_use]
pub fn quoted_list(names: &[String]) -> String {
    let mut out = String::from("[");
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            out.push(' ');
        }
        push_quoted(&mut out, name);
    }
    out.push(']');
    out
}

/// `value` as JSON, which is YAML and HCL too: for what is to be pasted, and so never cut.
#[must_use]
pub fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Whether a shell takes `text` for one word, as it stands, and no command for an option.
#[must_use]
pub fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '/');
    !text.is_empty() && !text.starts_with('-') && text.chars().all(plain)
}

fn push_quoted(out: &mut String, name: &str) {
    let mut rest = name.chars();
    out.push('"');
    for c in rest.by_ref().take(MAX_SHOWN) {
        push_escaped(out, c);
    }
    if rest.next().is_some() {
        out.push('…');
    }
    out.push('"');
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' | '\\' => out.extend(['\\', c]),
        _ if is_printable(c) => out.push(c),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        _ => push_number(out, u32::from(c)),
    }
}

fn push_number(out: &mut String, code: u32) {
    let written = match code {
        0..0x80 => write!(out, "\\x{code:02x}"),
        0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
    debug_assert!(written.is_ok(), "a String takes everything");
}

/// Go's `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space. Characters that a later
/// Unicode version added than the one that Go knows are printable here and escaped there.
fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        _ if c.is_ascii() => false,
        _ => !matches!(
            c.general_category_group(),
            GeneralCategoryGroup::Separator | GeneralCategoryGroup::Other
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Go 1.26: `fmt.Printf("%q", …)`.
    const GO_SAYS: &[(&str, &str)] = &[
        ("", r#""""#),
        ("demo", r#""demo""#),
        ("two words", r#""two words""#),
        ("a\"b\\c'", r#""a\"b\\c'""#),
        ("\x07\x08\x0c\n\r\t\x0b\x00\x1f\x7f", r#""\a\b\f\n\r\t\v\x00\x1f\x7f""#),
        ("\u{e9}\u{2026}\u{65e5}\u{672c}", r#""é…日本""#),
        ("\u{a0}", r#""\u00a0""#),
        ("\u{ad}", r#""\u00ad""#),
        ("\u{200b}", r#""\u200b""#),
        ("\u{2028}", r#""\u2028""#),
        ("\u{3000}", r#""\u3000""#),
        ("\u{feff}", r#""\ufeff""#),
        ("\u{fffd}", r#""�""#),
        ("e\u{301}", "\"e\u{301}\""),
        ("\u{20ac}\u{bd}\u{2167}", r#""€½Ⅷ""#),
        ("\u{1f600}", r#""😀""#),
        ("\u{e0001}", r#""\U000e0001""#),
        ("\u{e000}", r#""\ue000""#),
        ("\u{10ffff}", r#""\U0010ffff""#),
        ("\u{378}", r#""\u0378""#),
        ("\u{85}", r#""\u0085""#),
        ("\u{202e}", r#""\u202e""#),
        ("`${x}%s", r#""`${x}%s""#),
    ];

    #[test]
    fn names_are_quoted_as_go_does() {
        for (name, go) in GO_SAYS {
            assert_eq!(quoted(name), *go);
        }
    }

    #[test]
    fn a_name_is_cut_after_128_characters_inside_the_quotes() {
        let whole = "é".repeat(128);
        assert_eq!(quoted(&whole), format!("\"{whole}\""));
        assert_eq!(quoted(&format!("{whole}x")), format!("\"{whole}…\""));
        assert_eq!(quoted(&"\n".repeat(1000)), format!("\"{}…\"", "\\n".repeat(128)));
    }

    #[test]
    fn a_word_is_one_to_every_shell() {
        for text in ["a b", "$(id)", "a;b", "-f", "a'b", "a\nb", "", "~"] {
            assert!(!is_word(text), "{text:?}");
        }
        assert!(is_word("agent-1.x") && is_word("/etc/t.jwt"));
    }

    #[test]
    fn what_is_to_be_pasted_is_not_cut() {
        let long = "x".repeat(1000);
        assert_eq!(json(&long), format!("\"{long}\""));
        assert_eq!(json(&["a", "b\""]), r#"["a","b\""]"#);
    }

    #[test]
    fn lists_are_quoted_as_go_does() {
        for (names, go) in [
            (&[][..], "[]"),
            (&["a"], r#"["a"]"#),
            (&["a", "b"], r#"["a" "b"]"#),
            (&["a b", "\""], r#"["a b" "\""]"#),
            (&["", ""], r#"["" ""]"#),
        ] {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(quoted_list(&names), go);
        }
    }
}

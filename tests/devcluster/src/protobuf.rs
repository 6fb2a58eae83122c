//! Reviews in protobuf, as client-go sends them: it has no fall-back to JSON for what it asks, only for what it is
//! answered.
//!
//! The body is four bytes, then the message `runtime.Unknown`, whose field 2 is the object. Of a `TokenReview` field 2 is
//! the spec, and of that field 1 the token and field 2 an audience, which may be repeated.

use serde_json::{Value, json};

const MAGIC: &[u8] = b"k8s\0";

pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// A `TokenReview` that asks, as JSON.
pub(crate) fn token_review(body: &[u8]) -> Option<Value> {
    let review = last(body.strip_prefix(MAGIC)?, 2)?;
    let spec = last(review, 2)?;
    let token = last(spec, 1).map_or(Some(""), |token| std::str::from_utf8(token).ok())?;
    let audiences = texts(spec, 2)?;
    Some(json!({"spec": {"token": token, "audiences": audiences}}))
}

/// The content of a field that is a text or a message. Of several the last counts.
fn last(message: &[u8], number: u64) -> Option<&[u8]> {
    fields(message)?.into_iter().rfind(|field| field.0 == number).map(|field| field.1)
}

fn texts(message: &[u8], number: u64) -> Option<Vec<&str>> {
    let fields = fields(message)?.into_iter().filter(|field| field.0 == number);
    fields.map(|field| std::str::from_utf8(field.1).ok()).collect()
}

/// All fields that have a length, by number; numbers are skipped.
fn fields(mut rest: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        match tag & 7 {
            0 => drop(varint(&mut rest)?),
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                let (content, behind) = rest.split_at_checked(length)?;
                found.push((tag >> 3, content));
                rest = behind;
            }
            _ => return None,
        }
    }
    Some(found)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).expect("a short field");
        let low = u8::try_from(length & 0x7f).expect("seven bits") | 0x80;
        [&[number << 3 | 2, low, u8::try_from(length >> 7).expect("seven bits")], content].concat()
    }

    #[test]
    fn a_review_is_read() {
        let token = "t".repeat(900);
        let spec = [field(1, token.as_bytes()), field(2, b"one"), field(2, b"two")].concat();
        let review = [field(1, b""), field(2, &spec), field(3, &[0x08, 0x00])].concat();
        let unknown = [MAGIC, &field(1, b"\x0a\x01v"), &field(2, &review), &field(3, b"")].concat();
        let read = token_review(&unknown).expect("it is read");
        assert_eq!(read, json!({"spec": {"token": token, "audiences": ["one", "two"]}}));
    }

    #[test]
    fn what_is_no_review_is_not_read() {
        for body in [&b""[..], b"k8s\0", b"k8s\0\x12\xff", b"k8s\0\x12\x02\x12\x09", b"{}", b"k8s\0\x15abcd"]
        {
            assert_eq!(token_review(body), None, "{body:?}");
        }
    }
}

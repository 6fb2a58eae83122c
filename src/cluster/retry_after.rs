//! `Retry-After`: how long a server asks to be left alone.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, HeaderName, RETRY_AFTER};

/// The time that the server asks for, if it says so in a way that can be read: in seconds, or as a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number beyond all bounds is a long time, too.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    // By the server's own clock where it tells the time: the two may differ by more than what is asked for.
    let now = date(headers, DATE).unwrap_or_else(SystemTime::now);
    Some(until.duration_since(now).unwrap_or_default())
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(HeaderName, &str)]) -> Option<Duration> {
        retry_after(&lines.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect())
    }

    #[test]
    fn seconds_are_read() {
        assert_eq!(read(&[(RETRY_AFTER, "1")]), Some(Duration::from_secs(1)));
        assert_eq!(read(&[(RETRY_AFTER, " 61 ")]), Some(Duration::from_secs(61)));
        assert_eq!(read(&[(RETRY_AFTER, "99999999999999999999999")]), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(read(&[]), None);
        for nothing in ["", "soon", "-1", "1.5", "+1"] {
            assert_eq!(read(&[(RETRY_AFTER, nothing)]), None, "{nothing}");
        }
    }

    #[test]
    fn dates_count_from_the_servers_own_time() {
        let at = |date| [(RETRY_AFTER, "Wed, 21 Oct 2015 07:28:03 GMT"), (DATE, date)];
        assert_eq!(read(&at("Wed, 21 Oct 2015 07:28:00 GMT")), Some(Duration::from_secs(3)));
        assert_eq!(read(&at("Wed, 21 Oct 2015 07:29:00 GMT")), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(10));
        let wait = read(&[(RETRY_AFTER, &soon)]).unwrap();
        assert!((Duration::from_secs(5)..=Duration::from_secs(10)).contains(&wait), "{wait:?}");
    }
}

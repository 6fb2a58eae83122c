//! What is read in the heads of answers.

use std::time::Duration;

use http::HeaderMap;
use http::header::{CACHE_CONTROL, DATE, HeaderName, RETRY_AFTER};
use jiff::Timestamp;

/// `Date`: the server's time.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(text(headers, DATE)?)
}

/// `Retry-After`: how long a server asks to be left alone, in seconds or until a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = text(headers, RETRY_AFTER)?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number beyond all bounds is a long time, too.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    // By the server's own clock where it tells the time: the two may differ by more than what is asked for.
    let wait = http_date(text)?.duration_since(date(headers).unwrap_or_else(Timestamp::now));
    Some(wait.try_into().unwrap_or_default())
}

/// `Cache-Control`: for how long an answer counts, by its `max-age`.
pub(super) fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut seconds = directives.flat_map(|value| value.split(',')).filter_map(|directive| {
        let (name, seconds) = directive.split_once('=')?;
        name.trim().eq_ignore_ascii_case("max-age").then(|| seconds.trim().trim_matches('"').parse().ok())?
    });
    seconds.next().map(Duration::from_secs)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(lines: &[(HeaderName, &str)]) -> Option<Duration> {
        retry_after(&lines.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect())
    }

    #[test]
    fn a_date_is_read() {
        let date = |text: &'static str| date(&HeaderMap::from_iter([(DATE, HeaderValue::from_static(text))]));
        let read = date("Sun, 06 Nov 1994 08:49:37 GMT").map(|date| date.to_string());
        assert_eq!(read.as_deref(), Some("1994-11-06T08:49:37Z"));
        assert_eq!(date("yesterday"), None);
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
        // And from ours where it does not tell.
        let far = read(&[(RETRY_AFTER, "Wed, 21 Oct 2099 07:28:03 GMT")]).unwrap();
        assert!(far > Duration::from_hours(24 * 365), "{far:?}");
    }

    #[test]
    fn an_answer_says_how_long_it_counts() {
        let of = |value: &'static str| {
            let headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(value))]);
            max_age(&headers)
        };
        let hour = Some(Duration::from_hours(1));
        assert_eq!(of("public, max-age=3600"), hour);
        assert_eq!(of("Max-Age=\"3600\" , s-maxage=5"), hour);
        for other in ["no-store", "max-age", "max-age=-1", "max-age=soon", "s-maxage=5", ""] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(max_age(&HeaderMap::new()), None);
    }
}

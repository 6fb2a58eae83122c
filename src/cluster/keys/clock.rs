//! The cluster's time of day, as its answers tell it.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use http::HeaderMap;

use super::super::headers::date;

/// No answer has told the time yet.
const UNKNOWN: i64 = i64::MIN;

/// Goes by the `Date` of the last answer and by the time passed since then. This machine's own time of day has no part in
/// it: it may be wrong, and may jump.
#[derive(Debug)]
pub(crate) struct Clock {
    begun: Instant,
    /// The cluster's time when this clock began, in seconds since the epoch.
    at_begin: AtomicI64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { begun: Instant::now(), at_begin: AtomicI64::new(UNKNOWN) }
    }
}

impl Clock {
    /// Takes the time over from an answer that has just come. One without a `Date` changes nothing.
    pub(crate) fn observe(&self, headers: &HeaderMap) {
        if let Some(date) = date(headers) {
            self.at_begin.store(date.as_second() - whole_seconds(self.begun.elapsed()), Relaxed);
        }
    }

    /// The cluster's time in seconds since the epoch; a `Date` has no fractions, so it may be one second late.
    pub(crate) fn now(&self) -> Option<i64> {
        let at_begin = Some(self.at_begin.load(Relaxed)).filter(|seconds| *seconds != UNKNOWN)?;
        Some(at_begin + whole_seconds(self.begun.elapsed()))
    }
}

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::DATE;

    fn dated(date: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(DATE, HeaderValue::from_static(date))])
    }

    #[test]
    fn the_time_is_that_of_the_last_answer_that_tells_it() {
        let clock = Clock::default();
        assert_eq!(clock.now(), None);
        for not_a_date in ["", "yesterday", "2026-01-05T08:00:00Z", "Mon, 99 Jan 2026 08:00:00 GMT"] {
            clock.observe(&dated(not_a_date));
        }
        clock.observe(&HeaderMap::new());
        assert_eq!(clock.now(), None, "nothing of this tells the time");

        clock.observe(&dated("Mon, 05 Jan 2026 08:00:00 GMT"));
        let first = clock.now().unwrap();
        assert!((1_767_600_000..1_767_600_060).contains(&first), "{first}");
        clock.observe(&dated("Thu, 01 Jan 1970 00:00:00 GMT"));
        let second = clock.now().unwrap();
        assert!((0..60).contains(&second), "{second}");
        clock.observe(&HeaderMap::new());
        assert!(clock.now().unwrap() >= second, "an answer without a date changes nothing");
    }
}

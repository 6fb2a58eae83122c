//! The cluster's time of day, as its answers tell it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use http::HeaderMap;

use super::super::headers::date;

/// No answer has told the time yet.
const UNKNOWN: i64 = i64::MIN;

/// A time that was told longer ago decides nothing: one wrong `Date` would keep out all tokens, and with them the calls whose
/// answers could correct it.
const TRUSTED_FOR: Duration = Duration::from_secs(10);

/// Goes by the `Date` of the last answer and by the time passed since then. This machine's own time of day has no part in
/// it: it may be wrong, and may jump.
#[derive(Debug)]
pub(crate) struct Clock {
    begun: Instant,
    /// The cluster's time when this clock began, in seconds since the epoch.
    at_begin: AtomicI64,
    /// When that was last told, in milliseconds from the beginning of this clock.
    told: AtomicU64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { begun: Instant::now(), at_begin: AtomicI64::new(UNKNOWN), told: AtomicU64::new(0) }
    }
}

impl Clock {
    /// Takes the time over from an answer that has just come. One without a `Date` changes nothing.
    pub(crate) fn observe(&self, headers: &HeaderMap) {
        if let Some(date) = date(headers) {
            let elapsed = self.begun.elapsed();
            self.at_begin.store(date.as_second() - whole_seconds(elapsed), Relaxed);
            self.told.store(milliseconds(elapsed), Relaxed);
        }
    }

    /// The cluster's time in seconds since the epoch, if it was told just now; a `Date` has no fractions, so it may be one
    /// second late.
    pub(crate) fn now(&self) -> Option<i64> {
        self.after(self.begun.elapsed())
    }

    fn after(&self, elapsed: Duration) -> Option<i64> {
        let at_begin = Some(self.at_begin.load(Relaxed)).filter(|seconds| *seconds != UNKNOWN)?;
        let trusted_until = self.told.load(Relaxed).saturating_add(milliseconds(TRUSTED_FOR));
        (milliseconds(elapsed) <= trusted_until).then(|| at_begin + whole_seconds(elapsed))
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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

    #[test]
    fn a_time_that_was_told_long_ago_decides_nothing() {
        let clock = Clock::default();
        clock.observe(&dated("Mon, 05 Jan 2026 08:00:00 GMT"));
        assert!(clock.after(Duration::from_secs(9)).is_some());
        assert_eq!(clock.after(Duration::from_mins(2)), None);
    }
}

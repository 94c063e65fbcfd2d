//! Which periods are due, by cron expressions in UTC.
//!
//! A cron expression says when it is looked which periods are over; all of them that were never begun are done then. So what was
//! missed while nobody ran is caught up once, period by period.

use chrono::{DateTime, Utc};
use croner::Cron;
use store::flows::Flow;
use store::model::Timestamp;
use store::photos::{Day, Month};

use crate::config::FlowsConfig;
use crate::period::Period;

/// When a flow is looked at next after a moment; `None` when its expression never comes true.
#[must_use]
pub fn next(cron: &Cron, after: Timestamp) -> Option<Timestamp> {
    let found = cron.find_next_occurrence(&moment(after)?, false).ok()?;
    Some(found.timestamp_millis())
}

/// The last period of a flow that is over and was to be done before `now`.
pub(crate) fn newest(config: &FlowsConfig, flow: Flow, now: Timestamp) -> Option<Period> {
    let fired = config.cron(flow).find_previous_occurrence(&moment(now)?, true).ok()?.timestamp_millis();
    let settle = i64::try_from(config.settle.as_millis()).unwrap_or(i64::MAX);
    // What the expression saw over; and not before it is complete.
    let over = fired.min(now.saturating_sub(settle));
    Some(match flow {
        Flow::Daily => Period::Day(Day(Day::of(over).0 - 1)),
        Flow::Monthly => Period::Month(Month::of(over).before()),
    })
}

/// Periods to be done, the oldest first: up to the newest, those that were never begun; not before the first that ever was, and at
/// most so many as are caught up.
pub(crate) fn due(newest: Period, begun: &[Period], first: Option<Period>, catch_up: i64) -> Vec<Period> {
    let Some(first) = first else { return vec![newest] };
    let mut due = Vec::new();
    let mut period = newest;
    for _ in 0..catch_up {
        if period < first {
            break;
        }
        if !begun.contains(&period) {
            due.push(period);
        }
        period = period.before();
    }
    due.reverse();
    due
}

fn moment(at: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(text).expect("a moment").timestamp_millis()
    }

    #[test]
    fn periods_are_due_once_they_are_over_and_complete() {
        let config = FlowsConfig::default();
        let check = |flow: Flow, now: &str, expected: &str| {
            let found = newest(&config, flow, at(now)).map(|period| period.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{flow} at {now}");
        };
        check(Flow::Daily, "2026-11-30T23:59:59Z", "2026-11-29");
        check(Flow::Daily, "2026-12-01T00:00:00Z", "2026-11-29"); // its last answers are not yet written
        check(Flow::Daily, "2026-12-01T00:02:00Z", "2026-11-30");
        check(Flow::Daily, "2024-03-01T12:00:00Z", "2024-02-29");
        // Clocks go forward and back in Europe on these days; those of UTC do not.
        check(Flow::Daily, "2026-03-29T02:30:00Z", "2026-03-28");
        check(Flow::Daily, "2026-10-25T01:30:00Z", "2026-10-24");
        check(Flow::Monthly, "2026-12-01T00:59:59Z", "2026-10"); // 01:00 is to come
        check(Flow::Monthly, "2026-12-01T01:00:00Z", "2026-11");
        check(Flow::Monthly, "2027-01-15T00:00:00Z", "2026-12");
        assert_eq!(next(&config.daily, at("2026-11-30T23:59:59Z")), Some(at("2026-12-01T00:00:00Z")));
        assert_eq!(next(&config.monthly, at("2026-12-01T01:00:00Z")), Some(at("2027-01-01T01:00:00Z")));
    }

    #[test]
    fn what_was_missed_is_caught_up_once() {
        let day = |text: &str| Period::Day(text.parse().expect("a day"));
        let check = |begun: &[&str], first: Option<&str>, catch_up: i64, expected: &[&str]| {
            let begun: Vec<Period> = begun.iter().map(|text| day(text)).collect();
            let found = due(day("2026-11-10"), &begun, first.map(day), catch_up);
            assert_eq!(found, expected.iter().map(|text| day(text)).collect::<Vec<_>>());
        };
        check(&[], None, 31, &["2026-11-10"]);
        check(&["2026-11-10"], Some("2026-11-10"), 31, &[]);
        check(&["2026-11-07"], Some("2026-11-07"), 31, &["2026-11-08", "2026-11-09", "2026-11-10"]);
        check(&["2026-11-07", "2026-11-09"], Some("2026-11-07"), 31, &["2026-11-08", "2026-11-10"]);
        check(&["2026-10-01"], Some("2026-10-01"), 2, &["2026-11-09", "2026-11-10"]);
        check(&["2026-11-11"], Some("2026-11-11"), 31, &[]);
    }
}

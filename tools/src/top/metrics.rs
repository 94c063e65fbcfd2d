//! Metrics in the text format of Prometheus, and what happened between two readings of them.

use std::collections::BTreeMap;

/// One reading: values by name and labels as they were written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reading(BTreeMap<String, f64>);

impl Reading {
    /// Reads it. Lines that are no sample are passed over.
    pub(super) fn parse(text: &str) -> Self {
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect())
    }

    /// The value of a metric without labels.
    pub(super) fn value(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Samples of a name: the label asked for, and the value.
    fn labelled<'a>(&'a self, name: &'a str, label: &'a str) -> impl Iterator<Item = (&'a str, &'a str, f64)> {
        let samples = self.0.range(format!("{name}{{")..).take_while(move |(key, _)| key.starts_with(name));
        samples.filter_map(move |(key, value)| {
            let labels = key.strip_prefix(name)?.strip_prefix('{')?.strip_suffix('}')?;
            Some((label_of(labels, label)?, labels, *value))
        })
    }

    /// The labels of a metric's only sample.
    pub(super) fn label<'a>(&'a self, name: &'a str, label: &'a str) -> Option<&'a str> {
        self.labelled(name, label).next().map(|(value, ..)| value)
    }

    /// What was added since `before`, summed by a label.
    pub(super) fn added(&self, before: &Self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let mut sums: BTreeMap<String, f64> = BTreeMap::new();
        for (value, labels, now) in self.labelled(name, label) {
            let then = before.value(&format!("{name}{{{labels}}}")).unwrap_or(0.0);
            // A server that was started anew counts from the beginning.
            *sums.entry(value.to_owned()).or_default() += if now >= then { now - then } else { now };
        }
        sums
    }

    /// The time below which a fraction of what was observed since `before` lies, by the buckets of a histogram with this label; and how
    /// many were observed. `None` where nothing was.
    pub(super) fn quantile(
        &self,
        before: &Self,
        (name, label, value): (&str, &str, &str),
        fraction: f64,
    ) -> Option<(f64, f64)> {
        let bucket = format!("{name}_bucket");
        let mut bounds: Vec<(f64, f64)> = Vec::new();
        for (found, labels, now) in self.labelled(&bucket, label) {
            if found == value {
                let then = before.value(&format!("{bucket}{{{labels}}}")).unwrap_or(0.0);
                let bound = label_of(labels, "le").and_then(|text| text.replace("+Inf", "inf").parse().ok())?;
                bounds.push((bound, if now >= then { now - then } else { now }));
            }
        }
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total = bounds.last()?.1;
        (total > 0.0).then_some(())?;
        let wanted = fraction * total;
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, count) in bounds {
            if count >= wanted {
                let inside = if count > below { (wanted - below) / (count - below) } else { 1.0 };
                // Above the last bound there is no other to go to.
                return Some((if bound.is_finite() { low + inside * (bound - low) } else { low }, total));
            }
            (low, below) = (bound, count);
        }
        None
    }
}

/// The value of a label among `a="x",b="y"`.
fn label_of<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let start = labels.match_indices(name).find_map(|(at, _)| {
        let begins = at == 0 || labels[..at].ends_with(',');
        let rest = labels[at + name.len()..].strip_prefix("=\"")?;
        begins.then_some(labels.len() - rest.len())
    })?;
    let end = labels[start..].find('"')?;
    Some(&labels[start..start + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "# TYPE x counter\nx_total{route=\"/a\",status=\"200\"} 3\nx_total{route=\"/b\",status=\"200\"} 1\nready 1\n\
        t_bucket{le=\"0.1\",stage=\"detect\"} 5\nt_bucket{le=\"0.2\",stage=\"detect\"} 5\nt_bucket{le=\"+Inf\",stage=\"detect\"} 5\n";
    const AFTER: &str = "x_total{route=\"/a\",status=\"200\"} 5\nx_total{route=\"/a\",status=\"503\"} 4\nx_total{route=\"/b\",status=\"200\"} 1\n\
        x_totals{route=\"/a\",status=\"200\"} 900\nready 0\nnonsense\n\
        t_bucket{le=\"0.1\",stage=\"detect\"} 7\nt_bucket{le=\"0.2\",stage=\"detect\"} 13\nt_bucket{le=\"+Inf\",stage=\"detect\"} 15\n\
        t_bucket{le=\"+Inf\",stage=\"crop\"} 0\n";

    #[test]
    fn what_happened_between_two_readings() {
        let (before, after) = (Reading::parse(BEFORE), Reading::parse(AFTER));
        assert_eq!(
            (before.value("ready"), after.value("ready"), after.value("nonsense")),
            (Some(1.0), Some(0.0), None)
        );
        let by_status = after.added(&before, "x_total", "status");
        assert_eq!(by_status, BTreeMap::from([("200".to_owned(), 2.0), ("503".to_owned(), 4.0)]));
        // Started anew: 5 is less than 900, so all of it is new.
        assert_eq!(before.added(&after, "x_total", "route")["/a"], 3.0);
        // Two of ten below .1, eight below .2, all below infinity.
        let of = |fraction| after.quantile(&before, ("t", "stage", "detect"), fraction);
        assert_eq!(of(0.2), Some((0.1, 10.0)));
        assert!(of(0.5).is_some_and(|(time, count)| (time - 0.15).abs() < 1e-9 && count == 10.0), "{:?}", of(0.5));
        assert_eq!(of(0.99), Some((0.2, 10.0)));
        assert_eq!(after.quantile(&before, ("t", "stage", "crop"), 0.5), None);
        assert_eq!(after.quantile(&after, ("t", "stage", "detect"), 0.5), None);
        assert_eq!(label_of("a=\"x\",ab=\"y\"", "ab"), Some("y"));
        assert_eq!(label_of("ab=\"y\"", "b"), None);
    }
}

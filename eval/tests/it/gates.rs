//! Gates that cannot lie.

use eval::gate::{Bound, Measurement};
use eval::{Gate, GatedMetric, Interval, Targets, verdict};

fn judge(metric: GatedMetric, value: Option<f64>) -> bool {
    Gate::judge(metric, &Targets::default(), Measurement { value, interval: None, evidence: 1 }).passed
}

#[test]
fn the_targets_are_those_of_the_design() {
    use GatedMetric::{CountMae, Map50, Recall, Top1};
    for (metric, passes, fails) in
        [(Recall, 0.98, 0.979_999), (Map50, 0.95, 0.949_999), (Top1, 0.93, 0.929_999), (CountMae, 0.30, 0.300_001)]
    {
        assert!(judge(metric, Some(passes)), "{metric:?}");
        assert!(!judge(metric, Some(fails)), "{metric:?}");
        assert!(!judge(metric, Some(f64::NAN)), "{metric:?}: NaN");
        assert!(!judge(metric, None), "{metric:?}: missing");
    }
    assert!(!judge(CountMae, Some(f64::INFINITY)));
    assert!(!Bound::AtLeast(f64::NAN).admits(Some(1.0)));
    assert!(!Bound::AtMost(f64::NAN).admits(Some(0.0)));
}

#[test]
fn exit_codes() {
    let gate = |value| {
        Gate::judge(GatedMetric::Recall, &Targets::default(), Measurement { value, interval: None, evidence: 9 })
    };
    let (good, bad) = (gate(Some(1.0)), gate(Some(0.5)));
    assert_eq!(verdict(&[good.clone(), good.clone()]).exit_code(), 0);
    assert_eq!(verdict(&[good.clone(), bad]).exit_code(), 1);
    assert_eq!(verdict(&[good, gate(None)]).exit_code(), 1);
    assert_eq!(verdict(&[]).exit_code(), 2);
}

#[test]
fn a_close_call_is_said() {
    let with = |low, high| {
        let measured = Measurement { value: Some(0.985), interval: Some(Interval { low, high }), evidence: 9 };
        Gate::judge(GatedMetric::Recall, &Targets::default(), measured)
    };
    assert!(with(0.97, 0.99).is_close());
    assert!(!with(0.981, 0.99).is_close());
    assert!(with(0.97, 0.99).passed, "the value decides");
}

//! How two releases did while they answered: by the log of answers, and by what people said of them.

use store::Store;
use store::model::now;
use store::registry::ModelVersion;

use super::compare::row;
use super::verdict::verdict;

/// Milliseconds of the days that count.
const DAYS: i64 = 28 * 86_400_000;

/// Prints it, when either has answered anything.
pub(super) async fn compare(store: &Store, one: &ModelVersion, other: &ModelVersion) -> anyhow::Result<()> {
    let labels = [one.label(), other.label()];
    let since = now() - DAYS;
    let a = store.answered(&one.organisation, &labels[0], None, since).await?;
    let b = store.answered(&other.organisation, &labels[1], None, since).await?;
    if a.answers + b.answers == 0 {
        return Ok(());
    }
    println!("answers of 28 days            {:>14}  {:>14}  {:>10}", a.answers, b.answers, "-");
    row("facings per answer", a.facings_per_answer(), b.facings_per_answer());
    row("unknown facings", a.unknown_fraction(), b.unknown_fraction());
    row("latency, ms", a.latency_ms, b.latency_ms);
    let (a, b) = (store.judgement(&labels[0], None).await?, store.judgement(&labels[1], None).await?);
    println!("facings judged                {:>14}  {:>14}  {:>10}", a.judged, b.judged, "-");
    row("right, of a blind sample", a.sample().rate(), b.sample().rate());
    // What is unsure is asked about more often, and says nothing of the rest: the blind sample alone decides.
    let [a, b, better] = verdict(a.sample(), b.sample());
    println!("{:<28}  {a:>14}  {b:>14}  {better:>10}", "  at all times, 95 %");
    Ok(())
}

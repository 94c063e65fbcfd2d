//! A long queue: lists, filters and claims, and how the database goes about them.

use std::time::{Duration, Instant};

use store::{ClaimRequest, ItemFilter, ItemSort, Reason};
use vision::SkuId;

use crate::bench::Bench;
use crate::{Error, percentile};

pub(crate) async fn million(items: usize, bench: &Bench) -> Result<(), Error> {
    const ROUNDS: usize = 300;
    let store = bench.filled(items).await?;
    println!("# {}; {items} items, {ROUNDS} calls each, one at a time", store.describe());
    let all = ItemFilter::default;
    let filters = [
        ("all", all()),
        ("reason", ItemFilter { reason: Some(Reason::Unknown), ..all() }),
        ("sku", ItemFilter { sku: Some(SkuId(7)), ..all() }),
        ("class", ItemFilter { class: Some("can".to_owned()), ..all() }),
        ("similarity", ItemFilter { min_similarity: Some(0.4), max_similarity: Some(0.5), ..all() }),
        ("class_and_reason", ItemFilter { class: Some("can".to_owned()), reason: Some(Reason::Novelty), ..all() }),
    ];
    for (name, filter) in &filters {
        for sort in ItemSort::ALL {
            let (mut times, mut cursor) = (Vec::with_capacity(ROUNDS), None);
            for _ in 0..ROUNDS {
                let start = Instant::now();
                let page = store.list(filter, sort, cursor.as_deref(), 50).await?;
                times.push(start.elapsed());
                // Ever deeper into the list.
                cursor = page.next;
            }
            let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
            println!("list_{name}_{sort},p50_ms,{p50:.2}\nlist_{name}_{sort},p99_ms,{p99:.2}");
            for line in store.explain_list(filter, sort).await? {
                println!("# plan {name} {sort}: {line}");
            }
        }
    }
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let request = ClaimRequest {
            reviewer: format!("reviewer {}", round % 20),
            count: 5,
            lease: Duration::from_secs(300),
            key: None,
        };
        let start = Instant::now();
        store.claim(request).await?;
        times.push(start.elapsed());
    }
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    println!("claim,p50_ms,{p50:.2}\nclaim,p99_ms,{p99:.2}");
    for line in store.explain_claim().await? {
        println!("# plan claim: {line}");
    }
    let start = Instant::now();
    store.stats().await?;
    println!("stats,once_ms,{:.0}", start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

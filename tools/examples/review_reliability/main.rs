//! What the review queue withstands and how fast it is; metrics go to `docs/results/review_reliability.csv`.
//!
//! ```text
//! review_reliability kill CYCLES [DATABASE_URL]        a server under eight reviewers, killed with SIGKILL at random
//! review_reliability reviewers N ITEMS [DATABASE_URL]  N reviewers label ITEMS items over HTTP
//! review_reliability million ITEMS [DATABASE_URL]      list, filter and claim in a long queue, with query plans
//! review_reliability outage DATABASE_URL OBJECTS BREAK MEND
//!                                                      ten seconds of photos between two shell commands
//! ```
//!
//! Without a URL the database is a SQLite file in a folder of its own under the current one. Images lie in memory: they are
//! not what is measured. Recognition runs on fakes that see colours; store, gallery, HTTP and processes are the real ones.

mod bench;
mod child;
mod million;
mod outage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bench::{Bench, live};
use child::{Process, serve};
use million::million;
use outage::outage;
use reqwest::Client;
use serde_json::{Value, json};
use store::{Store, StoreSettings};
use vision::random::Random;

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", database, objects] => serve(&place(database, objects)).await,
        ["kill", cycles, rest @ ..] => kill(cycles.parse()?, &Bench::new(rest)?).await,
        ["reviewers", count, items, rest @ ..] => reviewers(count.parse()?, items.parse()?, &Bench::new(rest)?).await,
        ["outage", database, objects, breaks, mends] => outage(&place(database, objects), breaks, mends).await,
        ["million", items, rest @ ..] => million(items.parse()?, &Bench::new(rest)?).await,
        _ => Err("see the top of this file for what it takes".into()),
    }
}

pub(crate) fn place(database: &str, objects: &str) -> StoreSettings {
    StoreSettings { database: database.into(), objects: objects.to_owned(), ..StoreSettings::default() }
}

/// Seconds a reviewer has an item alone: soon over, so that a killed server's claims do not keep the next one's reviewers
/// waiting, or long enough for the slowest machine.
const SOON: u32 = 2;
const LONG: u32 = 600;

/// A label on its way: sent again under its key until it is acknowledged.
#[derive(Debug, Clone)]
struct Sent {
    key: String,
    item: String,
    reviewer: String,
    sku: u32,
}

impl Sent {
    /// The label's number, or `None` when the server went away.
    async fn send(&self, client: &Client, url: &str) -> Result<Option<i64>, Error> {
        let body = json!({"item_id": self.item, "reviewer": self.reviewer, "sku_id": self.sku});
        let request = client.post(format!("{url}/v2/active-learning/label")).header("idempotency-key", &self.key);
        let Ok(response) = request.json(&body).send().await else { return Ok(None) };
        let status = response.status();
        let Ok(answer) = response.json::<Value>().await else { return Ok(None) };
        match answer["labels"][0]["id"].as_i64() {
            Some(id) => Ok(Some(id)),
            None if status == 503 => Ok(None),
            None => Err(format!("{status}: {answer}").into()),
        }
    }
}

async fn claim(client: &Client, url: &str, reviewer: &str, (count, seconds): (u32, u32)) -> Option<Vec<String>> {
    let body = json!({"reviewer": reviewer, "count": count, "lease_seconds": seconds});
    let answer = client.post(format!("{url}/v2/active-learning/claim")).json(&body).send().await.ok()?;
    let answer: Value = answer.json().await.ok()?;
    answer["items"].as_array()?.iter().map(|item| Some(item["id"].as_str()?.to_owned())).collect()
}

async fn kill(cycles: usize, bench: &Bench) -> Result<(), Error> {
    const REVIEWERS: usize = 8;
    let store = bench.filled(cycles * 150).await?;
    let kind = store.describe();
    store.close().await;
    let client = Client::new();
    let mut random = Random::new(u64::from(std::process::id()));
    let acknowledged = Arc::new(Mutex::new(BTreeMap::<String, i64>::new()));
    let unsure = Arc::new(Mutex::new(Vec::<Sent>::new()));
    let (mut again, begin) = (0, Instant::now());
    for cycle in 0..=cycles {
        let process = Process::start(&bench.settings, &client).await?;
        // What was sent and not acknowledged when the last server died.
        let waiting = std::mem::take(&mut *unsure.lock().expect("no panic"));
        for sent in waiting {
            again += 1;
            let id = sent.send(&client, &process.url).await?.ok_or("a server that nobody kills went away")?;
            acknowledged.lock().expect("no panic").insert(sent.item, id);
        }
        if cycle == cycles {
            let labels = acknowledged.lock().expect("no panic").clone();
            let faults = verify(bench, &client, &process, &labels).await?;
            let acknowledged = labels.len();
            println!("# {kind}; {:.0} s", begin.elapsed().as_secs_f64());
            println!(
                "kill,cycles,{cycles}\nkill,labels_acknowledged,{acknowledged}\nkill,sent_again_after_a_kill,{again}"
            );
            println!("kill,faults,{}", faults.len());
            process.kill();
            for fault in &faults {
                println!("# {fault}");
            }
            return if faults.is_empty() { Ok(()) } else { Err("something was lost".into()) };
        }
        let tasks: Vec<_> = (0..REVIEWERS)
            .map(|number| {
                let (client, url) = (client.clone(), process.url.clone());
                let (acknowledged, unsure) = (Arc::clone(&acknowledged), Arc::clone(&unsure));
                tokio::spawn(async move {
                    let reviewer = format!("reviewer {number}");
                    while let Some(items) = claim(&client, &url, &reviewer, (4, SOON)).await {
                        for (place, item) in items.into_iter().enumerate() {
                            let sku = 1 + (number * 7 + place) as u32 % 50;
                            let sent = Sent { key: store::model::new_id(), item, reviewer: reviewer.clone(), sku };
                            match sent.send(&client, &url).await? {
                                Some(id) => {
                                    if acknowledged.lock().expect("no panic").insert(sent.item.clone(), id).is_some() {
                                        return Err(format!("{} was given out twice", sent.item).into());
                                    }
                                }
                                None => {
                                    unsure.lock().expect("no panic").push(sent);
                                    return Ok::<(), Error>(());
                                }
                            }
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(30 + random.below(400) as u64)).await;
        process.kill();
        for task in tasks {
            task.await??;
        }
    }
    Ok(())
}

/// Everything that should not be.
async fn verify(
    bench: &Bench,
    client: &Client,
    process: &Process,
    acknowledged: &BTreeMap<String, i64>,
) -> Result<Vec<String>, Error> {
    let store = Store::open(&bench.settings).await?;
    let mut faults = store.check().await?;
    let mut numbers = BTreeSet::new();
    for (item, id) in acknowledged {
        let labels = store.history(item).await?;
        if labels.len() != 1 || labels[0].seq != *id {
            faults.push(format!("{item}: label {id} was acknowledged, the database has {labels:?}"));
        }
        numbers.insert(*id);
    }
    if numbers.len() != acknowledged.len() {
        faults.push("two labels share a number".to_owned());
    }
    let stats = store.stats().await?;
    if stats.labelled != acknowledged.len() as u64 {
        faults.push(format!("{} items are labelled, {} labels were acknowledged", stats.labelled, acknowledged.len()));
    }
    // What the server has in memory, and what the labels say: named by content.
    let mut live = live();
    live.apply(&store.changes_since(0, live.embedder()).await?)?;
    let mut data = live.data().clone();
    data.seal();
    let digest = data.digest().ok_or("it was sealed")?.short();
    // It is named by its content once labels rest.
    let mut served = String::new();
    for _ in 0..100 {
        let health: Value = client.get(format!("{}/health", process.url)).send().await?.json().await?;
        served = health["release"]["gallery"].as_str().unwrap_or_default().to_owned();
        if served.contains('@') {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    if !served.contains(&digest) {
        faults.push(format!("the gallery served is {served}, the labels say {digest}"));
    }
    Ok(faults)
}

pub(crate) fn percentile(times: &mut [Duration], fraction: f64) -> f64 {
    times.sort();
    let at = ((times.len() as f64 * fraction).ceil() as usize).clamp(1, times.len()) - 1;
    times[at].as_secs_f64() * 1e3
}

async fn reviewers(count: usize, items: usize, bench: &Bench) -> Result<(), Error> {
    let store = bench.filled(items).await?;
    let client = Client::new();
    let process = Process::start(&bench.settings, &client).await?;
    let begin = Instant::now();
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            let (client, url) = (client.clone(), process.url.clone());
            tokio::spawn(async move {
                let (reviewer, mut times, mut done) = (format!("reviewer {number}"), Vec::new(), Vec::new());
                while let Some(items) =
                    claim(&client, &url, &reviewer, (5, LONG)).await.filter(|items| !items.is_empty())
                {
                    for item in items {
                        let sent = Sent {
                            key: store::model::new_id(),
                            item,
                            reviewer: reviewer.clone(),
                            sku: 1 + number as u32 % 50,
                        };
                        let start = Instant::now();
                        let id = sent.send(&client, &url).await?.ok_or("the server went away")?;
                        times.push(start.elapsed());
                        done.push((sent.item, id));
                    }
                }
                Ok::<_, Error>((times, done))
            })
        })
        .collect();
    let (mut times, mut done) = (Vec::new(), BTreeMap::new());
    for task in tasks {
        let (more, labelled) = task.await??;
        times.extend(more);
        for (item, id) in labelled {
            if done.insert(item.clone(), id).is_some() {
                return Err(format!("{item} was labelled twice").into());
            }
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let faults = verify(bench, &client, &process, &done).await?;
    process.kill();
    println!("# {}; {count} reviewers over HTTP, closed loop", store.describe());
    println!("reviewers,items,{items}\nreviewers,labelled_once,{}\nreviewers,faults,{}", done.len(), faults.len());
    println!("reviewers,labels_per_second,{:.0}", done.len() as f64 / seconds);
    for fraction in [0.5, 0.95, 0.99] {
        println!("reviewers,label_call_p{:.0}_ms,{:.2}", fraction * 100.0, percentile(&mut times, fraction));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

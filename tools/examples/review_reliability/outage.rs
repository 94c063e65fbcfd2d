//! Photos that keep coming while the database, the images or the disk are away.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::Value;
use store::{Store, StoreSettings};
use vision::random::Random;

use crate::child::Process;
use crate::{Error, percentile};

/// A photo of one colour that was never seen before.
fn photo(random: &mut Random) -> Result<Vec<u8>, Error> {
    let color = std::array::from_fn(|_| 30 + random.below(220) as u8);
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(80, 120, image::Rgb(color)).write_to(&mut bytes, image::ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

/// Items queued, warnings, and how long the answer took.
async fn recognise(client: &Client, url: &str, random: &mut Random) -> Result<(u64, usize, Duration), Error> {
    let begin = Instant::now();
    let response = client.post(format!("{url}/v2/recognize")).body(photo(random)?).send().await?;
    if response.status() != 200 {
        return Err(format!("recognition answered {}", response.status()).into());
    }
    let answer: Value = response.json().await?;
    let told = |text: &Value| text.as_str().is_some_and(|text| text.contains("review queue"));
    let warned = answer["warnings"].as_array().map_or(0, |all| all.iter().filter(|text| told(text)).count());
    Ok((answer["review"]["queued"].as_u64().unwrap_or(0), warned, begin.elapsed()))
}

pub(crate) async fn outage(settings: &StoreSettings, breaks: &str, mends: &str) -> Result<(), Error> {
    let shell = |command: &str| Command::new("sh").args(["-c", command]).stdout(Stdio::null()).status();
    let client = Client::new();
    let process = Process::start(settings, &client).await?;
    let mut random = Random::new(u64::from(std::process::id()));
    let mut queued = 0;
    for _ in 0..20 {
        queued += recognise(&client, &process.url, &mut random).await?.0;
    }
    if queued == 0 {
        return Err("nothing is queued while all is well".into());
    }
    shell(breaks)?;
    let (begin, mut times, mut silent) = (Instant::now(), Vec::new(), 0);
    while begin.elapsed() < Duration::from_secs(10) {
        let (new, warned, took) = recognise(&client, &process.url, &mut random).await?;
        queued += new;
        silent += u64::from(new == 0 && warned == 0);
        times.push(took);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    shell(mends)?;
    let mended = Instant::now();
    loop {
        let new = recognise(&client, &process.url, &mut random).await?.0;
        queued += new;
        if new > 0 {
            break;
        }
        if mended.elapsed() > Duration::from_secs(60) {
            return Err("it does not recover".into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let recovered = mended.elapsed().as_secs_f64();
    let store = Store::open(settings).await?;
    let (faults, stats) = (store.check().await?, store.stats().await?);
    process.kill();
    let count = times.len();
    println!("outage,answers_200_meanwhile,{count}\noutage,not_queued_and_not_told,{silent}");
    println!("outage,longest_answer_ms,{:.0}", percentile(&mut times, 1.0));
    println!("outage,recovered_after_s,{recovered:.1}\noutage,faults,{}", faults.len());
    println!("outage,queued_by_answers,{queued}\noutage,items_in_the_queue,{}", stats.open);
    if faults.is_empty() && stats.open >= queued { Ok(()) } else { Err(faults.join("\n").into()) }
}

//! `shelf top`: what a server does, in the terminal.

mod metrics;
mod screen;

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use hub::{HubError, Limits, ServerClient, Token};

use self::metrics::Reading;
use self::screen::screen;

/// Longest time between two readings.
const MAX_INTERVAL: f64 = 3600.0;

/// Show what a server does: photos a second, queue, time of each stage, refusals, memory
#[derive(Args)]
#[command(after_help = "Reads /metrics twice and shows what happened in between.

  shelf top
  shelf top --url http://shop:8000 --token \"$SHELF_KEY\" --interval 5
  shelf top --once > state.txt")]
pub(crate) struct TopArgs {
    /// Address of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000")]
    url: String,
    /// A key, where the server wants one for /metrics (`metrics` in server.yaml)
    #[arg(long, value_name = "KEY")]
    token: Option<String>,
    /// Seconds between two readings
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = interval)]
    interval: f64,
    /// Print one screen and end
    #[arg(long)]
    once: bool,
}

fn interval(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=MAX_INTERVAL).contains(&seconds) => Ok(seconds),
        _ => Err(format!("0.1 to {MAX_INTERVAL} seconds are expected")),
    }
}

/// Goes on until the server is gone for good, or somebody stops it.
pub(crate) fn run(args: &TopArgs) -> anyhow::Result<()> {
    let key = args.token.as_deref().map(|text| Token::new(text).context("--token is no key")).transpose()?;
    let client = ServerClient::new(&args.url, key, Limits::default())?;
    let pause = Duration::from_secs_f64(args.interval);
    let mut before = (Instant::now(), Reading::parse(&client.metrics()?));
    let clears = std::io::stdout().is_terminal() && !args.once;
    loop {
        std::thread::sleep(pause);
        let shown = match client.metrics() {
            Ok(text) => {
                let now = (Instant::now(), Reading::parse(&text));
                let shown = screen(&before.1, &now.1, now.0 - before.0);
                before = now;
                shown
            }
            // A server that is started anew is there again soon.
            Err(error) if !args.once && passing(&error) => format!("{error}\n"),
            Err(error) => return Err(error.into()),
        };
        let mut out = std::io::stdout().lock();
        if clears {
            // To the top left, then what was there before is cleared.
            write!(out, "\x1b[H\x1b[2J")?;
        }
        write!(out, "{}  every {} s\n{shown}", args.url, args.interval)?;
        out.flush()?;
        if args.once {
            return Ok(());
        }
    }
}

fn passing(error: &HubError) -> bool {
    matches!(
        error,
        HubError::Unreachable { .. } | HubError::TimedOut { .. } | HubError::Server { .. } | HubError::Busy { .. }
    )
}

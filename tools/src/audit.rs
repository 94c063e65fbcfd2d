//! `shelf audit`: who changed what.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use store::audit::AuditEntry;

use crate::environment::Environment;
use crate::owner::time;
use crate::queue::{QueueArgs, with_store};

/// The audit log: check its chain of hashes, write it out
#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    Verify(VerifyArgs),
    Export(ExportArgs),
}

/// Check that no row was altered, left out or put in. Exit code 1 when one was
#[derive(Args)]
pub(crate) struct VerifyArgs {
    /// Rows and hash that an earlier check gave: the chain must still lead through them
    #[arg(long, value_name = "ROWS:HASH")]
    since: Option<String>,
    #[command(flatten)]
    place: QueueArgs,
}

/// Write the log to standard output, a line of JSON for each row
#[derive(Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    place: QueueArgs,
}

pub(crate) fn run(command: AuditCommand, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Verify(args) => verify(&args, environment),
        AuditCommand::Export(args) => export(&args, environment),
    }
}

fn verify(args: &VerifyArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let since = args.since.as_deref().map(|text| {
        let parts = text.split_once(':').and_then(|(rows, hash)| Some((rows.parse::<i64>().ok()?, hash)));
        parts.with_context(|| format!("--since is {text:?}, but it must be ROWS:HASH as an earlier check gave it"))
    });
    let since = since.transpose()?;
    with_store(&args.place, environment, async |store| {
        let verdict = store.verify_audit().await?;
        let mut faults: Vec<String> = verdict.faults.iter().map(ToString::to_string).collect();
        if let Some((rows, hash)) = since.filter(|(rows, _)| *rows > 0) {
            let there = store.audit(rows - 1).await?;
            if there.first().is_none_or(|entry| entry.seq != rows || entry.hash != hash) {
                faults.push(format!("row {rows} had the hash {hash}, and has not any more"));
            }
        }
        if faults.is_empty() {
            println!("{}:{}", verdict.rows, verdict.head);
            return Ok(ExitCode::SUCCESS);
        }
        for fault in faults {
            println!("FAULT  {fault}");
        }
        Ok(ExitCode::FAILURE)
    })
}

fn export(args: &ExportArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    with_store(&args.place, environment, async |store| {
        let mut out = std::io::stdout().lock();
        let mut last = 0;
        loop {
            let page = store.audit(last).await?;
            let Some(end) = page.last() else { return Ok(ExitCode::SUCCESS) };
            last = end.seq;
            for entry in &page {
                if writeln!(out, "{}", line(entry)).is_err() {
                    // A reader that stopped reading (`| head`).
                    return Ok(ExitCode::SUCCESS);
                }
            }
        }
    })
}

/// Everything that the hash covers; the exact time stands beside the one for people.
pub(crate) fn line(entry: &AuditEntry) -> Value {
    let details = serde_json::from_str(&entry.details).unwrap_or_else(|_| Value::from(entry.details.as_str()));
    json!({
        "seq": entry.seq, "time": time(entry.at), "at_ms": entry.at, "organisation": entry.organisation,
        "actor": entry.actor, "role": entry.role, "action": entry.action, "subject": entry.subject,
        "before": entry.before, "after": entry.after, "details": details, "request": entry.request, "hash": entry.hash,
    })
}

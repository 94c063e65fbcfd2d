//! `shelf keys`: who may ask the server.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use store::access::{ApiKey, NewKey, Role};
use store::model::now;

use crate::environment::Environment;
use crate::owner::{Owner, actor, time};
use crate::queue::{QueueArgs, with_store};

/// Keys that clients send as `Authorization: Bearer KEY`: make, list and revoke them
#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    Create(CreateArgs),
    List(ListArgs),
    Revoke(RevokeArgs),
}

/// Make a key; it is shown this once
#[derive(Args)]
pub(crate) struct CreateArgs {
    /// What it is known by in logs and as a reviewer
    name: String,
    /// viewer: photos, answers and lists; reviewer: labels, too; engineer: models, too; admin: everything
    #[arg(long)]
    role: Role,
    /// How long it holds, such as 12h or 90d [default: until it is revoked]
    #[arg(long, value_name = "TIME", value_parser = span)]
    expires: Option<Duration>,
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    place: QueueArgs,
}

/// List keys, without the keys themselves
#[derive(Args)]
pub(crate) struct ListArgs {
    /// Of every organisation
    #[arg(long, conflicts_with = "org")]
    all: bool,
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    place: QueueArgs,
}

/// Revoke a key: a server that runs refuses it within seconds
#[derive(Args)]
pub(crate) struct RevokeArgs {
    /// Name or id
    key: String,
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    place: QueueArgs,
}

pub(crate) fn run(command: KeysCommand, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        KeysCommand::Create(args) => with_store(&args.place, environment, async |store| {
            let organisation = args.owner.find(&store).await?;
            let milliseconds = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
            let expires_at = args.expires.map(|span| now().saturating_add(milliseconds(span)));
            let new =
                NewKey { organisation: organisation.id.clone(), name: args.name.clone(), role: args.role, expires_at };
            let (token, key) = store.create_key(new, &actor(&organisation)).await?;
            // The key alone on standard output, for scripts.
            eprintln!("{}, {} of {}; keep it now, it is not shown again:", key.name, key.role, key.organisation_name);
            println!("{}", token.expose());
            Ok(())
        })?,
        KeysCommand::List(args) => with_store(&args.place, environment, async |store| {
            let organisation = if args.all { None } else { Some(args.owner.find(&store).await?.id) };
            println!("{:<36}  {:<20}  {:<9}  {:<16}  {:<8}  last used", "id", "name", "role", "organisation", "state");
            for key in store.keys(organisation.as_deref()).await? {
                let used = key.used_at.map_or_else(|| "never".to_owned(), time);
                let (state, ApiKey { id, name, role, organisation_name, .. }) = (state(&key), &key);
                println!("{id:<36}  {name:<20}  {:<9}  {organisation_name:<16}  {state:<8}  {used}", role.as_str());
            }
            Ok(())
        })?,
        KeysCommand::Revoke(args) => with_store(&args.place, environment, async |store| {
            let organisation = args.owner.find(&store).await?;
            let key = store.revoke_key(&organisation.id, &args.key, &actor(&organisation)).await?;
            println!("{} is revoked since {}", key.name, time(key.revoked_at.unwrap_or_default()));
            Ok(())
        })?,
    }
    Ok(ExitCode::SUCCESS)
}

fn state(key: &ApiKey) -> &'static str {
    match key {
        key if key.is_live(now()) => "live",
        key if key.revoked_at.is_some() => "revoked",
        _ => "expired",
    }
}

/// `12h` or `90d`.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time; write hours as 12h or days as 90d, at most ten years");
    let unit = match text.bytes().last() {
        Some(b'h') => 3_600,
        Some(b'd') => 86_400,
        _ => return Err(wrong()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let seconds = count.checked_mul(unit).filter(|seconds| (1..=3_653 * 86_400).contains(seconds)).ok_or_else(wrong)?;
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        let hours = |text: &str| span(text).map(|span| span.as_secs() / 3_600).ok();
        assert_eq!((hours("12h"), hours("90d"), hours("3653d")), (Some(12), Some(2_160), Some(87_672)));
        for wrong in ["", "h", "12", "0d", "-1d", "1.5h", "3654d", "99999999999999999999d", "1w", "é"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}

//! `shelf release ab`: two versions beside each other.

use clap::{Args, Subcommand, ValueEnum};
use store::Store;
use store::registry::{AbMode, AbTest, ArmStanding, NewAbTest};

use super::Where;
use super::verdict::verdict;
use crate::environment::Environment;
use crate::owner::{actor, time};
use crate::queue::with_store;

/// A/B tests and shadows: two versions beside each other, and which does better
#[derive(Subcommand)]
pub(crate) enum AbCommand {
    Begin(BeginArgs),
    List(ListArgs),
    Show(ShowArgs),
    End(EndArgs),
}

/// What the second version does.
#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    /// Both answer
    Ab,
    /// The second one is held against the first, which answers alone
    Shadow,
}

/// Begin a test: two models of tables, or two releases of one name of which one is in production
#[derive(Args)]
pub(crate) struct BeginArgs {
    /// What it is called
    name: String,
    /// Id or NAME@VERSION of the first version
    a: String,
    /// Id or NAME@VERSION of the second
    b: String,
    /// Fraction that A answers; of a shadow, fraction of answers that B is held against
    #[arg(long, value_name = "FRACTION", default_value = "0.5")]
    split_ratio: f64,
    /// What the second version does
    #[arg(long, value_enum, default_value = "ab")]
    mode: Mode,
    #[command(flatten)]
    at: Where,
}

/// List tests, the newest first
#[derive(Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    at: Where,
}

/// Show how both sides of a test do
#[derive(Args)]
pub(crate) struct ShowArgs {
    /// What it is called
    name: String,
    #[command(flatten)]
    at: Where,
}

/// End a test: what is in production answers alone again
#[derive(Args)]
pub(crate) struct EndArgs {
    /// What it is called
    name: String,
    #[command(flatten)]
    at: Where,
}

pub(super) fn run(command: &AbCommand, environment: &Environment) -> anyhow::Result<()> {
    match command {
        AbCommand::Begin(args) => begin(args, environment),
        AbCommand::List(args) => list(args, environment),
        AbCommand::Show(args) => show(args, environment),
        AbCommand::End(args) => end(args, environment),
    }
}

fn begin(args: &BeginArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        let (a, b) = (store.model(&organisation.id, &args.a).await?, store.model(&organisation.id, &args.b).await?);
        let mode = match args.mode {
            Mode::Ab => AbMode::Ab,
            Mode::Shadow => AbMode::Shadow,
        };
        let new = NewAbTest {
            name: args.name.clone(),
            model_a: a.id.clone(),
            model_b: b.id.clone(),
            split_ratio: args.split_ratio,
            mode,
        };
        let test = store.begin_ab_test(new, &actor(&organisation)).await?;
        println!("{} runs: a is {}, b is {}", test.name, a.label(), b.label());
        Ok(())
    })
}

fn list(args: &ListArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        println!("{:<24}  {:<8}  {:<7}  {:<6}  {:<20}  {:<20}  of", "name", "kind", "mode", "ratio", "begun", "ended");
        for test in store.ab_tests(&organisation.id).await? {
            let ended = test.ended_at.map_or_else(|| "runs".to_owned(), time);
            let (kind, mode, begun) = (test.kind.as_str(), test.mode.as_str(), time(test.created_at));
            println!(
                "{:<24}  {kind:<8}  {mode:<7}  {:<6}  {begun:<20}  {ended:<20}  {}",
                test.name, test.split_ratio, test.subject
            );
        }
        Ok(())
    })
}

fn show(args: &ShowArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        let test = store.ab_test(&organisation.id, &args.name).await?;
        print(&store, &test).await
    })
}

fn end(args: &EndArgs, environment: &Environment) -> anyhow::Result<()> {
    with_store(&args.at.place, environment, async |store| {
        let organisation = args.at.owner.find(&store).await?;
        let test = store.end_ab_test(&args.name, &actor(&organisation)).await?;
        print(&store, &test).await
    })
}

/// How a test stands.
pub(super) async fn print(store: &Store, test: &AbTest) -> anyhow::Result<()> {
    let [a, b] = [
        store.model(&test.organisation, &test.model_a).await?.label(),
        store.model(&test.organisation, &test.model_b).await?.label(),
    ];
    let state = test.ended_at.map_or_else(|| "runs".to_owned(), |at| format!("ended {}", time(at)));
    println!("{}  {}  begun {} by {}  {state}", test.name, test.mode, time(test.created_at), test.created_by);
    let standing = store.ab_standing(test).await?;
    if let Some((photos, agreed)) = standing.shadow {
        let (low, high) = agreed.interval(vision::sequential::ALPHA);
        println!("{photos} photos; {b} saw {} of {} facings as {a} did", agreed.right, agreed.of);
        println!("agreement, at all times, 95 %  {low:.3}..{high:.3}");
        return Ok(());
    }
    let ArmStanding { answers, judged, latency_ms } = standing.a;
    let other = standing.b;
    println!("{:<28}  {a:>14}  {b:>14}  {:>10}", "", "better");
    println!("{:<28}  {answers:>14}  {:>14}  {:>10}", "answers", other.answers, "-");
    println!("{:<28}  {:>14}  {:>14}  {:>10}", "latency, ms", text(latency_ms), text(other.latency_ms), "-");
    println!("{:<28}  {:>14}  {:>14}  {:>10}", "judged", judged.of, other.judged.of, "-");
    println!("{:<28}  {:>14}  {:>14}  {:>10}", "right", text(judged.rate()), text(other.judged.rate()), "-");
    let [low, high, better] = verdict(judged, other.judged);
    println!("{:<28}  {low:>14}  {high:>14}  {better:>10}", "  at all times, 95 %");
    Ok(())
}

fn text(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

#[path = "../src/dataset/mod.rs"]
mod dataset;
use clap::Parser;
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: dataset::DatasetCommand,
}
fn main() -> std::process::ExitCode {
    match dataset::run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            std::process::ExitCode::from(2)
        }
    }
}

//! The `rehearse` command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = rehearsal::cli::Cli::parse();
    rehearsal::commands::execute(cli.command).into()
}

//! The `rehearse` command.

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = rehearsal::cli::Cli::parse();
    rehearsal::commands::execute(cli.command).into()
}

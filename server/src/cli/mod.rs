//! The command line: one file a command. Exit codes: 0 good, 1 failed, 2 wrong usage.

mod check;
mod demo;
mod evaluate;
mod generate;
mod import;
mod inspect;
mod openapi;
mod output;
mod progress;
mod samples;
mod serve;
mod split;
mod train;
mod tune;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::Output;

/// Social-commerce recommendations with embedded vector search: train on purchases and friendships, serve over HTTP.
#[derive(Debug, Parser)]
#[command(name = "juntos", version, propagate_version = true)]
struct Cli {
    /// Print nothing but results and errors
    #[arg(short, long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Generate a small world, train on it, serve it on loopback and print calls to try
    Demo(demo::Demo),
    /// Write a seeded synthetic dataset with planted structure
    Generate(generate::Generate),
    /// Turn files of another format into a dataset
    Import(import::Import),
    /// Validate a dataset and describe it
    Check(check::Check),
    /// Mark what happened last as the test, for `juntos evaluate`
    Split(split::Split),
    /// Train on a dataset and write a bundle
    Train(train::Train),
    /// Search for better settings, as long as you like; goes on where it was interrupted
    Tune(tune::Tune),
    /// Measure a bundle on held-out rows, beside baselines
    Evaluate(evaluate::Evaluate),
    /// Say what is inside a bundle, and why a user gets what she gets
    Inspect(inspect::Inspect),
    /// Serve a bundle over HTTP
    Serve(serve::Serve),
    /// Print the OpenAPI description of the HTTP API
    Openapi(openapi::Openapi),
}

/// What ends a command early, already worded for a person.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Reads the command line and runs the command it names.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.quiet);
    let done = match cli.command {
        Command::Demo(command) => command.run(&output),
        Command::Generate(command) => command.run(&output),
        Command::Import(command) => command.run(&output),
        Command::Check(command) => command.run(&output),
        Command::Split(command) => command.run(&output),
        Command::Train(command) => command.run(&output),
        Command::Tune(command) => command.run(&output),
        Command::Evaluate(command) => command.run(&output),
        Command::Inspect(command) => command.run(&output),
        Command::Serve(command) => command.run(&output),
        Command::Openapi(command) => command.run(&output),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.error(failure.as_ref());
            ExitCode::FAILURE
        }
    }
}

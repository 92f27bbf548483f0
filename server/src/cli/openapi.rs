//! `juntos openapi`: the description of the HTTP API, made from the code.

use clap::Args;

use super::{Failure, Output};

#[derive(Debug, Args)]
pub(super) struct Openapi {}

impl Openapi {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        output.line(juntos::openapi().to_pretty_json()?)
    }
}

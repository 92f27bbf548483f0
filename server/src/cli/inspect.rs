//! `juntos inspect`: what is inside a bundle, and why a user gets what she gets.

use std::path::PathBuf;

use clap::Args;
use juntos_datasets::ProductRow;
use juntos_datasets::units::Timestamp;
use juntos_engine::recommend::Snapshot;
use juntos_engine::request::{Answer, Context, ProductItem};
use serde_json::json;

use super::{Failure, Output, serve};

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// Folder of the bundle
    bundle: PathBuf,
    /// Show what is known about this user and what she would see
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Products to show
    #[arg(long, default_value_t = 10)]
    limit: usize,
}

impl Inspect {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let snapshot = serve::open(&self.bundle)?.snapshot();
        let Some(user) = self.user else {
            return output.line(serde_json::to_string_pretty(snapshot.bundle().manifest())?);
        };
        let now = snapshot.bundle().manifest().cut.unwrap_or_default();
        output.line(serde_json::to_string_pretty(&profile(&snapshot, &user)?)?)?;
        let answer = snapshot.feed(&user, &Context::new(now, self.limit))?;
        output.line(feed(&answer, now))
    }
}

/// What the bundle knows of a user.
fn profile(snapshot: &Snapshot, user: &str) -> Result<serde_json::Value, Failure> {
    let record = snapshot.user(user).ok_or_else(|| format!("the bundle holds no user `{user}`; check the id"))?;
    let bundle = snapshot.bundle();
    let bought: Vec<_> = match bundle.users().row(user) {
        Some(row) => bundle.possessions(row).iter().map(|had| bundle.products().id(ProductRow(had.product))).collect(),
        None => Vec::new(),
    };
    Ok(
        json!({"user": record, "bought": bought, "friendships": snapshot.friendships(user), "blocks": snapshot.blocks(user)}),
    )
}

/// The feed at `now` as lines: product, source, reasons, title.
fn feed(answer: &Answer<ProductItem>, now: Timestamp) -> String {
    let mut text = format!("feed at {now}");
    if let Some(degraded) = answer.degraded {
        text.push_str(&format!(", found another way: {}", degraded.word()));
    }
    for (place, item) in answer.items.iter().enumerate() {
        let reasons: Vec<&str> = item.reasons.iter().map(|reason| reason.code().word()).collect();
        text.push_str(&format!(
            "\n{:>3}  {:<20} {:>9.4}  {:<10} {}  {}",
            place + 1,
            item.product_id,
            item.score,
            item.source.word(),
            reasons.join(" "),
            item.title.as_deref().unwrap_or("")
        ));
    }
    text
}

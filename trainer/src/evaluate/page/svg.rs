//! Drawing: scales, axes and marks as SVG text, styled by the page's classes.

use std::fmt::Write;

/// Text that may stand inside HTML and SVG.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// Where values stand on a line of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    /// Whether distances grow with the square root of the value, which spreads small values out.
    root: bool,
}

impl Scale {
    /// `low` stands at `from`, `high`, which is more, at `to`.
    pub(super) fn new((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        Self { low, high, from, to, root: false }
    }

    /// The same with square roots of values, none of them below zero.
    pub(super) fn with_roots(self) -> Self {
        Self { root: true, ..self }
    }

    /// Place of `value`; values beyond the ends stand at the ends.
    pub(super) fn at(&self, value: f64) -> f64 {
        let bend = |value: f64| if self.root { value.max(0.0).sqrt() } else { value };
        let (low, high) = (bend(self.low), bend(self.high));
        let share = if high > low { (bend(value) - low) / (high - low) } else { 0.5 };
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Round values from low to high, about `count` of them.
    pub(super) fn ticks(&self, count: usize) -> Vec<f64> {
        if self.root {
            return [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0]
                .into_iter()
                .filter(|tick| *tick <= self.high)
                .collect();
        }
        let step = round_step((self.high - self.low) / count.max(1) as f64);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last).map(|tick| tick as f64 * step).collect()
    }
}

/// The next of 1, 2, 5 times a power of ten that is at least `least`.
fn round_step(least: f64) -> f64 {
    if !(least.is_finite() && least > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|times| times * power)
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(power)
}

/// A round value that is at least `least`, to end an axis with.
pub(super) fn round_end(least: f64) -> f64 {
    let step = round_step(least / 5.0);
    (least / step - 1e-9).ceil().max(1.0) * step
}

/// A number for an axis: no more digits than it needs.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A picture that grows.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    body: String,
}

/// Which end of a text stands at its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Canvas {
    fn push(&mut self, mark: std::fmt::Arguments<'_>) {
        self.body.write_fmt(mark).expect("a string takes every text");
    }

    /// A straight line.
    pub(super) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.push(format_args!(r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#));
    }

    /// A line through points.
    pub(super) fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        let mut way = String::new();
        for (at, (x, y)) in points.iter().enumerate() {
            let letter = if at == 0 { 'M' } else { 'L' };
            write!(way, "{letter}{x:.1} {y:.1}").expect("a string takes every text");
        }
        self.push(format_args!(r#"<path class="{class}" d="{way}"/>"#));
    }

    /// A dot that tells `what` when pointed at.
    pub(super) fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64, what: &str) {
        let what = escaped(what);
        self.push(format_args!(
            r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="{radius}"><title>{what}</title></circle>"#
        ));
    }

    /// A word.
    pub(super) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.push(format_args!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#));
    }

    /// A frame of two scales with ticks, grid lines and names.
    pub(super) fn axes(&mut self, x: &Scale, y: &Scale, (x_name, y_name): (&str, &str)) {
        for tick in y.ticks(5) {
            let at = y.at(tick);
            self.line("grid", (x.from, at), (x.to, at));
            self.text("", (x.from - 8.0, at + 4.0), Anchor::End, &short(tick));
        }
        for tick in x.ticks(6) {
            let at = x.at(tick);
            self.line("axis", (at, y.from), (at, y.from + 4.0));
            self.text("", (at, y.from + 18.0), Anchor::Middle, &short(tick));
        }
        self.line("axis", (x.from, y.from), (x.to, y.from));
        self.text("", ((x.from + x.to) / 2.0, y.from + 36.0), Anchor::Middle, x_name);
        self.text("name", (x.from - 40.0, y.to - 12.0), Anchor::Start, y_name);
    }

    /// The picture, `width` by `height` units; `says` is read out in its place.
    pub(super) fn finish(self, (width, height): (f64, f64), says: &str) -> String {
        let (says, body) = (escaped(says), self.body);
        format!(r#"<svg viewBox="0 0 {width} {height}" role="img" aria-label="{says}">{body}</svg>"#)
    }
}

#[cfg(test)]
mod tests {
    //! 1. A scale puts its ends at the ends, keeps order, and holds values beyond the ends at the ends.
    //! 2. Ticks are round, lie inside, and are not too many.
    //! 3. No text can leave its place.

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn scales_keep_order(low in 0.0f64..5.0, span in 0.001f64..100.0, root: bool, at in 0.0f64..1.0, step in 0.0f64..1.0) {
            let scale = Scale::new((low, low + span), (300.0, 10.0));
            let scale = if root { scale.with_roots() } else { scale };
            prop_assert!((scale.at(low) - 300.0).abs() < 1e-6 && (scale.at(low + span) - 10.0).abs() < 1e-6);
            prop_assert_eq!(scale.at(low + 2.0 * span), scale.at(low + span));
            let value = low + at * span;
            prop_assert!(scale.at(value + step * span) <= scale.at(value) + 1e-9);
            let ticks = scale.ticks(5);
            prop_assert!(ticks.len() <= 8);
            prop_assert!(root || ticks.iter().all(|tick| (low - 1e-9..=low + span + 1e-6).contains(tick)));
            prop_assert!(round_end(span) >= span * (1.0 - 1e-9) && round_end(span) <= 2.0 * span + 1e-9);
        }

        #[test]
        fn escaped_text_has_no_marks(text in ".{0,40}") {
            let safe = escaped(&text);
            prop_assert!(!safe.contains(['<', '>', '"', '\'']));
            let back = safe.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
            prop_assert_eq!(back.replace("&amp;", "&"), text);
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([short(0.1), short(20.0), short(0.0), short(0.0625)], ["0.1", "20", "0", "0.0625"]);
        assert_eq!([round_end(0.63), round_end(0.1), round_end(1.0)], [0.8, 0.1, 1.0]);
    }
}

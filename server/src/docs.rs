//! The pages about the API as browsers and programs get them: Markdown as it is, or HTML whose headings have ids, so that
//! the links in errors find their chapters.

use std::collections::HashMap;
use std::sync::LazyLock;

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// The page at `/docs`.
pub const FIRST: &str = "api";

/// Every page by its name, which is that of its file without the ending.
const PAGES: [(&str, &str); 4] = [
    (FIRST, include_str!("../../docs/api.md")),
    ("feed", include_str!("../../docs/feed.md")),
    ("group-buying", include_str!("../../docs/group-buying.md")),
    ("privacy", include_str!("../../docs/privacy.md")),
];

const STYLE: &str = "body{max-width:52rem;margin:2rem auto;padding:0 1rem;font:16px/1.5 sans-serif}\
    pre,code{font-family:monospace;background:#f4f4f4}pre{padding:.8rem;overflow-x:auto}\
    table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:left;vertical-align:top}";

/// One page in both forms.
#[derive(Debug)]
pub struct Page {
    /// As it is written.
    pub markdown: &'static str,
    /// As browsers show it.
    pub html: String,
}

/// The page called `name`.
pub fn page(name: &str) -> Option<&'static Page> {
    static RENDERED: LazyLock<HashMap<&str, Page>> = LazyLock::new(|| {
        PAGES.into_iter().map(|(name, markdown)| (name, Page { markdown, html: render(markdown) })).collect()
    });
    RENDERED.get(name)
}

fn render(markdown: &str) -> String {
    let mut events: Vec<Event<'_>> = Parser::new_ext(markdown, Options::ENABLE_TABLES).collect();
    give_ids(&mut events);
    keep_served_links(&mut events);
    let mut body = String::new();
    html::push_html(&mut body, events.into_iter());
    let title = markdown.lines().next().unwrap_or_default().trim_start_matches("# ");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n"
    )
}

/// Gives every heading the id that links to it are written with: the one of its Markdown in a repository.
fn give_ids(events: &mut [Event<'_>]) {
    let mut used: HashMap<String, usize> = HashMap::new();
    let starts: Vec<usize> =
        (0..events.len()).filter(|&at| matches!(events[at], Event::Start(Tag::Heading { .. }))).collect();
    for start in starts {
        let inside = events[start..].iter().take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
        let text: String = inside.filter_map(written).collect();
        let slug = slug(&text);
        let before = used.entry(slug.clone()).or_insert(0);
        let unique = if *before == 0 { slug } else { format!("{slug}-{before}") };
        *before += 1;
        if let Event::Start(Tag::Heading { id, .. }) = &mut events[start] {
            *id = Some(CowStr::from(unique));
        }
    }
}

fn written<'a>(event: &'a Event<'_>) -> Option<&'a str> {
    match event {
        Event::Text(text) | Event::Code(text) => Some(text),
        _ => None,
    }
}

/// Lower case, words joined by hyphens, everything but letters, digits, `-` and `_` left out.
fn slug(text: &str) -> String {
    let kept = text.chars().filter(|&letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// Turns links between the pages to where they are served, and others that only a repository can follow to plain text.
fn keep_served_links(events: &mut Vec<Event<'_>>) {
    let mut dropped = false;
    events.retain_mut(|event| match event {
        Event::Start(Tag::Link { dest_url, .. }) => {
            let target = served(dest_url);
            dropped = target.is_none();
            *dest_url = CowStr::from(target.unwrap_or_default());
            !dropped
        }
        Event::End(TagEnd::Link) => !dropped,
        _ => true,
    });
}

/// Where the target of a link in a page is served; none where it is not.
fn served(target: &str) -> Option<String> {
    if target.starts_with('#') || target.contains("://") {
        return Some(target.to_owned());
    }
    let (file, anchor) = target.split_at(target.find('#').unwrap_or(target.len()));
    let name = file.strip_suffix(".md")?;
    PAGES.iter().any(|(known, _)| *known == name).then(|| format!("/docs/{name}{anchor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The targets of all links in `html`.
    fn links(html: &str) -> Vec<&str> {
        html.split("<a href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn every_link_of_every_page_finds_its_page_and_its_heading() {
        let mut found = 0;
        for (name, _) in PAGES {
            for link in links(&page(name).unwrap().html).into_iter().filter(|link| !link.contains("://")) {
                let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
                let other = path.strip_prefix("/docs/").unwrap_or(name);
                let target = page(other).unwrap_or_else(|| panic!("{name} links to {link}"));
                let there = anchor.is_empty() || target.html.contains(&format!("id=\"{anchor}\""));
                assert!(there, "{name} links to {link}, and there is no such heading");
                found += 1;
            }
        }
        assert!(found >= 8, "only {found} links were found");
    }

    #[test]
    fn headings_have_ids_and_links_lead_where_they_can() {
        let html = render(
            "# A `b_c`, d\n\n## Same\n\n## Same\n\n[x](feed.md#caps) [y](../src/lib.rs) [z](#same)\n\n|a|\n|-|\n|<|\n",
        );
        for part in [
            "<title>A `b_c`, d</title>",
            "<h1 id=\"a-b_c-d\">",
            "<h2 id=\"same\">",
            "<h2 id=\"same-1\">",
            "<a href=\"/docs/feed#caps\">x</a> y <a href=\"#same\">z</a>",
            "<td>&lt;</td>",
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
    }
}

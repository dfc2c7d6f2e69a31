//! Markdown to HTML for the pages: as GitHub shows it, with a short list of tags and no images.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Raw HTML that is let through, exactly as written; other tags appear as text.
const TAGS: [&str; 12] = [
    "<details>",
    "<details open>",
    "</details>",
    "<summary>",
    "</summary>",
    "<br>",
    "<br/>",
    "<sub>",
    "</sub>",
    "<kbd>",
    "</kbd>",
    "<p>",
];

pub(super) fn to_html(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut page = Page::default();
    for event in Parser::new_ext(text, options) {
        page.add(event);
    }
    page.html
}

#[derive(Default)]
struct Page {
    html: String,
    in_table_head: bool,
}

impl Page {
    fn add(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.open(tag),
            Event::End(tag) => self.close(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => {
                self.html.push_str("<code>");
                self.text(&code);
                self.html.push_str("</code>");
            }
            Event::Html(raw) | Event::InlineHtml(raw) => self.raw(&raw),
            Event::SoftBreak => self.html.push('\n'),
            Event::HardBreak => self.html.push_str("<br>\n"),
            Event::Rule => self.html.push_str("<hr>\n"),
            Event::TaskListMarker(done) => self.html.push_str(if done { "☑ " } else { "☐ " }),
            Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    fn open(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.html.push_str("<a rel=\"noreferrer\" href=\"");
                self.text(safe(&dest_url));
                self.html.push_str("\">");
            }
            Tag::TableHead => {
                self.in_table_head = true;
                self.html.push_str("<thead><tr>");
            }
            other => {
                let name = self.name(other.to_end());
                self.element("<", name);
            }
        }
    }

    fn close(&mut self, tag: TagEnd) {
        if tag == TagEnd::TableHead {
            self.in_table_head = false;
            self.html.push_str("</tr></thead>");
            return;
        }
        let name = self.name(tag);
        self.element("</", name);
        if !matches!(
            tag,
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image
        ) {
            self.html.push('\n');
        }
    }

    fn element(&mut self, bracket: &str, names: &[&str]) {
        for name in names {
            self.html.push_str(bracket);
            self.html.push_str(name);
            self.html.push('>');
        }
    }

    fn name(&self, tag: TagEnd) -> &'static [&'static str] {
        match tag {
            TagEnd::Paragraph => &["p"],
            // The page's own headings come first.
            TagEnd::Heading(_) => &["h3"],
            TagEnd::BlockQuote(_) => &["blockquote"],
            TagEnd::CodeBlock => &["pre"],
            TagEnd::List(true) => &["ol"],
            TagEnd::List(false) => &["ul"],
            TagEnd::Item => &["li"],
            TagEnd::Table => &["table"],
            TagEnd::TableRow => &["tr"],
            TagEnd::TableCell if self.in_table_head => &["th"],
            TagEnd::TableCell => &["td"],
            TagEnd::Emphasis => &["em"],
            TagEnd::Strong => &["strong"],
            TagEnd::Strikethrough => &["del"],
            TagEnd::Link | TagEnd::Image => &["a"],
            _ => &[],
        }
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '<' => self.html.push_str("&lt;"),
                '>' => self.html.push_str("&gt;"),
                '&' => self.html.push_str("&amp;"),
                '"' => self.html.push_str("&quot;"),
                other => self.html.push(other),
            }
        }
    }

    /// Lets known tags through and writes the rest as text; comments vanish.
    fn raw(&mut self, raw: &str) {
        let mut rest = raw;
        while !rest.is_empty() {
            let length = if rest.starts_with("<!--") {
                rest.find("-->").map_or(rest.len(), |end| end + 3)
            } else if let Some(tag) = TAGS.iter().find(|tag| rest.starts_with(**tag)) {
                self.html.push_str(tag);
                tag.len()
            } else {
                let first = rest.chars().next().map_or(1, char::len_utf8);
                let length = rest[first..].find('<').map_or(rest.len(), |at| first + at);
                self.text(&rest[..length]);
                length
            };
            rest = &rest[length..];
        }
    }
}

/// Addresses with a scheme other than these lead nowhere.
fn safe(address: &str) -> &str {
    let known = ["http://", "https://", "mailto:", "/", "#"];
    if known.iter().any(|k| address.starts_with(k)) || !address.contains(':') { address } else { "#" }
}

#[cfg(test)]
mod tests {
    use super::to_html;

    #[track_caller]
    fn check(text: &str, html: &str) {
        assert_eq!(to_html(text).trim(), html);
    }

    #[test]
    fn what_a_report_uses_is_shown() {
        check("**Bold** `code`", "<p><strong>Bold</strong> <code>code</code></p>");
        check("a <sub>b</sub>", "<p>a <sub>b</sub></p>");
        assert!(to_html("| a |\n|---|\n| b |").contains("<table>"));
        assert!(
            to_html("<details><summary>Log</summary>\n\ntext\n</details>")
                .starts_with("<details><summary>Log</summary>")
        );
        check("<!-- marker -->", "");
    }

    #[test]
    fn what_could_act_is_only_text() {
        check("a <script>alert(1)</script>", "<p>a &lt;script&gt;alert(1)&lt;/script&gt;</p>");
        check("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;");
        check("<details onclick=x>", "&lt;details onclick=x&gt;");
        check("[x](javascript:alert(1))", "<p><a rel=\"noreferrer\" href=\"#\">x</a></p>");
        check(
            "![x](https://example.org/p.png)",
            "<p><a rel=\"noreferrer\" href=\"https://example.org/p.png\">x</a></p>",
        );
    }
}

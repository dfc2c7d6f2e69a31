//! Which HTML elements are open around a place in a comment.
//!
//! Markdown lets a blank line end an HTML block, so the paragraph between `<details>` and `</details>` looks like any
//! other in the tree, while the browser folds it away. This keeps count of the elements in which words are not orders.

/// Elements that quote, fold, list, head or hide what is in them.
const ENCLOSING: [&str; 22] = [
    "a",
    "code",
    "kbd",
    "samp",
    "details",
    "summary",
    "blockquote",
    "pre",
    "table",
    "ul",
    "ol",
    "dl",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "template",
    "script",
    "style",
    "textarea",
];

/// How many of them, from the front, are parts of a sentence.
const OF_A_SENTENCE: usize = 4;

#[derive(Debug, Default, Clone)]
pub(super) struct OpenElements {
    open: [u32; ENCLOSING.len()],
}

impl OpenElements {
    /// Closes the parts of a sentence that were opened in a paragraph and left open, as people do who write `List<A>`.
    pub(super) fn end_paragraph(&mut self, at_its_start: &Self) {
        for (now, before) in self.open.iter_mut().zip(at_its_start.open).take(OF_A_SENTENCE) {
            *now = before.min(*now);
        }
    }

    pub(super) fn any(&self) -> bool {
        self.open.iter().any(|count| *count > 0)
    }

    /// Takes in a piece of raw HTML. Linear in its length; what is cut off in the middle of a tag or comment counts as its end.
    pub(super) fn read(&mut self, html: &str) {
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            rest = &rest[at + 1..];
            rest = if let Some(comment) = rest.strip_prefix("!--") {
                comment.find("-->").map_or("", |end| &comment[end + 3..])
            } else {
                self.read_tag(rest)
            };
        }
    }

    /// Reads from behind a `<`; gives back what stands behind the tag.
    fn read_tag<'a>(&mut self, tag: &'a str) -> &'a str {
        let (closing, named) = tag.strip_prefix('/').map_or((false, tag), |named| (true, named));
        let name_end = named.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(named.len());
        if name_end == 0 {
            return tag;
        }
        let element = ENCLOSING.iter().position(|known| known.eq_ignore_ascii_case(&named[..name_end]));
        if let Some(element) = element {
            let count = &mut self.open[element];
            *count = if closing { count.saturating_sub(1) } else { count.saturating_add(1) };
        }
        behind_tag(&named[name_end..])
    }
}

/// Skips attributes, whose quoted values may hold a `>`.
fn behind_tag(attributes: &str) -> &str {
    let mut quote = None;
    for (at, c) in attributes.char_indices() {
        match (quote, c) {
            (None, '>') => return &attributes[at + 1..],
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(html: &str, open: bool) {
        let mut elements = OpenElements::default();
        elements.read(html);
        assert_eq!(elements.any(), open, "{html:?}");
    }

    #[test]
    fn an_element_is_open_until_it_is_closed() {
        check("<details>", true);
        check("<DETAILS open><summary>x</summary>", true);
        check("<details><details></details>", true);
        check("<details></details>", false);
        check("</details>", false);
        check("<br><p><img src=x>", false);
    }

    #[test]
    fn tags_in_comments_and_attributes_are_not_tags() {
        check("<!-- <details> -->", false);
        check("<!-- <details>", false);
        check("<p title='<details>'>", false);
        check("<p title='<details>'><pre>", true);
        check("1 < details", false);
    }
}

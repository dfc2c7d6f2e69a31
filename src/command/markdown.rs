//! Where in a comment a command may stand: at the start of a line of a paragraph that lies in nothing else.
//!
//! Quotes, lists, tables, headings, code, footnotes and raw HTML are other things in the Markdown tree, so their words
//! never get here. The dialect is GitHub's, which GitLab's extends.

use crate::command::html::OpenElements;
use crate::command::lexer::is_blank;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::ops::Range;

/// A line of a top-level paragraph whose first visible character may begin a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it stands in the comment, from its first visible character to its end.
    pub range: Range<usize>,
    /// Its text, with HTML comments blanked out.
    pub text: String,
}

/// Columns of indentation from which Markdown would read code, were it not within a paragraph.
const CODE_INDENT: usize = 4;

/// All lines that begin with `/` or `@`, in order. Line ends have to be line feeds.
pub(super) fn paragraph_lines(source: &str) -> Vec<Line> {
    if !source.lines().any(may_begin_command) {
        return Vec::new();
    }
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_GFM;
    let mut reader = Reader { source, ..Reader::default() };
    for (event, range) in Parser::new_ext(source, options).into_offset_iter() {
        reader.take(&event, range);
    }
    reader.lines
}

fn may_begin_command(line: &str) -> bool {
    line.trim_start_matches(is_blank).starts_with(['/', '@'])
}

#[derive(Default)]
struct Reader<'a> {
    source: &'a str,
    /// Containers, blocks and inline elements around the present place.
    depth: usize,
    in_paragraph: bool,
    /// Links and images around the present place.
    links: usize,
    html: OpenElements,
    html_before_paragraph: OpenElements,
    /// Start of the line that is being read, if a command may stand there.
    line: Option<usize>,
    comments: Vec<Range<usize>>,
    lines: Vec<Line>,
}

impl Reader<'_> {
    fn take(&mut self, event: &Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.enter(tag, range),
            Event::End(tag) => self.leave(*tag, range),
            Event::SoftBreak | Event::HardBreak if self.in_paragraph => {
                self.finish_line(range.start);
                self.begin_line(range.end);
            }
            Event::InlineHtml(html) if self.in_paragraph => {
                self.html.read(html);
                if html.starts_with("<!--") {
                    self.comments.push(range);
                }
            }
            _ => {}
        }
    }

    fn enter(&mut self, tag: &Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Paragraph if self.depth == 0 => {
                self.in_paragraph = true;
                self.html_before_paragraph = self.html.clone();
                self.begin_line(range.start);
            }
            Tag::HtmlBlock if self.depth == 0 => self.html.read(&self.source[range]),
            Tag::Link { .. } | Tag::Image { .. } => self.links += 1,
            _ => {}
        }
        self.depth += 1;
    }

    fn leave(&mut self, tag: TagEnd, range: Range<usize>) {
        self.depth -= 1;
        match tag {
            TagEnd::Paragraph if self.depth == 0 => {
                self.finish_line(range.end);
                self.in_paragraph = false;
                self.html.end_paragraph(&self.html_before_paragraph);
            }
            TagEnd::Link | TagEnd::Image => self.links -= 1,
            _ => {}
        }
    }

    fn begin_line(&mut self, at: usize) {
        self.comments.clear();
        let rest = &self.source[at..];
        let visible = at + rest.find(|c| c == '\n' || !is_blank(c)).unwrap_or(rest.len());
        let allowed = self.links == 0 && !self.html.any() && self.indentation(visible) < CODE_INDENT;
        self.line = (allowed && self.source[visible..].starts_with(['/', '@'])).then_some(visible);
    }

    /// Columns before `at` that are spaces or tabs, up to the four that matter.
    fn indentation(&self, at: usize) -> usize {
        let line = self.source[..at].rfind('\n').map_or(0, |feed| feed + 1);
        let blanks = self.source[line..at].chars().take_while(|c| matches!(c, ' ' | '\t'));
        blanks.map(|c| if c == '\t' { CODE_INDENT } else { 1 }).sum()
    }

    fn finish_line(&mut self, end: usize) {
        let Some(start) = self.line.take() else { return };
        let end = end.max(start);
        let mut text = self.source[start..end].to_owned();
        for comment in self.comments.drain(..) {
            let inner = comment.start.max(start) - start..comment.end.min(end) - start;
            let blanks = " ".repeat(inner.len());
            text.replace_range(inner, &blanks);
        }
        text.truncate(text.find('\n').unwrap_or(text.len()));
        text.truncate(text.trim_end_matches(is_blank).len());
        self.lines.push(Line { range: start..start + text.len(), text });
    }
}

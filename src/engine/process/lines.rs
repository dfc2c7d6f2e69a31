//! Bytes to bounded lines, and the last bytes of a stream.

use std::collections::VecDeque;

/// One line of output, without its line break. Bytes that are not UTF-8 become U+FFFD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    /// The line was longer than the limit; its rest was dropped.
    pub cut: bool,
}

/// Cuts a byte stream into lines and keeps the head of those that are too long.
pub(super) struct Splitter {
    limit: usize,
    open: Vec<u8>,
    cut: bool,
    ready: VecDeque<Line>,
}

impl Splitter {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, open: Vec::new(), cut: false, ready: VecDeque::new() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let room = self.limit.saturating_sub(self.open.len());
            self.cut |= text.len() > room;
            self.open.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                self.close();
            }
        }
    }

    pub(super) fn pop(&mut self) -> Option<Line> {
        self.ready.pop_front()
    }

    /// The stream is over: what has no line break yet is a line too.
    pub(super) fn end(&mut self) {
        if !self.open.is_empty() || self.cut {
            self.close();
        }
    }

    fn close(&mut self) {
        let bytes = std::mem::take(&mut self.open);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(&bytes);
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.ready.push_back(Line { text, cut: std::mem::take(&mut self.cut) });
    }
}

/// The last `limit` bytes of a stream.
pub(super) struct Tail {
    limit: usize,
    bytes: VecDeque<u8>,
}

impl Tail {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, bytes: VecDeque::new() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(&bytes[bytes.len().saturating_sub(self.limit)..]);
        let surplus = self.bytes.len().saturating_sub(self.limit);
        self.bytes.drain(..surplus);
    }

    pub(super) fn text(&self) -> String {
        let (head, rest) = self.bytes.as_slices();
        String::from_utf8_lossy(&[head, rest].concat()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(limit: usize, chunks: &[&[u8]], lines: &[(&str, bool)]) {
        let mut splitter = Splitter::new(limit);
        chunks.iter().for_each(|chunk| splitter.push(chunk));
        splitter.end();
        let seen: Vec<_> = std::iter::from_fn(|| splitter.pop()).map(|line| (line.text, line.cut)).collect();
        let wanted: Vec<_> = lines.iter().map(|(text, cut)| ((*text).to_owned(), *cut)).collect();
        assert_eq!(seen, wanted);
    }

    #[test]
    fn lines_do_not_depend_on_how_the_bytes_arrive() {
        check(100, &[b"one\ntwo\r\nthree"], &[("one", false), ("two", false), ("three", false)]);
        check(
            100,
            &[b"o", b"ne\nt", b"wo\r", b"\nthree"],
            &[("one", false), ("two", false), ("three", false)],
        );
        check(100, &[b"\n\nx\n"], &[("", false), ("", false), ("x", false)]);
        check(100, &[], &[]);
    }

    #[test]
    fn a_long_line_keeps_its_head_and_says_so() {
        check(3, &[b"abc\nabcd\nef"], &[("abc", false), ("abc", true), ("ef", false)]);
        check(3, &[b"ab", b"cd", b"ef", b"\nx\n"], &[("abc", true), ("x", false)]);
    }

    #[test]
    fn bytes_that_are_not_text_do_no_harm() {
        check(100, &[b"a\xffb\0\n"], &[("a\u{fffd}b\0", false)]);
    }

    #[test]
    fn a_tail_keeps_the_last_bytes() {
        let mut tail = Tail::new(4);
        for chunk in [&b"ab"[..], b"cd", b"", b"ef", b"0123456789"] {
            tail.push(chunk);
        }
        assert_eq!(tail.text(), "6789");
        tail.push(b"x");
        assert_eq!(tail.text(), "789x");
    }
}

use super::*;
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

fn events(source: &str) -> Vec<Event<'_>> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_GFM
        | Options::ENABLE_MATH;
    Parser::new_ext(source, options).collect()
}

/// What a reader sees of `source`, if it is one paragraph of nothing but text.
fn seen(source: &str) -> Option<String> {
    let mut text = String::new();
    for event in events(source) {
        match event {
            Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
            Event::Text(part) => text.push_str(&part),
            _ => return None,
        }
    }
    Some(text.replace(BREAK, ""))
}

/// A mention, a reference or an address that a forge would make live in rendered `text`.
fn live(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let pairs: Vec<(char, char)> = lower.chars().zip(lower.chars().skip(1)).collect();
    let marked = pairs.iter().find(|(mark, next)| REFERENCE_MARKS.contains(mark) && next.is_alphanumeric());
    let gh = (0..10).find(|digit| lower.contains(&format!("gh-{digit}")));
    marked
        .map(|pair| format!("{pair:?}"))
        .or(gh.map(|digit| format!("gh-{digit}")))
        .or(lower.contains("://").then(|| "address".to_owned()))
        .or(lower.contains("www.").then(|| "www".to_owned()))
}

#[track_caller]
fn check(words: &str) {
    let escaped = escape_inline(words);
    let source = events(&escaped);
    let rendered: String = source
        .iter()
        .filter_map(|event| if let Event::Text(text) = event { Some(text.as_ref()) } else { None })
        .collect();
    assert_eq!(seen(&escaped), Some(one_line(words)), "{words:?} became {escaped:?}");
    assert_eq!(live(&rendered), None, "{words:?} became {escaped:?}");
    assert!(!escaped.starts_with(['/', '@', BREAK]), "{escaped:?}");
    assert!(!escaped.contains('\n'));
}

#[test]
fn hostile_words_are_only_words() {
    for words in [
        "@torvalds look, @org/team and mail a@b.example",
        "fixes #12, closes GH-13, resolves acme/api#14, see !7 and ~bug and %\"v 1\"",
        "closes https://github.com/acme/api/issues/1 and www.example.com",
        "/protocol cancel",
        "@tasksgodzilla protocol cancel",
        "ok\n/step approve 1 fine",
        "ok\r\n\r\n# Heading",
        "| a | b |\n|---|---|",
        "---",
        "===",
        "- item",
        "1. item",
        "12) item",
        "+ x",
        "    code",
        "<details><summary>x</summary>",
        "<!-- tasksgodzilla:protocol=1:sticky -->",
        "&#64;torvalds &lt;b&gt; &nbsp;",
        "[x](https://evil.example) ![y](https://evil.example)",
        "`code` *b* _i_ **bb** ~~s~~ $x^2$ \\",
        "[^1]: note",
        "> quote",
        "> [!WARNING]",
        "a\\| b \\@c",
        "a\u{200b}@\u{200b}b",
        ":tada: #",
    ] {
        check(words);
    }
}

#[test]
fn ordinary_words_stay_readable() {
    insta::assert_snapshot!(escape_inline("step 1 failed: 3 tests (of 10), see src/a-b.rs"), @"step 1 failed: 3 tests (of 10), see src/a-b.rs");
}

#[test]
fn a_name_in_code_stays_in_its_span() {
    for (words, expected) in
        [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a\nb", "`a b`"), (" ", "`(blank)`")]
    {
        assert_eq!(code(words), expected);
    }
}

#[test]
fn what_may_become_a_commit_message_is_defused_and_reads_the_same() {
    let words = "fixes #3, GH-4, https://github.com/a/b/issues/5 @bob\n[skip ci] [x](y)";
    let defused = defused(words);
    assert_eq!(live(&defused), None);
    assert!(!defused.contains("[skip ci]"));
    assert_eq!(defused.replace(BREAK, ""), words);
}

#[test]
fn only_plain_addresses_become_links() {
    assert_eq!(link("CI", "https://ci.example/1?a=b"), "[CI](<https://ci.example/1?a=b>)");
    for url in ["javascript:alert(1)", "https://x> [a](b", "https://x y", "", "https://x\n"] {
        assert_eq!(link("CI", url), "CI");
    }
}

proptest! {
    #[test]
    fn whatever_is_escaped_is_one_paragraph_of_its_own_text(
        words in "([-@#!~%$^&|<>\\[\\](){}*_`+=:./\\\\\"'a1 \n]|www\\.|https?://|GH-|/step run 1|@bot|é|\u{200b}|\u{202e}){0,24}"
    ) {
        check(&words);
    }

    #[test]
    fn whatever_is_escaped_keeps_to_its_table_cell(words in "[-|\\\\`*_<>&a@# ]{1,24}") {
        let table = format!("| a | b |\n|---|---|\n| {} | z |", escape_inline(&words));
        let cells = events(&table).iter().filter(|event| matches!(event, Event::Start(Tag::TableCell))).count();
        prop_assert_eq!(cells, 4);
        prop_assert!(events(&table).contains(&Event::Text("z".into())), "{}", table);
    }

    #[test]
    fn whatever_is_fenced_is_one_block(words in "([`~<>@/#a\n ]|```|</details>){0,24}") {
        let source = fence(&words, "diff");
        let found = events(&source);
        let blocks = found.iter().filter(|event| matches!(event, Event::Start(_))).count();
        prop_assert!(matches!(found.first(), Some(Event::Start(Tag::CodeBlock(_)))));
        prop_assert!(matches!(found.last(), Some(Event::End(TagEnd::CodeBlock))));
        prop_assert_eq!(blocks, 1);
    }

    #[test]
    fn whatever_is_in_a_code_span_is_all_of_it(words in "[`a@#<\\\\ ]{1,20}") {
        let source = code(&words);
        let found = events(&source);
        prop_assert_eq!(found.len(), 3, "{:?}", found);
        prop_assert!(matches!(found[1], Event::Code(_)));
    }
}

//! What holds for any comment.

use super::*;
use proptest::prelude::*;

fn settings() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, cases: 256, ..ProptestConfig::default() }
}

const FRAGMENTS: [&str; 58] = [
    "/step run 2",
    "/protocol new",
    "/protocol",
    "/step",
    "@tasksgodzilla",
    "@tasksgodzilla[bot]:",
    "/bot why",
    "/clarify",
    "/help",
    " --to 3",
    " --base=",
    "--",
    " -- ",
    "—now",
    "#0003",
    " #3 ",
    "all",
    "2",
    "skip",
    "approve",
    "\n",
    "\n\n",
    "\r\n",
    "  \n",
    "\\\n",
    " ",
    "\t",
    "    ",
    "\u{a0}",
    "\u{200b}",
    "“",
    "”",
    "\"",
    "'",
    "`",
    "```",
    "~~~\n",
    "> ",
    "- ",
    "1. ",
    "# ",
    "===",
    "---",
    "|",
    "|---|\n",
    "[",
    "](",
    "![",
    ")",
    "<!--",
    "-->",
    "<details>",
    "</details>",
    "<a title='",
    "[^1]: ",
    "\\",
    "&#47;",
    "é🦖",
];

fn assembled() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&FRAGMENTS[..]), 0..40).prop_map(|parts| parts.concat())
}

fn any_comment() -> impl Strategy<Value = String> {
    prop_oneof![
        assembled(),
        any::<String>(),
        prop::collection::vec(any::<char>(), 0..200).prop_map(String::from_iter)
    ]
}

fn prefixed(body: &str, prefix: &str) -> String {
    body.replace('\r', "\n").split('\n').map(|line| format!("{prefix}{line}\n")).collect()
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn no_comment_makes_the_parser_panic(body in any_comment()) {
        for line in parse(&body, APP) {
            if let Err(mistake) = line.outcome {
                prop_assert!(mistake.to_string().chars().count() < 500);
                prop_assert!(!mistake.to_string().contains('\n'));
            }
            prop_assert_eq!(line.identity.hash.len(), 64);
        }
    }

    #[test]
    fn no_words_make_the_parser_or_help_panic(words in any_comment()) {
        let _read = parse_words(&words);
        prop_assert!(help(Some(&words)).len() < 20_000);
    }

    #[test]
    fn a_fenced_comment_holds_no_command(body in any_comment()) {
        let fence = "`".repeat(body.len() + 3);
        prop_assert_eq!(parse(&format!("{fence}\n{body}\n{fence}"), APP), []);
    }

    #[test]
    fn an_indented_comment_holds_no_command(body in any_comment()) {
        prop_assert_eq!(parse(&prefixed(&body, "    "), APP), []);
        prop_assert_eq!(parse(&prefixed(&body, "\t"), APP), []);
    }

    #[test]
    fn a_quoted_comment_holds_no_command(body in any_comment()) {
        prop_assert_eq!(parse(&prefixed(&body, "> "), APP), []);
    }

    #[test]
    fn a_comment_within_an_html_comment_holds_no_command(body in any_comment()) {
        let body = body.replace("-->", "");
        prop_assume!(!body.starts_with('>') && !body.starts_with("->"));
        prop_assert_eq!(parse(&format!("<!--\n{body}\n-->"), APP), []);
    }

    #[test]
    fn a_folded_comment_holds_no_command(body in any_comment()) {
        let body = body.replace('<', "");
        prop_assert_eq!(parse(&format!("<details>\n\n{body}\n\n</details>"), APP), []);
    }

    #[test]
    fn white_space_does_not_change_an_identity(words in prop::collection::vec("[a-z]{1,8}", 1..6), gap in "[ \t\u{a0}]{1,5}") {
        let plain = parse(&format!("/protocol replan {}", words.join(" ")), APP);
        let wide = parse(&format!("prose\n\n/Protocol{gap}replan{gap}{}{gap}", words.join(&gap)), APP);
        prop_assert_eq!(&plain[0].identity, &wide[0].identity);
    }

    #[test]
    fn other_arguments_have_another_identity(a in "[a-z]{1,8}( [a-z]{1,8}){0,3}", b in "[a-z]{1,8}( [a-z]{1,8}){0,3}") {
        let hash = |text: &str| parse(&format!("/protocol replan {text}"), APP)[0].identity.hash.clone();
        prop_assert_eq!(hash(&a) == hash(&b), a == b);
    }

    #[test]
    fn a_text_comes_back_as_it_was_typed(text in "[a-z*_`>#|]{1,12}( [a-z*_`>#|-]{0,1}[a-z*_`>#|]{1,12}){0,5}") {
        let asked = parse(&format!("/step steer 2 x {text}"), APP);
        let steer = asked[0].outcome.clone().unwrap().command;
        prop_assert_eq!(steer, crate::domain::command::Command::StepSteer { number: 2, text: format!("x {text}") });
    }
}

/// Comments as long as GitHub allows, each made of one thing that makes careless parsers slow.
#[test]
fn hostile_comments_of_full_length_are_read_to_their_end() {
    let limit = 65_536;
    let pieces = [
        ">",
        "> ",
        "- ",
        "[",
        "![",
        "[a](",
        "*a_",
        "**",
        "`",
        "`a ``b ",
        "<",
        "<!--",
        "<details>",
        "<a title='",
        "|",
        "|a\n|-\n",
        "\\",
        "&",
        "(",
        "\" ",
        "'a ",
        "“a ",
        "--a=\"b ",
        "/step run 2 ",
        "/step run 2\n",
        "@tasksgodzilla ",
        "[^1]: ",
        "\n\n/",
        "\u{200b}",
        "a\n",
        "/\n",
    ];
    for piece in pieces {
        for start in ["", "/protocol new ", "/step skip 2 ", "/bot why "] {
            let body = format!("{start}{}\n\n/bot ping", piece.repeat(limit / piece.len()));
            assert!(parse(&body, APP).len() <= COMMANDS_PER_COMMENT + 1, "{piece:?}");
        }
    }
}

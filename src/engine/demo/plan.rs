//! A plan made of the request's own words, in the shape that `schemas/protocol-planning.schema.json` asks for.

use super::{CONFESSION, Facts};
use serde_json::{Value, json};

/// Items of a list in the request that become steps.
const ITEMS: usize = 2;
const TITLE_CHARS: usize = 80;
const NAME_BYTES: usize = 40;
const QUOTE_LINES: usize = 20;

/// One file of the plan.
struct Step {
    file: String,
    title: String,
}

pub(super) fn planning(facts: &Facts) -> Value {
    let steps = steps(&facts.request);
    let files: Vec<_> = steps
        .iter()
        .map(|step| json!({"filename": step.file, "content": step_file(&step.title, &facts.request, facts)}))
        .collect();
    json!({
        "plan_md": plan(facts, &steps),
        "context_md": context(facts, &steps),
        "log_md": format!("# Work log: {}-{}\n\n- Planned. {CONFESSION}\n", facts.number, facts.slug),
        "step_files": files,
    })
}

/// The content of one step file.
pub(super) fn step_file(title: &str, request: &str, facts: &Facts) -> String {
    let (number, request) = (&facts.number, quoted(request));
    format!(
        "# {title}\n\n{CONFESSION}\n\n\
         ## Briefing\n\n\
         - **Goal**: {title}\n\
         - **Key files**: `TASKSGODZILLA-DEMO-{number}.md`\n\
         - **Additional info**: the request was:\n\n{request}\n\n\
         ## Sub-tasks\n\n\
         1. Write down in `TASKSGODZILLA-DEMO-{number}.md` that this step was taken.\n\
         2. Leave every other file as it is.\n\n\
         ## Workflow\n\n\
         1. Do the sub-tasks.\n\
         2. Run the checks of the repository.\n\
         3. Report; the bot commits.\n"
    )
}

/// A person's words as a quotation, cut to a readable length.
pub(super) fn quoted(text: &str) -> String {
    let lines: Vec<_> = text.lines().take(QUOTE_LINES).map(|line| format!("> {}", cut(line, 200))).collect();
    if lines.is_empty() { "> (nothing was written)".to_owned() } else { lines.join("\n") }
}

fn steps(request: &str) -> Vec<Step> {
    let mut titles = titles(request);
    titles.push("Finish: check everything once more".to_owned());
    let named = |(index, title): (usize, String)| Step {
        file: format!("{:02}-{}.md", index + 1, file_name(&title)),
        title,
    };
    let setup = Step { file: "00-setup.md".to_owned(), title: "Prepare the environment".to_owned() };
    std::iter::once(setup).chain(titles.into_iter().enumerate().map(named)).collect()
}

/// The items of the request's lists, else its first sentence.
fn titles(request: &str) -> Vec<String> {
    let items: Vec<_> = request.lines().filter_map(list_item).filter_map(title).take(ITEMS).collect();
    if !items.is_empty() {
        return items;
    }
    let first = request.lines().find_map(title);
    vec![first.unwrap_or_else(|| "Do what was asked".to_owned())]
}

fn list_item(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let bullet = line.strip_prefix("- ").or_else(|| line.strip_prefix("* "));
    bullet.or_else(|| {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < line.len()).then(|| rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") ")))?
    })
}

/// A line as a title: without markup and control characters; `None` if nothing readable is left.
fn title(line: &str) -> Option<String> {
    let plain: String = line.chars().filter(|c| !c.is_control() && !"`*_<>[]#@|\\".contains(*c)).collect();
    let plain = plain.trim().trim_end_matches(['.', ':', ';', ',']);
    plain.chars().any(char::is_alphanumeric).then(|| cut(plain, TITLE_CHARS))
}

fn file_name(title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = String::new();
    for word in words {
        if name.len() + word.len() >= NAME_BYTES {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(&word.to_ascii_lowercase());
    }
    if name.is_empty() { "work".to_owned() } else { name }
}

fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

fn plan(facts: &Facts, steps: &[Step]) -> String {
    let Facts { number, slug, request, .. } = facts;
    let links: Vec<_> = steps.iter().map(|step| format!("- [{}](./{})", step.title, step.file)).collect();
    format!(
        "# {number}-{slug}\n\n{CONFESSION}\n\n\
         ## ADR summary\n\n\
         - **Context**: somebody wants to see how a protocol runs.\n\
         - **Problem statement**: the request below.\n\
         - **Decision**: take its own words as steps and note each in a file.\n\
         - **Alternatives**: an engine with a model.\n\
         - **Consequences**: one new Markdown file; nothing else changes.\n\n\
         {}\n\n\
         ## High-level plan\n\n{}\n\n\
         ## Protocol workflow\n\n\
         Each step: read it, do its sub-tasks, run the checks, report. The bot commits and pushes.\n\n\
         ## Generic principles\n\n\
         - One step at a time.\n- This plan does not change during the work.\n\n\
         ## Reference materials\n\n- The request above.\n",
        quoted(request),
        links.join("\n"),
    )
}

fn context(facts: &Facts, steps: &[Step]) -> String {
    let first = steps.first().map_or("00-setup.md", |step| step.file.as_str());
    format!(
        "# Context: {}-{}\n\n{CONFESSION}\n\n\
         - **Current Step**: {first}\n\
         - **Status**: planned\n\
         - **Last Action Summary**: the plan was written\n\
         - **Next Action**: take {first}\n\
         - **Git**: branch `{}-{}`\n",
        facts.number, facts.slug, facts.number, facts.slug
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[track_caller]
    fn check(request: &str, files: &[&str]) {
        let seen: Vec<_> = steps(request).into_iter().map(|step| step.file).collect();
        assert_eq!(seen, files);
    }

    #[test]
    fn steps_are_made_of_the_requests_own_words() {
        let last = "02-finish-check-everything-once-more.md";
        check("Split the importer.\nIt is slow.", &["00-setup.md", "01-split-the-importer.md", last]);
        check(
            "Please:\n- **read** files\n2. parse `rows`\n* more",
            &[
                "00-setup.md",
                "01-read-files.md",
                "02-parse-rows.md",
                "03-finish-check-everything-once-more.md",
            ],
        );
        check("", &["00-setup.md", "01-do-what-was-asked.md", last]);
        check("\u{202e}\0 — !!\n", &["00-setup.md", "01-do-what-was-asked.md", last]);
        check("Сделай импортёр быстрее", &["00-setup.md", "01-work.md", last]);
        check("2.5 is not a list\n", &["00-setup.md", "01-2-5-is-not-a-list.md", last]);
    }

    #[test]
    fn a_huge_request_makes_a_plan_of_usual_size() {
        let facts = Facts {
            number: "0007".to_owned(),
            slug: "x".to_owned(),
            step: String::new(),
            content: String::new(),
            request: format!("{}\n", "word ".repeat(50_000)).repeat(10),
        };
        let plan = planning(&facts).to_string();
        assert!(plan.len() < 64 << 10, "{} bytes", plan.len());
        assert!(steps(&facts.request).iter().all(|step| step.file.len() <= 120));
    }

    #[test]
    fn a_plan_links_its_steps_and_confesses() {
        let facts = Facts {
            number: "0007".to_owned(),
            slug: "tea".to_owned(),
            step: String::new(),
            content: String::new(),
            request: "Sell tea.".to_owned(),
        };
        let planning = planning(&facts);
        assert_snapshot!(planning["plan_md"].as_str().unwrap(), @"
        # 0007-tea

        Made by the demo engine of TasksGodzilla; no model was asked.

        ## ADR summary

        - **Context**: somebody wants to see how a protocol runs.
        - **Problem statement**: the request below.
        - **Decision**: take its own words as steps and note each in a file.
        - **Alternatives**: an engine with a model.
        - **Consequences**: one new Markdown file; nothing else changes.

        > Sell tea.

        ## High-level plan

        - [Prepare the environment](./00-setup.md)
        - [Sell tea](./01-sell-tea.md)
        - [Finish: check everything once more](./02-finish-check-everything-once-more.md)

        ## Protocol workflow

        Each step: read it, do its sub-tasks, run the checks, report. The bot commits and pushes.

        ## Generic principles

        - One step at a time.
        - This plan does not change during the work.

        ## Reference materials

        - The request above.
        ");
        let files = planning["step_files"].as_array().unwrap();
        assert!(files.iter().all(|file| file["content"].as_str().unwrap().contains(CONFESSION)));
    }
}

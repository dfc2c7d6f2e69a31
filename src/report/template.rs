//! The templates under src/report/templates, embedded. HTML escapes every value; Markdown is given escaped ones.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};
use std::sync::LazyLock;

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        const TEMPLATES: &[(&str, &str)] = &[$(($name, include_str!(concat!("templates/", $name)))),+];
    };
}

templates!(
    "base.html",
    "message.html",
    "protocol.html",
    "run.html",
    "setup.html",
    "registered.html",
    "sticky.md",
    "issue.md",
    "pull.md",
    "status.md",
    "quality-report.md",
);

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    let mut environment = Environment::new();
    environment.set_syntax(syntax.expect("the default delimiters are valid"));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source).expect("embedded templates parse; a test renders each");
    }
    environment
});

pub(super) fn render(name: &str, values: Value) -> String {
    let template = ENVIRONMENT.get_template(name).expect("the name is one of the embedded templates");
    template.render(values).expect("every value of a template is given; a test renders each")
}

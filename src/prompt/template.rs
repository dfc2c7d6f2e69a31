//! The templates under prompts/, embedded, and what is made of them.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// A prompt that is ready for an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The template's name, `step-execute`.
    pub name: &'static str,
    pub text: String,
    /// First 12 hexadecimal digits of the SHA-256 of the template: the version of our words, not of the facts.
    pub hash: String,
}

/// A template: its name and its content.
pub(super) struct Template {
    name: &'static str,
    source: &'static str,
}

macro_rules! templates {
    ($($constant:ident = $name:literal),+ $(,)?) => {
        $(pub(super) const $constant: Template = Template {
            name: $name,
            source: include_str!(concat!("../../prompts/", $name, ".prompt.md")),
        };)+
        const ALL: &[Template] = &[$($constant),+];
    };
}

templates! {
    PROTOCOL_NEW = "protocol-new",
    STEP_DECOMPOSE = "step-decompose",
    STEP_EXECUTE = "step-execute",
    QUALITY_VALIDATOR = "quality-validator",
    PLAN_REPAIR = "plan-repair",
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    let mut environment = Environment::new();
    environment.set_syntax(syntax.expect("the default delimiters are valid"));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for template in ALL {
        let added = environment.add_template(template.name, template.source);
        added.expect("embedded templates parse; a test renders each");
    }
    environment
});

impl Template {
    /// Renders it. Values are inserted as they are: whoever calls has quoted them.
    pub(super) fn prompt(&self, values: Value) -> Prompt {
        let template = ENVIRONMENT.get_template(self.name).expect("every template was added");
        let text = template.render(values).expect("every value of a template is given; a test renders each");
        let digest = hex::encode(Sha256::digest(self.source));
        Prompt { name: self.name, text, hash: digest[..12].to_owned() }
    }
}

//! Where the process' own log goes: standard error, as text or JSON, and never with a secret in it.

use super::Failure;
use crate::config::{Redactor, Settings};
use crate::forge::github;
use crate::http;
use crate::queue;
use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging as the settings say. Panics are lines of the log like any other. Returns what knows the secrets.
pub(super) fn start(settings: &Settings) -> Result<Arc<Redactor>, Failure> {
    let filter = filter(&settings.log_level).map_err(anyhow::Error::from)?;
    let form = match (settings.log_json, io::stderr().is_terminal()) {
        (true, _) => Form::Json,
        (false, true) => Form::Coloured,
        (false, false) => Form::Plain,
    };
    let redactor = Arc::new(Redactor::new(&settings.secrets()));
    let out = Clean { out: io::stderr, redactor: redactor.clone() };
    subscriber(form, filter, out).try_init().map_err(anyhow::Error::from)?;
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panicked")));
    Ok(redactor)
}

/// Libraries that tell what the bot tells itself are quiet, unless the level names them: what is named later counts more.
fn filter(level: &str) -> Result<EnvFilter, ParseError> {
    // A log that leaves out what the server tells anyway is not to be made louder.
    let leaves_out =
        |word: &str| word.trim().parse().is_ok_and(|level: LevelFilter| level <= LevelFilter::WARN);
    let server = if level.split(',').any(leaves_out) { "" } else { http::QUIET };
    EnvFilter::try_new([github::QUIET, queue::QUIET, server, level].join(","))
}

#[derive(Clone, Copy)]
enum Form {
    Json,
    Plain,
    /// For a terminal.
    Coloured,
}

fn subscriber<M>(form: Form, filter: EnvFilter, out: M) -> Box<dyn Subscriber + Send + Sync>
where
    M: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(out);
    match form {
        Form::Json => Box::new(builder.json().flatten_event(true).with_current_span(false).finish()),
        Form::Plain => Box::new(builder.with_ansi(false).finish()),
        Form::Coloured => Box::new(builder.with_ansi(true).finish()),
    }
}

/// Hands out writers that take secrets out of each line.
struct Clean<M> {
    out: M,
    redactor: Arc<Redactor>,
}

impl<'w, M: MakeWriter<'w>> MakeWriter<'w> for Clean<M> {
    type Writer = Line<M::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        Line { text: Vec::new(), out: self.out.make_writer(), redactor: self.redactor.clone() }
    }
}

/// One line of the log, written when it is whole: half a secret would not be found.
struct Line<W: Write> {
    text: Vec<u8>,
    out: W,
    redactor: Arc<Redactor>,
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Drop for Line<W> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        // There is no other place to say that standard error is gone.
        let _ = self.out.write_all(self.redactor.redact(&text).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;
    use serde_json::Value;
    use std::sync::Mutex;

    const SECRET: &str = "hunter2\"\\ü";
    const TOKEN: &str = "ghs_16_eyJhbGciOiJIUzI1NiJ9.payload-of.a_token";

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics with it").write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged of an error that holds secrets, in a span that holds one, too.
    fn logged(form: Form) -> String {
        let kept = Kept::default();
        let to = kept.clone();
        let out = Clean {
            out: move || to.clone(),
            redactor: Arc::new(Redactor::new(&[SecretString::from(SECRET)])),
        };
        let told = tracing::subscriber::set_default(subscriber(form, filter("info").expect("a level"), out));
        let fault = anyhow::anyhow!("bearer {TOKEN}").context(format!("signed in with {SECRET}"));
        let _span = tracing::info_span!("job", job.id = 7, hint = SECRET).entered();
        tracing::error!(error = format!("{fault:#}"), debug = ?fault, plain = %fault, "it failed: {SECRET}");
        tracing::debug!("not shown");
        drop(told);
        let text = kept.0.lock().expect("no test panics with it").clone();
        String::from_utf8(text).expect("text")
    }

    /// What a log of this level says of libraries.
    fn of_libraries(level: &str) -> String {
        let kept = Kept::default();
        let to = kept.clone();
        let told = subscriber(Form::Plain, filter(level).expect("a filter"), move || to.clone());
        let told = tracing::subscriber::set_default(told);
        tracing::error!(target: concat!("octo", "crab::service"), "a request failed");
        tracing::warn!(target: concat!("apa", "lis_core::worker"), "a worker ended");
        tracing::info!(target: concat!("act", "ix_server::builder"), "starting 2 workers");
        tracing::warn!(target: concat!("act", "ix_server::accept"), "an odd connection");
        tracing::warn!(target: "hyper", "slow");
        drop(told);
        let text = kept.0.lock().expect("no test panics with it").clone();
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn libraries_that_repeat_us_are_heard_when_they_are_named() {
        assert_eq!(of_libraries("debug").lines().count(), 2, "only what nobody else says");
        assert_eq!(of_libraries("off"), "");
        assert_eq!(of_libraries("error,hyper=warn").lines().count(), 1);
        let named = of_libraries(concat!("warn,octo", "crab=error,apa", "lis_core::worker=warn"));
        assert!(named.contains("a request failed") && named.contains("a worker ended"), "{named}");
        assert!(!named.contains("starting 2 workers"), "{named}");
    }

    #[track_caller]
    fn holds_no_secret(text: &str) {
        for secret in ["hunter2", TOKEN, "payload-of"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(text.matches("[redacted]").count() >= 5, "{text}");
        assert!(text.ends_with('\n') && !text.contains("not shown"), "{text}");
    }

    #[test]
    fn text_holds_no_secret() {
        let text = logged(Form::Plain);
        holds_no_secret(&text);
        assert!(text.contains("job{job.id=7"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        holds_no_secret(&logged(Form::Coloured));
    }

    #[test]
    fn json_holds_no_secret_and_stays_json() {
        let text = logged(Form::Json);
        holds_no_secret(&text);
        let line: Value = serde_json::from_str(&text).expect("one object");
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["message"], "it failed: [redacted]");
        assert_eq!(line["spans"][0]["job.id"], 7);
    }
}

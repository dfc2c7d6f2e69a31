//! What the log tells: a level, or a filter by parts of the program.

use super::reader::Reader;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// A bare word would be taken for the name of a part of the program, and a slip would silence all others.
pub(super) fn read(reader: &mut Reader<'_>) -> String {
    let text = reader.text("LOG_LEVEL").unwrap_or_default();
    let bare =
        text.split(',').map(str::trim).filter(|word| !word.is_empty() && !word.contains(['=', '[', ']']));
    let odd = bare.filter(|word| word.parse::<LevelFilter>().is_err()).collect::<Vec<_>>().join("`, `");
    if !odd.is_empty() {
        reader.fault(
            "LOG_LEVEL",
            format!(
                "names `{odd}`, which is no level; the levels are off, error, warn, info, debug and trace, and \
                 part=level is for a part of the program"
            ),
        );
    } else if let Err(why) = EnvFilter::try_new(&text) {
        reader.fault("LOG_LEVEL", format!("is `{text}`: {why}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::config::{Needs, Raw, Settings};

    #[track_caller]
    fn faults(raw: &Raw) -> String {
        Settings::check(raw, Needs::Store).err().unwrap_or_default().join("\n")
    }

    #[test]
    fn a_level_that_is_none_is_told_with_the_rest() {
        for right in
            ["warn", "DEBUG", "off", "info,tasksgodzilla=debug", "warn,[job{job.id=7}]=trace,hyper=off"]
        {
            assert_eq!(faults(&Raw::default().with("LOG_LEVEL", right)), "", "{right}");
        }
        for wrong in ["debgu", "info,debgu", "info,tasksgodzilla=debgu"] {
            let told = faults(&Raw::default().with("LOG_LEVEL", wrong).with("WORKERS", "0"));
            assert!(told.contains("LOG_LEVEL") && told.contains("WORKERS"), "{wrong}: {told}");
        }
        insta::assert_snapshot!(faults(&Raw::default().with("LOG_LEVEL", "info,debgu")), @"TASKSGODZILLA_LOG_LEVEL names `debgu`, which is no level; the levels are off, error, warn, info, debug and trace, and part=level is for a part of the program");
    }
}

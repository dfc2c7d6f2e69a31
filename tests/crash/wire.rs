//! What test and bot tell each other: the bot by lines on its standard output, the test by a small file.
//!
//! The file is the bot's clock and leash. It is replaced as a whole, so a reader never sees half of it.

use super::point::Point;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tasksgodzilla::domain::ids::Moment;

/// What the test says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hands {
    pub now: Moment,
    /// Rises with every change of the test's, so that an answer can be told from an older one.
    pub serial: u64,
    /// Jobs wait while deliveries come in, so that their order is the same in every run.
    pub hold: bool,
}

impl Hands {
    pub fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap();
        let [now, serial, hold] = text.split(' ').collect::<Vec<_>>().try_into().unwrap();
        Self { now: Moment(now.parse().unwrap()), serial: serial.parse().unwrap(), hold: hold == "hold" }
    }

    pub fn write(self, file: &Path) {
        let Self { now: Moment(now), serial, hold } = self;
        let fresh: PathBuf = file.with_extension("new");
        std::fs::write(&fresh, format!("{now} {serial} {}", if hold { "hold" } else { "go" })).unwrap();
        std::fs::rename(fresh, file).unwrap();
    }
}

/// What the bot says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It came by a point.
    Met(Point),
    /// It kills itself there.
    Dies(Point),
    /// It has nothing to do, as of this serial; the next job is due or the next lease ends at this moment.
    Idle { serial: u64, due: Option<Moment> },
}

impl Told {
    /// Says it. What was written stays in the pipe when the process dies.
    pub fn say(&self) {
        let line = match self {
            Self::Met(point) => format!("met\t{point}\n"),
            Self::Dies(point) => format!("dies\t{point}\n"),
            Self::Idle { serial, due } => {
                let due = due.map_or_else(|| "-".to_owned(), |Moment(due)| due.to_string());
                format!("idle\t{serial}\t{due}\n")
            }
        };
        let mut out = std::io::stdout().lock();
        out.write_all(line.as_bytes()).unwrap();
        out.flush().unwrap();
    }

    pub fn parse(line: &str) -> Self {
        let (word, rest) = line.split_once('\t').unwrap();
        match word {
            "met" => Self::Met(Point::parse(rest)),
            "dies" => Self::Dies(Point::parse(rest)),
            "idle" => {
                let (serial, due) = rest.split_once('\t').unwrap();
                Self::Idle { serial: serial.parse().unwrap(), due: due.parse().ok().map(Moment) }
            }
            _ => panic!("the bot says {line}"),
        }
    }
}

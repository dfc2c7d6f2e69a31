//! What an operator sees of the real program: its log, its health, `doctor` and `jobs`.

mod log;
mod place;

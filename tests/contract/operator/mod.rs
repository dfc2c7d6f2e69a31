//! What an operator sees of the real program: its log, its health, `doctor` and `jobs`.

mod asked;
mod doctor;
mod doctor_github;
mod environment;
mod figures;
mod health;
mod jobs;
mod log;
mod place;
mod trouble;

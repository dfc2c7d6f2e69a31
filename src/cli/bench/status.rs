//! `/protocol status`: what is read and written for one protocol, among a thousand of them and among a hundred thousand.

use super::report::{Figures, Goal};
use super::world::{PERSON, World};
use super::{Args, Size};
use crate::app;
use crate::cli::Failure;
use crate::domain::forge_event::RepoFacts;
use crate::domain::ids::ProtocolId;
use crate::domain::project::{ForgeKind, RepoRef, Requester};
use crate::domain::spec::{self, QaPolicy};
use crate::domain::thread::Thread;
use crate::report::answer;
use crate::services::{Ctx, views};
use crate::store::protocol::NewProtocol;
use crate::store::{self, Tx};
use anyhow::Context as _;
use hdrhistogram::Histogram;
use std::time::Instant;
use url::Url;

/// Protocols of one repository.
const OF_ONE: usize = 500;
/// How much deeper an index of a hundred thousand rows is than one of a thousand: ln 100,000 / ln 1,000, or 5/3.
const DEEPER: f64 = 1.67;
/// Protocols that are looked at.
const LOOKS: usize = 400;

pub(super) async fn measure(args: &Args) -> Result<Figures, Failure> {
    let (few, many) = match args.size {
        Size::Tiny => (5, 20),
        Size::Full => (1_000, 100_000),
    };
    let world = World::new(args, None).await?;
    let address = Url::parse("http://127.0.0.1").map_err(anyhow::Error::from)?;
    let ctx = app::compose(&world.settings("status")?, app::system_clock(), &address).await?;
    let mut known = Vec::new();
    let mut times = Vec::new();
    for count in [few, many] {
        fill(&ctx, &mut known, count).await?;
        times.push(look(&ctx, &known).await?);
    }
    ctx.store.close().await;
    let at = |place: usize, quantile| times[place].value_at_quantile(quantile) as f64 / 1e3;
    let mut figures = Figures::default();
    figures.add("few_p50", at(0, 0.5), "ms", Goal::None);
    figures.add("few_p99", at(0, 0.99), "ms", Goal::None);
    figures.add("many_p50", at(1, 0.5), "ms", Goal::None);
    figures.add("many_p99", at(1, 0.99), "ms", Goal::AtMost(5.0));
    figures.add("ratio_to_few", at(1, 0.5) / at(0, 0.5), "", Goal::AtMost(DEEPER));
    Ok(figures)
}

/// Adds protocols until there are `count`, one repository to a transaction.
async fn fill(ctx: &Ctx, known: &mut Vec<ProtocolId>, count: usize) -> anyhow::Result<()> {
    while known.len() < count {
        let mut tx = ctx.store.begin().await?;
        let repo = RepoRef {
            id: 1_000_000 + i64::try_from(known.len())?,
            owner: PERSON.to_owned(),
            name: format!("repository-{}", known.len()),
            installation: 7,
        };
        let facts =
            RepoFacts { repo, default_branch: Some("main".to_owned()), private: Some(true), archived: false };
        let project = store::project::upsert(&mut tx, ForgeKind::Github, &facts).await?;
        for issue in 1..=OF_ONE.min(count - known.len()) {
            let new = NewProtocol {
                project: project.id,
                slug: format!("split-importer-{issue}"),
                asked_in: Thread::issue(u64::try_from(issue)?),
                base: "main".to_owned(),
                request: "Split the importer.".to_owned(),
                requester: Requester { login: PERSON.to_owned(), id: 3 },
                engine: None,
                model: None,
                number_floor: 0,
            };
            known.push(planned(&mut tx, new).await?);
        }
        tx.commit().await?;
    }
    Ok(())
}

async fn planned(tx: &mut Tx, new: NewProtocol) -> anyhow::Result<ProtocolId> {
    let protocol = store::protocol::create(tx, new).await?;
    let files = ["00-setup.md", "01-reader.md", "02-writer.md"];
    let files = files.map(|file| (file.to_owned(), format!("# {file}\n\nDo it.\n")));
    let steps = spec::from_step_files(&files, None, QaPolicy::Full).steps;
    let numbered: Vec<_> = (0..).zip(steps).collect();
    store::step::insert_all(tx, protocol.id, &numbered).await?;
    Ok(protocol.id)
}

/// Microseconds of each look, spread over all protocols.
async fn look(ctx: &Ctx, known: &[ProtocolId]) -> anyhow::Result<Histogram<u64>> {
    let stride = (known.len() / LOOKS).max(1);
    let looks = known.iter().step_by(stride).chain(known.first());
    let mut times = Histogram::new(3)?;
    for (turn, id) in looks.enumerate() {
        let began = Instant::now();
        let view = views::protocol(ctx, *id).await?;
        let answer = answer::status(&[view]);
        let took = u64::try_from(began.elapsed().as_micros())?;
        answer.contains("split-importer").then_some(()).context("the status is of another protocol")?;
        // The first one asks the forge who the bot is.
        if turn > 0 {
            times.record(took)?;
        }
    }
    Ok(times)
}

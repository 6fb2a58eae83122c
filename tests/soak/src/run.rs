//! One run: the dev clusters and what happens to them, the host, and the looks at it.

use std::io;
use std::time::Duration;

use tokio::time::timeout;

use crate::field::{Field, world};
use crate::host::{Host, Said};
use crate::plan::Plan;
use crate::record::{Checkpoint, Record, number};
use crate::usage::Usage;
use crate::{rotation, weather};

/// A round takes less, on a slow machine too.
const PATIENCE: Duration = Duration::from_mins(20);

/// Runs the plan; `look` is shown every checkpoint as it comes.
pub(crate) async fn run(plan: &Plan, look: impl Fn(&Checkpoint)) -> io::Result<Record> {
    let field = Field::new().await?;
    field.write_kinds()?;
    let mut host = Host::start(&plan.program, field.path(), plan)?;
    let mut record = Record::default();
    let mut rotated = 0;
    let calm = field.path().join("calm");
    {
        // Polled while the host is waited for, and so at rest while it is measured.
        let mut weather = std::pin::pin!(weather::changes(&field.stormy, plan.seed));
        let mut rotation = std::pin::pin!(rotation::turns(&field.calm, &calm, &mut rotated));
        loop {
            let said = tokio::select! {
                said = timeout(PATIENCE, host.next()) => said.map_err(|_| io::Error::other("the host hangs"))??,
                never = &mut weather => match never {},
                failed = &mut rotation => match failed? {},
            };
            let Some(said) = said else { break };
            take(&field, &mut host, &mut record, said, &look).await?;
        }
    }
    record.deeds.insert("credentials and authorities replaced".to_owned(), rotated);
    record.ended_well = host.end().await?;
    Ok(record)
}

async fn take(
    field: &Field,
    host: &mut Host,
    record: &mut Record,
    said: Said,
    look: &impl Fn(&Checkpoint),
) -> io::Result<()> {
    match said {
        Said::Ready => record.ready = Usage::of(host.process()?)?,
        Said::Made => record.made = Usage::of(host.process()?)?,
        Said::Pause { done, heap, stats } => {
            // What a storm holds up goes when it ends.
            field.stormy.set_world(world()).await;
            let usage = Usage::settled(host.process()?, |usage| record.is_at_rest(usage)).await?;
            record.checkpoints.push(Checkpoint { done, heap, usage, stats });
            record.checkpoints.last().into_iter().for_each(look);
        }
        Said::Freed => {
            let usage = Usage::settled(host.process()?, |usage| record.is_back(usage)).await?;
            record.freed = Some(usage);
        }
        Said::Complaint(words) => {
            record.complaints.push(words);
            return Ok(());
        }
        Said::Deed { what, count } => {
            record.deeds.insert(what, count);
            return Ok(());
        }
        Said::Outcome { kind, outcome, count } => {
            *record.outcomes.entry(kind).or_default().entry(outcome).or_default() += count;
            return Ok(());
        }
        Said::Ledger(ledger) => {
            record.ledger = ledger;
            return Ok(());
        }
    }
    host.go_on().await
}

/// A checkpoint as a line of a table.
pub(crate) fn print_checkpoint(point: &Checkpoint) {
    let Usage { resident, threads, descriptors, connections } = point.usage;
    let alive = number(&point.stats, "documents_alive").unwrap_or_default();
    println!(
        "{:>9} {:>9} {:>9} {threads:>8} {descriptors:>12} {connections:>12} {alive:>10}",
        point.done,
        resident >> 10,
        point.heap >> 10
    );
}

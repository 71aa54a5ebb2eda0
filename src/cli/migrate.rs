//! `bullrs migrate`.

use clap::Args;
use serde::Serialize;

use super::{
    Abort, Call, Exit,
    args::{ConfigArgs, DatabaseArgs, JsonArgs},
    given, output, serving,
    store::refused,
};
use crate::{
    config::{Fault, Reader, StoreChoice},
    store::Store,
};

/// Make or update the tables of the job store
///
/// Every migration only adds, so old app code keeps working. Doing it again changes nothing, and
/// several processes may do so at once. `bullrs worker` does the same at its start.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bullrs migrate
  bullrs migrate --database-url postgres://localhost/app --json

Exit codes:
  0  fine
  1  failed
  2  wrong usage or configuration
  3  the database cannot be reached")]
pub(super) struct MigrateArgs {
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    _config: ConfigArgs,
    #[command(flatten)]
    _database: DatabaseArgs,
}

/// What was done, as `--json` prints it.
#[derive(Serialize)]
struct Migrated {
    store: String,
    applied: Vec<&'static str>,
}

pub(super) fn run(args: &MigrateArgs, call: &Call<'_>) -> Result<Exit, Abort> {
    let url = url(call)?;
    let done = serving::runtime()?
        .block_on(async {
            let store = Store::connect(&url).await?;
            let applied = store.migrate().await?;
            store.close().await;
            Ok(Migrated {
                store: store.place(),
                applied,
            })
        })
        .map_err(|error| refused(&error))?;
    if args.json.json {
        output::json(&done)?;
    } else if done.applied.is_empty() {
        output::text(&format!("{} is up to date\n", done.store))?;
    } else {
        for name in &done.applied {
            output::text(&format!("applied {name}\n"))?;
        }
    }
    Ok(Exit::Fine)
}

/// The database of a command that needs one, whatever `no_store` says to workers.
pub(super) fn url(call: &Call<'_>) -> Result<String, Abort> {
    let faults = |faults: Vec<Fault>| Abort::faults(&faults, &call.names);
    let sources = given::sources(call.matches).map_err(faults)?;
    let mut reader = Reader::new(&sources);
    let url = reader.database();
    reader.finish().map_err(faults)?;
    Ok(match url {
        StoreChoice::Default(url) | StoreChoice::Configured(url) => url,
        StoreChoice::Off => String::new(),
    })
}

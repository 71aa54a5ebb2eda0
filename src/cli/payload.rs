//! `bullrs payload`: keys and envelopes of encrypted payloads.

#![expect(
    clippy::doc_markdown,
    reason = "the docs of flags are the help texts, where ticks around every name are noise"
)]

use std::io::{self, Read as _};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Abort, Call, Exit,
    args::{ConfigArgs, DatabaseArgs, JsonArgs},
    given::PAYLOAD_KEYS,
    migrate, output, serving,
    store::refused,
};
use crate::store::{Keyring, Store, keygen};

/// Keys and encrypted payloads of content_jobs
///
/// A payload is sealed for one row with AES-256-GCM under the first key of BULLRS_PAYLOAD_KEYS
/// (`id:base64,older:base64`); all its keys open.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct PayloadArgs {
    #[command(subcommand)]
    command: PayloadCommands,
}

#[derive(Debug, Subcommand)]
enum PayloadCommands {
    /// Print a new key, as an entry of BULLRS_PAYLOAD_KEYS
    #[command(after_help = "\
Examples:
  export BULLRS_PAYLOAD_KEYS=$(bullrs payload keygen)
  export BULLRS_PAYLOAD_KEYS=$(bullrs payload keygen --key-id 2027),$BULLRS_PAYLOAD_KEYS")]
    Keygen {
        /// Name of the key, which its envelopes carry [default: k1]
        #[arg(long, value_name = "ID", env = "BULLRS_KEY_ID")]
        key_id: Option<String>,
    },
    /// Seal standard input for a row of content_jobs, and print the envelope
    #[command(
        after_help = "Examples:\n  bullrs payload encrypt --content-job-id job-1 < payload.json"
    )]
    Encrypt {
        /// Id of the row; the envelope opens for no other
        #[arg(long, value_name = "ID", env = "BULLRS_CONTENT_JOB_ID")]
        content_job_id: String,
    },
    /// Open the envelope on standard input, and print the payload
    #[command(
        after_help = "Examples:\n  bullrs payload decrypt --content-job-id job-1 < envelope.txt"
    )]
    Decrypt {
        /// Id of the row that the envelope belongs to
        #[arg(long, value_name = "ID", env = "BULLRS_CONTENT_JOB_ID")]
        content_job_id: String,
    },
    /// Seal every payload of the job store anew under the first key
    ///
    /// Rows that the app changes meanwhile keep what the app wrote. It may be stopped and run
    /// again. Exits with 1 when payloads did not open; those are left as they are.
    #[command(after_help = "\
Examples:
  export BULLRS_PAYLOAD_KEYS=$(bullrs payload keygen --key-id 2027),$BULLRS_PAYLOAD_KEYS
  bullrs payload rotate")]
    Rotate {
        #[command(flatten)]
        json: JsonArgs,
        #[command(flatten)]
        _config: ConfigArgs,
        #[command(flatten)]
        _database: DatabaseArgs,
    },
}

pub(super) fn run(args: PayloadArgs, call: &Call<'_>) -> Result<Exit, Abort> {
    match args.command {
        PayloadCommands::Keygen { key_id } => {
            let id = key_id.filter(|id| !id.is_empty());
            let key = keygen(id.as_deref().unwrap_or("k1"))
                .map_err(|error| Abort::new(Exit::Usage, format!("--key-id: {error}")))?;
            output::text(&format!("{}\n", *key))?;
        }
        PayloadCommands::Encrypt { content_job_id } => {
            let envelope = keyring()?
                .encrypt(&content_job_id, &standard_input()?)
                .map_err(|error| Abort::new(Exit::Failed, error.to_string()))?;
            output::text(&format!("{envelope}\n"))?;
        }
        PayloadCommands::Decrypt { content_job_id } => {
            let payload = keyring()?
                .decrypt(&content_job_id, standard_input()?.trim())
                .map_err(|_| undecryptable())?;
            output::text(payload.reveal())?;
        }
        PayloadCommands::Rotate { json, .. } => return rotate(json, call),
    }
    Ok(Exit::Fine)
}

/// What a rotation did, as `--json` prints it.
#[derive(Serialize)]
struct Summary {
    key: String,
    resealed: u64,
    failed: Vec<Unopened>,
}

#[derive(Serialize)]
struct Unopened {
    id: String,
    reason: String,
}

fn rotate(json: JsonArgs, call: &Call<'_>) -> Result<Exit, Abort> {
    let keyring = keyring()?;
    let url = migrate::url(call)?;
    let rotated = serving::runtime()?
        .block_on(async {
            let store = Store::connect(&url).await?;
            let rotated = store.rotate(&keyring).await?;
            store.close().await;
            Ok(rotated)
        })
        .map_err(|error| refused(&error))?;
    let summary = Summary {
        key: keyring.sealing_id().to_owned(),
        resealed: rotated.resealed,
        failed: rotated
            .failed
            .into_iter()
            .map(|(id, reason)| Unopened { id, reason })
            .collect(),
    };
    let failed = summary.failed.len();
    if json.json {
        output::json(&summary)?;
    } else {
        output::text(&format!(
            "resealed {} under key {}\n",
            payloads(summary.resealed),
            summary.key
        ))?;
    }
    if failed == 0 {
        return Ok(Exit::Fine);
    }
    Err(summary
        .failed
        .iter()
        .take(10)
        .fold(
            Abort::new(
                Exit::Failed,
                format!("{} did not open", payloads(failed as u64)),
            ),
            |abort, row| abort.cause(format!("row `{}`: {}", row.id, row.reason)),
        )
        .hint("are the keys that sealed them in BULLRS_PAYLOAD_KEYS?"))
}

fn payloads(count: u64) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} payload{plural}")
}

fn keyring() -> Result<Keyring, Abort> {
    let keys = std::env::var(PAYLOAD_KEYS).unwrap_or_default();
    if keys.is_empty() {
        return Err(Abort::new(Exit::Usage, "BULLRS_PAYLOAD_KEYS is not set")
            .hint("`bullrs payload keygen` makes a key"));
    }
    Keyring::parse(&keys).map_err(|error| Abort::new(Exit::Usage, error.to_string()))
}

fn standard_input() -> Result<String, Abort> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(|error| {
        Abort::new(Exit::Failed, "cannot read standard input").cause(crate::config::reason(&error))
    })?;
    Ok(text)
}

/// One text for every cause: which one it was helps only someone who tampers.
fn undecryptable() -> Abort {
    Abort::new(Exit::Failed, "the payload could not be decrypted").hint(
        "is it the whole envelope, does it belong to that row, \
         and is its key in BULLRS_PAYLOAD_KEYS?",
    )
}

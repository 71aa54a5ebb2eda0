//! Seals every payload under the current key.

use super::{Keyring, Result, Store, database::Access, link::Arg};

/// Payloads that are read at once.
const AT_ONCE: u32 = 100;

/// What a rotation did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotated {
    /// Payloads that are now under the first key.
    pub resealed: u64,
    /// Rows whose payload did not open, with why; they are as they were.
    pub failed: Vec<(String, String)>,
}

impl Store {
    /// Seals each payload that is under another key anew under the keyring's first key. Rows that
    /// the app changes meanwhile keep what the app wrote. Safe to stop and start again.
    ///
    /// # Errors
    /// When the database is away; what was resealed until then stays so.
    pub async fn rotate(&self, keyring: &Keyring) -> Result<Rotated> {
        let mut rotated = Rotated::default();
        let mut after: Option<String> = None;
        loop {
            let found = self
                .sealed_otherwise(keyring.sealing_id(), after.as_deref(), AT_ONCE)
                .await?;
            let Some((last, _)) = found.last() else {
                return Ok(rotated);
            };
            after = Some(last.clone());
            for (id, envelope) in &found {
                match keyring.rotate(id, envelope) {
                    Ok(Some(sealed)) => {
                        if self.resealed(id, envelope, &sealed).await? {
                            rotated.resealed += 1;
                        }
                    }
                    Ok(None) => {}
                    Err(error) => rotated.failed.push((id.clone(), error.to_string())),
                }
            }
        }
    }

    async fn resealed(&self, id: &str, before: &str, after: &str) -> Result<bool> {
        let args = [Arg::text(id), Arg::text(before), Arg::text(after)];
        let mut session = self.session("resealing a payload", Access::Write).await?;
        let statements = session.statements();
        let changed = session.execute(&statements.resealed, &args).await?;
        session.end();
        Ok(changed > 0)
    }
}

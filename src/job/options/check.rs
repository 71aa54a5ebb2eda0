//! What stock refuses to add (WIRE §5.10), with all faults at once.

use super::JobOptions;
use crate::wire::Json;

/// Highest priority number, which is the least urgent (WIRE §1.3).
const LOWEST_PRIORITY: f64 = 2_097_151.0;

/// From here on the scripts cannot tell one number from the next.
const TOO_LARGE: f64 = 9_007_199_254_740_992.0;

/// What happens to the parent when a child fails: one of these at most, in stock's order.
const FAILURE_RULES: [&str; 4] = [
    "removeDependencyOnFailure",
    "failParentOnFailure",
    "continueParentOnFailure",
    "ignoreDependencyOnFailure",
];

impl JobOptions {
    /// What is wrong with these options, for a job of this name with so many bytes of data.
    pub(crate) fn check(&self, name: &str, data_size: usize) -> Vec<String> {
        let mut faults = self.faults.clone();
        let checks = [
            self.check_size(name, data_size),
            self.check_failure_rules(),
            self.check_id(),
            self.check_priority(),
            self.check_delay(),
            self.check_timestamp(),
            self.check_parent(),
            self.check_deduplication(),
            self.check_jitter(),
        ];
        faults.extend(checks.into_iter().flatten());
        if self.value("debounce").is_some() {
            faults.push("`debounce` is no option any more: use `deduplication`".into());
        }
        if self.is_set("repeat") {
            faults.push("`repeat` repeats nothing any more: use a job scheduler".into());
        }
        faults
    }

    fn check_size(&self, name: &str, data_size: usize) -> Option<String> {
        let limit = self.value("sizeLimit").filter(|limit| limit.is_truthy())?;
        let bytes = match limit {
            Json::Text(text) => text.trim().parse().ok(),
            limit => limit.as_number(),
        };
        let Some(bytes) = bytes else {
            return Some("`sizeLimit` must be a number of bytes".into());
        };
        #[expect(clippy::cast_precision_loss, reason = "no text is that long")]
        let exceeds = data_size as f64 > bytes;
        exceeds.then(|| {
            format!("The size of job {name} exceeds the limit {bytes} bytes: it is {data_size}")
        })
    }

    fn check_failure_rules(&self) -> Option<String> {
        let given: Vec<&str> = FAILURE_RULES
            .into_iter()
            .filter(|rule| self.is_set(rule))
            .collect();
        (given.len() > 1).then(|| {
            format!(
                "The following options cannot be used together: {}",
                given.join(", ")
            )
        })
    }

    fn check_id(&self) -> Option<String> {
        match self.value("jobId")? {
            Json::Null => None,
            Json::Text(id) => id_fault(id),
            _ => Some("`jobId` must be a text".into()),
        }
    }

    fn check_priority(&self) -> Option<String> {
        let given = self.value("priority").filter(|given| given.is_truthy())?;
        let Some(priority) = given.as_number() else {
            return Some("`priority` must be a whole number".into());
        };
        if priority.fract() != 0.0 {
            return Some(format!("`priority` must be a whole number, got {priority}"));
        }
        (priority > LOWEST_PRIORITY)
            .then(|| format!("`priority` must be between 0 and {LOWEST_PRIORITY}, got {priority}"))
    }

    fn check_delay(&self) -> Option<String> {
        let delay = self.value("delay")?.as_number()?;
        (delay.abs() >= TOO_LARGE).then(|| "`delay` must be less than 2^53 ms".into())
    }

    fn check_timestamp(&self) -> Option<String> {
        let given = self.value("timestamp").filter(|given| given.is_truthy())?;
        match given.as_number() {
            Some(timestamp) if timestamp.abs() < TOO_LARGE => None,
            _ => Some("`timestamp` must be a number of unix ms".into()),
        }
    }

    fn check_parent(&self) -> Option<String> {
        let parent = self.value("parent").filter(|parent| parent.is_truthy())?;
        let lacks = |field| {
            parent
                .get(field)
                .is_none_or(|value: &Json| value.to_name().is_empty())
        };
        (lacks("id") || lacks("queue")).then(|| {
            "`parent` must have an `id` and a `queue` with its prefix, as `bull:images`".into()
        })
    }

    fn check_deduplication(&self) -> Option<String> {
        let rule = self
            .value("deduplication")
            .filter(|rule| rule.is_truthy())?;
        if rule.get("id").is_none_or(|id| id.to_name().is_empty()) {
            return Some("`deduplication` must have an `id`".into());
        }
        self.is_set("parent")
            .then(|| "`deduplication` and `parent` cannot be used together".into())
    }

    fn check_jitter(&self) -> Option<String> {
        let jitter = self.value("backoff")?.get("jitter")?.as_number()?;
        (!(0.0..=1.0).contains(&jitter))
            .then(|| format!("`jitter` must be from 0 to 1, got {jitter}"))
    }
}

/// The rules for ids that a producer chooses. An empty one asks for the next number.
fn id_fault(id: &str) -> Option<String> {
    if id == "0" || id.starts_with("0:") {
        return Some(format!(
            "`jobId` must not be `0` nor start with `0:`, got `{id}`"
        ));
    }
    if is_whole_number(id) {
        return Some(format!("`jobId` must not be a whole number, got `{id}`"));
    }
    if id.contains(':') && id.split(':').count() != 3 {
        return Some(format!("`jobId` must not contain `:`, got `{id}`"));
    }
    None
}

/// Whether JavaScript's `parseInt` and back gives the same text, which is stock's test.
///
/// It does not for digits that no double holds exactly, and for `-0`; it does for `NaN`.
fn is_whole_number(id: &str) -> bool {
    let digits = id.strip_prefix('-').unwrap_or(id);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return id == "NaN";
    }
    // From 1e21 on JavaScript writes an exponent.
    id.parse::<f64>()
        .is_ok_and(|number| number.abs() < 1e21 && number.to_string() == id && id != "-0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: &str) -> Vec<String> {
        JobOptions::from_json(json).unwrap().check("x", 13)
    }

    #[test]
    fn ids_that_stock_refuses_are_refused() {
        for id in ["0", "0:7", "0:a:b", "12", "-3", "a:b", "a:b:c:d", "NaN"] {
            assert!(id_fault(id).is_some(), "{id}");
        }
        for id in [
            "",
            "a",
            "12a",
            "repeat:x:123",
            "1.5",
            "007",
            "-0",
            "1e5",
            "9007199254740993",
            "1000000000000000000000",
        ] {
            assert!(id_fault(id).is_none(), "{id}");
        }
    }

    #[test]
    fn each_rule_has_its_sentence() {
        for (options, fault) in [
            (
                r#"{"sizeLimit":12}"#,
                "The size of job x exceeds the limit 12 bytes: it is 13",
            ),
            (
                r#"{"priority":1.5}"#,
                "`priority` must be a whole number, got 1.5",
            ),
            (r#"{"priority":"5"}"#, "`priority` must be a whole number"),
            (
                r#"{"priority":2097152}"#,
                "`priority` must be between 0 and 2097151, got 2097152",
            ),
            (r#"{"jobId":5}"#, "`jobId` must be a text"),
            (
                r#"{"failParentOnFailure":true,"removeDependencyOnFailure":1}"#,
                "The following options cannot be used together: \
                 removeDependencyOnFailure, failParentOnFailure",
            ),
            (
                r#"{"deduplication":{}}"#,
                "`deduplication` must have an `id`",
            ),
            (
                r#"{"deduplication":"a"}"#,
                "`deduplication` must have an `id`",
            ),
            (
                r#"{"deduplication":{"id":"a"},"parent":{"id":"p","queue":"bull:q"}}"#,
                "`deduplication` and `parent` cannot be used together",
            ),
            (
                r#"{"debounce":null}"#,
                "`debounce` is no option any more: use `deduplication`",
            ),
            (
                r#"{"repeat":{"every":5}}"#,
                "`repeat` repeats nothing any more: use a job scheduler",
            ),
            (
                r#"{"backoff":{"type":"fixed","jitter":1.1}}"#,
                "`jitter` must be from 0 to 1, got 1.1",
            ),
            (
                r#"{"parent":{"id":"p"}}"#,
                "`parent` must have an `id` and a `queue` with its prefix, as `bull:images`",
            ),
            (r#"{"delay":1e300}"#, "`delay` must be less than 2^53 ms"),
            (
                r#"{"timestamp":"now"}"#,
                "`timestamp` must be a number of unix ms",
            ),
        ] {
            assert_eq!(faults(options), [fault], "{options}");
        }
    }

    #[test]
    fn what_stock_takes_is_taken() {
        for options in [
            r#"{"delay":100.5,"attempts":1.7976931348623157e308,"removeOnFail":-1}"#,
            r#"{"delay":"500","priority":-1,"sizeLimit":13}"#,
            r#"{"delay":null,"jobId":null,"deduplication":null,"parent":null,"repeat":null}"#,
            r#"{"delay":-5,"priority":0,"backoff":0,"mine":{"a":[]}}"#,
        ] {
            assert_eq!(faults(options), [] as [&str; 0], "{options}");
        }
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let faults = faults(r#"{"jobId":"7","priority":0.5,"sizeLimit":1}"#);
        assert_eq!(faults.len(), 3, "{faults:?}");
    }
}

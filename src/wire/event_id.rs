//! Ids of stream entries: when, and which one of that ms.

use std::{fmt, str::FromStr};

use crate::Error;

/// The id of an entry of the events stream, such as `1700000000000-3`. Later entries are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventId {
    /// When the entry was written, in ms since 1970 by the server's clock.
    pub millis: u64,
    /// Which of the entries of that ms it is.
    pub sequence: u64,
}

impl EventId {
    /// Before every entry.
    pub const START: Self = Self {
        millis: 0,
        sequence: 0,
    };
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.sequence)
    }
}

impl FromStr for EventId {
    type Err = Error;

    /// Reads `<ms>-<sequence>`, or `<ms>` for the first one of that ms, as Redis does.
    fn from_str(text: &str) -> Result<Self, Error> {
        let number = |digits: &str| {
            // `parse` alone would take a sign.
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| plain)
        };
        let (millis, sequence) = match text.split_once('-') {
            Some((millis, sequence)) => (number(millis), number(sequence)),
            None => (number(text), Some(0)),
        };
        match (millis, sequence) {
            (Some(millis), Some(sequence)) => Ok(Self { millis, sequence }),
            _ => Err(Error::Invalid {
                field: "event id",
                rule: "must be `<ms>-<number>`, as in `1700000000000-0`".into(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_in_the_order_of_their_entries() {
        let id = |text: &str| text.parse::<EventId>().unwrap();
        assert!(id("9-1") < id("10-0") && id("10-2") < id("10-10"));
        assert_eq!(id("7"), id("7-0"));
        assert_eq!(id("1700000000000-3").to_string(), "1700000000000-3");
        assert_eq!(
            id("18446744073709551615-18446744073709551615").sequence,
            u64::MAX
        );
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "-",
            "$",
            "+",
            "1-",
            "-1",
            "+1-0",
            "1-+1",
            "1-2-3",
            "x",
            "18446744073709551616-0",
        ] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }
}

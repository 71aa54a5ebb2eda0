//! "did you mean": the known word that a misspelt one was probably meant to be.

/// The nearest of `known`, if one is near enough to be worth showing.
///
/// Spelling habits (`lockDuration`, `lock-duration`) count as equal; otherwise about one wrong
/// letter in three is forgiven.
pub(crate) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(word);
    known
        .into_iter()
        .map(|candidate| (distance(&plain, &self::plain(candidate)), candidate))
        .filter(|(distance, candidate)| {
            let length = plain.len().max(candidate.len());
            *distance <= (length / 3).max(1) && *distance < plain.len()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> Vec<char> {
    word.chars()
        .filter(|letter| !matches!(letter, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let substituted = last[column] + usize::from(letter != other);
            let mut best = substituted
                .min(last[column + 1] + 1)
                .min(current[column] + 1);
            let swapped = row > 0
                && column > 0
                && from.get(row - 1) == Some(other)
                && to.get(column - 1) == Some(letter);
            if swapped {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] = ["concurrency", "lock_duration", "drain", "ttl", "name"];

    #[test]
    fn slips_of_the_finger_find_their_word() {
        for (typed, meant) in [
            ("concurency", "concurrency"),
            ("cocnurrency", "concurrency"),
            ("lockDuration", "lock_duration"),
            ("lock-durations", "lock_duration"),
            ("drian", "drain"),
            ("tll", "ttl"),
        ] {
            assert_eq!(closest(typed, KNOWN), Some(meant), "{typed}");
        }
    }

    #[test]
    fn a_word_like_nothing_known_gets_no_suggestion() {
        for typed in ["x", "", "webhooks", "zzz", "strictness"] {
            assert_eq!(closest(typed, KNOWN), None, "{typed}");
        }
    }
}

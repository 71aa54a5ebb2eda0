//! The numbers behind `H`: the same text always draws the same ones.

/// A generator that draws what `cron-parser` draws from the same text given as `hashSeed`
/// (FNV-1a over UTF-16, then mulberry32).
#[derive(Debug)]
pub(super) struct Draw(u32);

impl Draw {
    pub(super) fn seeded(text: &str) -> Self {
        Self(text.encode_utf16().fold(0x811c_9dc5, |hash, unit| {
            (hash ^ u32::from(unit)).wrapping_mul(0x0100_0193)
        }))
    }

    /// The next number, from 0 up to but not including 1.
    pub(super) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x6d2b_79f5);
        let mut mixed = (self.0 ^ (self.0 >> 15)).wrapping_mul(self.0 | 1);
        mixed ^= mixed.wrapping_add((mixed ^ (mixed >> 7)).wrapping_mul(mixed | 0x3d));
        f64::from(mixed ^ (mixed >> 14)) / 4_294_967_296.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_always_draws_the_same_numbers() {
        let draw = |text| {
            let mut draw = Draw::seeded(text);
            [draw.next(), draw.next()].map(|drawn| (drawn * 1e6).floor())
        };
        let same = |a: [f64; 2], b: [f64; 2]| a.map(f64::to_bits) == b.map(f64::to_bits);
        assert!(same(draw("daily-recap"), [35_979.0, 898_665.0]));
        assert!(same(draw("daily-recap"), draw("daily-recap")));
        assert!(!same(draw("daily-recap"), draw("daily-recaq")));
    }
}

//! MessagePack as Redis' `cmsgpack` writes texts and arrays.

use std::borrow::Cow;

/// Reads a document from its start; `None` where it is not what was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Unpack<'a>(&'a [u8]);

impl<'a> Unpack<'a> {
    pub(crate) fn new(packed: &'a [u8]) -> Self {
        Self(packed)
    }

    /// How many bytes are still to be read.
    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }

    /// The length of the array that begins here; its items follow.
    pub(crate) fn array(&mut self) -> Option<usize> {
        match self.byte()? {
            head @ 0x90..=0x9f => Some(usize::from(head & 0x0f)),
            0xdc => self.length(2),
            0xdd => self.length(4),
            _ => None,
        }
    }

    /// The text that begins here.
    pub(crate) fn text(&mut self) -> Option<&'a [u8]> {
        let length = match self.byte()? {
            head @ 0xa0..=0xbf => usize::from(head & 0x1f),
            0xd9 => self.length(1)?,
            0xda => self.length(2)?,
            0xdb => self.length(4)?,
            _ => return None,
        };
        self.bytes(length)
    }

    /// The text that begins here, read as JavaScript would where it is no UTF-8.
    pub(crate) fn lossy(&mut self) -> Option<Cow<'a, str>> {
        self.text().map(String::from_utf8_lossy)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    fn length(&mut self, width: usize) -> Option<usize> {
        let bytes = self.bytes(width)?;
        Some(
            bytes
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte)),
        )
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_read_back() {
        for length in [0, 31, 32, 255, 256, 65_535, 65_536] {
            let text = "x".repeat(length);
            let packed = rmp_serde::to_vec(&[&text, "y"]).unwrap();
            let mut reader = Unpack::new(&packed);
            assert_eq!(reader.array(), Some(2));
            assert_eq!(reader.lossy().as_deref(), Some(&*text), "{length}");
            assert_eq!(reader.text(), Some(&b"y"[..]));
            assert_eq!(reader.left(), 0);
        }
        let many = rmp_serde::to_vec(&vec!["x"; 70_000]).unwrap();
        assert_eq!(Unpack::new(&many).array(), Some(70_000));
    }

    #[test]
    fn what_is_cut_short_or_something_else_is_nothing() {
        assert_eq!(Unpack::new(b"").array(), None);
        assert_eq!(Unpack::new(b"\xa5four").text(), None);
        assert_eq!(Unpack::new(b"\xdb\xff\xff\xff\xffx").text(), None);
        assert_eq!(Unpack::new(b"\x05").text(), None);
        assert_eq!(Unpack::new(b"\xa0").array(), None);
    }
}

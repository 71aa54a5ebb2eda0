//! Server-sent events, cut anywhere.

/// Largest event that is taken, in bytes.
const LARGEST: usize = 8 * 1024 * 1024;

/// Takes bytes as they come and gives the data of each complete event.
#[derive(Debug, Default)]
pub(super) struct EventParser {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// Data lines of the event that has not ended yet.
    data: Vec<u8>,
    has_data: bool,
    /// The last byte was a CR: a LF that follows belongs to it.
    after_cr: bool,
    started: bool,
}

/// An event is larger than anything the API sends, or is not text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadEvent(pub(super) &'static str);

impl EventParser {
    /// The data of the events that these bytes complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, BadEvent> {
        let mut events = Vec::new();
        for &byte in bytes {
            let follows_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if follows_cr => {}
                b'\r' | b'\n' => self.end_line(&mut events)?,
                _ => {
                    self.line.push(byte);
                    if self.line.len() + self.data.len() > LARGEST {
                        return Err(BadEvent("an event is larger than 8 MiB"));
                    }
                }
            }
        }
        Ok(events)
    }

    /// The data of an event that the end of the stream completes. Servers often leave out the empty
    /// line after the last event.
    pub(super) fn finish(mut self) -> Result<Option<String>, BadEvent> {
        let mut events = Vec::new();
        if !self.line.is_empty() {
            self.end_line(&mut events)?;
        }
        self.end_line(&mut events)?;
        Ok(events.pop())
    }

    fn end_line(&mut self, events: &mut Vec<String>) -> Result<(), BadEvent> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.started, true) && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        if line.is_empty() {
            if std::mem::take(&mut self.has_data) {
                let data = std::mem::take(&mut self.data);
                let text =
                    String::from_utf8(data).map_err(|_| BadEvent("an event is not UTF-8"))?;
                events.push(text);
            }
            return Ok(());
        }
        let (field, value) = match line.iter().position(|&byte| byte == b':') {
            Some(colon) => line.split_at(colon),
            None => (line.as_slice(), &[][..]),
        };
        // Comments have an empty name; ids, event names and retry times mean nothing here.
        if field == b"data" {
            let value = value.strip_prefix(b":").unwrap_or(value);
            let value = value.strip_prefix(b" ").unwrap_or(value);
            if std::mem::replace(&mut self.has_data, true) {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(parts: &[&[u8]]) -> Vec<String> {
        let mut parser = EventParser::default();
        let mut events: Vec<String> = parts
            .iter()
            .flat_map(|part| parser.push(part).unwrap())
            .collect();
        events.extend(parser.finish().unwrap());
        events
    }

    const STREAM: &[u8] = "\u{feff}: hello\r\n\r\ndata: {\"a\":\"ä\"}\r\n\r\nevent: x\ndata:1\n\
        data:  2\nid: 7\n\n\n:\rdata\r\rdata: [DONE]"
        .as_bytes();

    fn expected() -> Vec<String> {
        ["{\"a\":\"ä\"}", "1\n 2", "", "[DONE]"]
            .map(String::from)
            .into()
    }

    #[test]
    fn comments_line_ends_and_a_missing_last_line_are_understood() {
        assert_eq!(events(&[STREAM]), expected());
    }

    proptest! {
        #[test]
        fn the_same_events_come_out_wherever_the_bytes_are_cut(
            cuts in proptest::collection::vec(0..STREAM.len(), 0..20)
        ) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut parts = Vec::new();
            let mut from = 0;
            for cut in cuts {
                parts.push(&STREAM[from..cut]);
                from = cut;
            }
            parts.push(&STREAM[from..]);
            prop_assert_eq!(events(&parts), expected());
        }
    }

    #[test]
    fn what_is_too_large_or_no_text_is_an_error() {
        let mut parser = EventParser::default();
        let part = vec![b'x'; LARGEST];
        assert_eq!(parser.push(&part), Ok(vec![]));
        assert!(parser.push(b"x").is_err());
        assert!(EventParser::default().push(b"data: \xff\n\n").is_err());
    }
}

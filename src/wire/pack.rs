//! MessagePack the way Redis' `cmsgpack` reads it: text as `str`, never `bin` or `ext` (WIRE §6).

use rmp::encode;

/// A MessagePack document being written.
#[derive(Debug, Default, Clone)]
pub(crate) struct Pack(Vec<u8>);

/// A finished document.
pub(crate) type Packed = Vec<u8>;

impl Pack {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(64))
    }

    /// Starts a map; exactly `len` keys with values must follow.
    pub(crate) fn map(mut self, len: u32) -> Self {
        write(encode::write_map_len(&mut self.0, len));
        self
    }

    /// Starts an array; exactly `len` values must follow.
    pub(crate) fn array(mut self, len: u32) -> Self {
        write(encode::write_array_len(&mut self.0, len));
        self
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        write(encode::write_str(&mut self.0, text));
        self
    }

    pub(crate) fn int(mut self, number: i64) -> Self {
        write(encode::write_sint(&mut self.0, number));
        self
    }

    pub(crate) fn float(mut self, number: f64) -> Self {
        write(encode::write_f64(&mut self.0, number));
        self
    }

    pub(crate) fn flag(mut self, flag: bool) -> Self {
        write(encode::write_bool(&mut self.0, flag));
        self
    }

    pub(crate) fn nil(mut self) -> Self {
        write(encode::write_nil(&mut self.0));
        self
    }

    pub(crate) fn text_or_nil(self, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(text),
            None => self.nil(),
        }
    }

    /// Any JSON value; integers stay exact.
    pub(crate) fn json(self, value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => self.nil(),
            Value::Bool(flag) => self.flag(*flag),
            Value::Number(number) => match number.as_i64() {
                Some(number) => self.int(number),
                None => self.float(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => self.text(text),
            Value::Array(items) => items
                .iter()
                .fold(self.array(length(items.len())), Self::json),
            Value::Object(map) => map
                .iter()
                .fold(self.map(length(map.len())), |pack, (key, value)| {
                    pack.text(key).json(value)
                }),
        }
    }

    /// Any JSON value; integers stay exact and fields in their order.
    pub(crate) fn value(self, value: &super::Json) -> Self {
        use super::Json;
        match value {
            Json::Null => self.nil(),
            Json::Bool(flag) => self.flag(*flag),
            Json::Number(number) => match number.as_i64() {
                Some(number) => self.int(number),
                None => self.float(number.as_f64().unwrap_or_default()),
            },
            Json::Text(text) => self.text(text),
            Json::List(items) => items
                .iter()
                .fold(self.array(length(items.len())), Self::value),
            Json::Object(fields) => self.fields(fields.iter().map(|(k, v)| (k.as_str(), v))),
        }
    }

    /// A map of JSON values, in the order given.
    pub(crate) fn fields<'a, I>(self, fields: I) -> Self
    where
        I: ExactSizeIterator<Item = (&'a str, &'a super::Json)>,
    {
        let start = self.map(length(fields.len()));
        fields.fold(start, |pack, (name, value)| pack.text(name).value(value))
    }

    pub(crate) fn done(self) -> Packed {
        self.0
    }
}

/// A flat array of texts: `[field, value, …]`.
impl<'a> FromIterator<&'a str> for Pack {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let texts: Vec<&str> = texts.into_iter().collect();
        texts
            .iter()
            .fold(Self::new().array(length(texts.len())), |pack, text| {
                pack.text(text)
            })
    }
}

fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Writing into a `Vec` cannot fail; the type of the result cannot say so.
fn write<T, E>(result: Result<T, E>) {
    debug_assert!(result.is_ok(), "writing into memory cannot fail");
    drop(result);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_written_as_binary() {
        let long = "x".repeat(70_000);
        for text in [
            "",
            "short",
            &"y".repeat(40),
            &"z".repeat(300),
            long.as_str(),
        ] {
            let first = Pack::new().text(text).done()[0];
            assert!(
                (0xa0..=0xbf).contains(&first) || (0xd9..=0xdb).contains(&first),
                "{first:x}"
            );
        }
    }

    #[test]
    fn json_keeps_integers_and_order() {
        let value = serde_json::json!({"a": [1, -1, 1.5, null, true], "b": 1_700_000_000_000_i64});
        let packed = Pack::new().json(&value).done();
        let back: serde_json::Value = rmp_serde::from_slice(&packed).unwrap();
        assert_eq!(back, value);
    }
}

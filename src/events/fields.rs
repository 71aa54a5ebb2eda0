//! Reads the fields of an event, which are texts, as a type.

use serde::de::{
    self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor,
    value::{Error as Refusal, MapDeserializer},
};

use crate::{
    Error, Result,
    wire::{Event, without_content},
};

impl Event {
    /// Reads the fields of an event of one's own as a `T`: texts as they are, numbers and booleans
    /// by their text, lists and objects as JSON. What takes anything (`serde_json::Value`) gets the
    /// text.
    ///
    /// # Errors
    /// When the event is one of BullMQ's, a field is missing, or one does not read as what `T` has
    /// for it; the message names the field and quotes no content.
    pub fn fields<T: DeserializeOwned>(&self) -> Result<T> {
        let Self::Other { name, fields } = self else {
            return Err(Error::Decode {
                what: format!("event `{}`", self.name()),
                reason: "it is one of BullMQ's own, which has its fields as they are".into(),
            });
        };
        let pairs = fields
            .iter()
            .map(|(field, text)| (field.as_str(), Text { field, text }));
        T::deserialize(MapDeserializer::new(pairs)).map_err(|refusal: Refusal| Error::Decode {
            what: format!("event `{name}`"),
            reason: refusal.to_string(),
        })
    }
}

/// The text of one field.
#[derive(Clone, Copy)]
struct Text<'a> {
    field: &'a str,
    text: &'a str,
}

impl Text<'_> {
    fn refuse(self, expected: &str) -> Refusal {
        de::Error::custom(format!("field `{}`: expected {expected}", self.field))
    }
}

impl<'de> IntoDeserializer<'de, Refusal> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Numbers and booleans are read from their text.
macro_rules! parsed {
    ($($method:ident $visit:ident $expected:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            let value = self.text.parse().map_err(|_| self.refuse($expected))?;
            visitor.$visit(value)
        })*
    };
}

/// Everything with parts is read from JSON.
macro_rules! from_json {
    ($($method:ident($($argument:ident: $kind:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $kind,)* visitor: V) -> Result<V::Value, Refusal> {
            let mut json = serde_json::Deserializer::from_str(self.text);
            let value = json.$method($($argument,)* visitor).and_then(|value| json.end().map(|()| value));
            value.map_err(|error| self.refuse(&format!("its JSON ({})", without_content(&error))))
        })*
    };
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let unit = self.text.into_deserializer();
        visitor
            .visit_enum::<de::value::StrDeserializer<'_, Refusal>>(unit)
            .map_err(|_| self.refuse("one of the names that it may have"))
    }

    parsed! {
        deserialize_bool visit_bool "`true` or `false`";
        deserialize_i8 visit_i8 "a whole number from -128 to 127";
        deserialize_i16 visit_i16 "a whole number from -32768 to 32767";
        deserialize_i32 visit_i32 "a whole number of 32 bits";
        deserialize_i64 visit_i64 "a whole number of 64 bits";
        deserialize_u8 visit_u8 "a whole number from 0 to 255";
        deserialize_u16 visit_u16 "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 "a whole number of 32 bits, not negative";
        deserialize_u64 visit_u64 "a whole number of 64 bits, not negative";
        deserialize_f32 visit_f32 "a number";
        deserialize_f64 visit_f64 "a number";
        deserialize_char visit_char "one character";
    }

    from_json! {
        deserialize_seq();
        deserialize_map();
        deserialize_tuple(len: usize);
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
    }

    serde::forward_to_deserialize_any! {
        str string bytes byte_buf identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    enum Level {
        #[serde(rename = "high")]
        High,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Toast {
        id: String,
        seconds: u32,
        share: f64,
        urgent: bool,
        tags: Vec<String>,
        level: Level,
        missing: Option<String>,
    }

    const FIELDS: [(&str, &str); 8] = [
        ("event", "toast"),
        ("id", "17"),
        ("seconds", "5"),
        ("share", "0.5"),
        ("urgent", "true"),
        ("tags", r#"["a","b"]"#),
        ("level", "high"),
        ("unknown", "{"),
    ];

    #[test]
    fn fields_read_by_what_the_type_has_for_them() {
        let toast: Toast = Event::read(FIELDS).fields().unwrap();
        let expected = Toast {
            id: "17".into(),
            seconds: 5,
            share: 0.5,
            urgent: true,
            tags: vec!["a".into(), "b".into()],
            level: Level::High,
            missing: None,
        };
        assert_eq!(toast, expected);
    }

    #[test]
    fn a_field_of_another_form_is_named_and_not_quoted() {
        for (field, text, reason) in [
            (
                "seconds",
                "secret",
                "field `seconds`: expected a whole number of 32 bits, not negative",
            ),
            (
                "level",
                "secret",
                "field `level`: expected one of the names that it may have",
            ),
            (
                "tags",
                r#"["secret",1]"#,
                "field `tags`: expected its JSON (invalid type, expected a string at line 1 column 11)",
            ),
        ] {
            let spoilt = FIELDS.map(|(name, old)| (name, if name == field { text } else { old }));
            let error = Event::read(spoilt).fields::<Toast>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("cannot read event `toast`: {reason}")
            );
        }
        let error = Event::read([("event", "toast")])
            .fields::<Toast>()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read event `toast`: missing field `id`"
        );
    }

    #[test]
    fn events_of_bullmq_have_no_fields_of_ones_own() {
        let error = Event::Drained.fields::<Toast>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read event `drained`: it is one of BullMQ's own, which has its fields as they are"
        );
    }
}

//! JSON objects that keep the order and spelling of their fields.
//!
//! The order of a JSON schema's fields decides the order of a model's answer, and the producer's
//! data must come back as it was; a parsed map would lose both.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::value::{RawValue, to_raw_value};

/// An object of unparsed fields. Of fields with the same name the last counts, as in JavaScript.
#[derive(Debug, Clone, Default)]
pub(super) struct Object(Vec<(String, Box<RawValue>)>);

impl Object {
    /// The field's JSON, unless it is missing or `null`.
    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        let (_, value) = self.0.iter().find(|(own, _)| own == name)?;
        (value.get() != "null").then_some(value)
    }

    /// Sets a field, in its old place if it has one.
    pub(super) fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(own, _)| own == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Sets a field to the JSON of a value.
    pub(super) fn put(
        &mut self,
        name: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), serde_json::Error> {
        self.set(name, to_raw_value(value)?);
        Ok(())
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut fields: Vec<(String, Box<RawValue>)> = Vec::new();
        let mut places = HashMap::new();
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            let place = *places.entry(name.clone()).or_insert(fields.len());
            match fields.get_mut(place) {
                Some((_, old)) => *old = value,
                None => fields.push((name, value)),
            }
        }
        Ok(Object(fields))
    }
}

/// JSON text on one line: the white space outside of strings is dropped.
pub(super) fn compact(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    let mut in_string = false;
    let mut escaped = false;
    for character in json.chars() {
        if in_string {
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if character.is_ascii_whitespace() {
            continue;
        } else {
            in_string = character == '"';
        }
        line.push(character);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_spelling() {
        let text = r#"{"b":1.50,"a":{"z": 1, "y":2},"b":2e2}"#;
        let mut object: Object = crate::wire::read_json(text, "data").unwrap();
        object.put("bullrs", &["x"]).unwrap();
        assert_eq!(
            serde_json::to_string(&object).unwrap(),
            r#"{"b":2e2,"a":{"z": 1, "y":2},"bullrs":["x"]}"#
        );
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        let error = crate::wire::read_json::<Object>("[1]", "data").unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read data: invalid type, expected an object at line 1 column 0"
        );
    }

    #[test]
    fn compact_json_is_one_line_with_the_same_meaning() {
        let pretty = "{\n  \"a b\": [ 1,\t2 ],\n \"c\": \"x \\\" y\\\\\" }\r\n";
        assert_eq!(compact(pretty), r#"{"a b":[1,2],"c":"x \" y\\"}"#);
    }
}

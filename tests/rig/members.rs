//! The members of a JSON object as raw text, in their order. It is how the rigs tell whether a member survived byte for
//! byte, and how the simulated Claude Code rewrites one member without touching the others. It shares no code with
//! `signalbox_core::document`, which it is used to check.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON object, member by member.
#[derive(Debug, Default)]
pub struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// Reads an object.
    ///
    /// # Errors
    /// When the text is no JSON object.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The raw text of a member.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.get())
    }

    /// A member, read.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<serde_json::Value> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// Sets a member, in its place or at the end.
    pub fn set(&mut self, name: &str, value: &serde_json::Value) {
        let raw = serde_json::value::to_raw_value(value).expect("a JSON value is JSON");
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = raw,
            None => self.0.push((name.to_owned(), raw)),
        }
    }

    /// Every member but `name`, raw and sorted: what a switch must not change.
    #[must_use]
    pub fn besides(&self, name: &str) -> Vec<(String, String)> {
        let mut rest: Vec<_> = self
            .0
            .iter()
            .filter(|(key, _)| key != name)
            .map(|(key, raw)| (key.clone(), raw.get().to_owned()))
            .collect();
        rest.sort();
        rest
    }

    /// The object as text.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("an object of JSON values is JSON")
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    members.push(entry);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

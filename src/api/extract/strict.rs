//! JSON without loopholes. Before a body is read into what a call takes, it is walked once as a whole, for what typed
//! reading lets pass: repeated keys in maps, NUL characters (Postgres has none), arrays in the place of objects, and depth.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::super::problem::{Code, FieldError, Problem};

/// The deepest body any call takes is 5 levels deep.
const DEEPEST: usize = 16;

/// Reads `bytes` as `T`, or says where they are something else.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    at_path::<Sound>(bytes)?;
    at_path(bytes)
}

fn at_path<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        malformed(&pointer, &error.into_inner())
    })?;
    reader.end().map_err(|error| malformed("", &error))?;
    Ok(value)
}

fn malformed(pointer: &str, error: &serde_json::Error) -> Problem {
    let detail = if error.is_eof() { format!("the body ends too early: {error}") } else { error.to_string() };
    let whole = if pointer.is_empty() { detail.clone() } else { format!("{pointer}: {detail}") };
    Problem::new(Code::MalformedJson, whole).listing(vec![FieldError::at(
        pointer,
        Code::MalformedJson.entry().code,
        detail,
    )])
}

/// The path as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// Reads an object that may be absent or null, for `#[serde(deserialize_with)]`: derived reading takes `["namespace"]` for it as
/// well.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    struct Fields<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(fields)).map(Some)
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(Fields(PhantomData))
}

/// Any JSON that is sound, at this depth or any below. Holds nothing.
struct Sound;

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Level(1, false).deserialize(deserializer)
    }
}

/// One level of it, and whether it is an item of an array.
#[derive(Clone, Copy)]
struct Level(usize, bool);

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Sound;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Sound, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Level {
    fn below<E: Error>(self) -> Result<Self, E> {
        if self.0 >= DEEPEST {
            return Err(E::custom(format_args!("nested more than {DEEPEST} levels deep")));
        }
        Ok(Self(self.0 + 1, false))
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Sound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Sound, E> {
        match text.find('\0') {
            Some(place) => Err(E::custom(format_args!("a text holds a NUL character (at byte {place})"))),
            None => Ok(Sound),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Sound, A::Error> {
        // Typed reading takes an array for an object whose fields it lists. No call takes an array of arrays.
        if self.0 == 1 || self.1 {
            return Err(A::Error::custom("an object is expected here, not an array"));
        }
        let below = Self(self.below()?.0, true);
        while items.next_element_seed(below)?.is_some() {}
        Ok(Sound)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Sound, A::Error> {
        let below = self.below()?;
        let mut seen = BTreeSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            self.visit_str(&key)?;
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!("the key \"{key}\" is there twice")));
            }
            seen.insert(key);
            fields.next_value_seed(below)?;
        }
        Ok(Sound)
    }

    fn visit_unit<E: Error>(self) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Sound, E> {
        Ok(Sound)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Body {
        reason: Option<String>,
        #[serde(default)]
        tags: BTreeMap<String, String>,
    }

    fn refused(json: &str) -> String {
        let problem = read::<Body>(json.as_bytes()).expect_err(json);
        assert_eq!(problem.code(), "malformed-json");
        format!("{problem:?}")
    }

    #[test]
    fn reads_what_the_call_takes() {
        let body: Body = read(br#"{"reason": "why", "tags": {"a": "b"}}"#).expect("sound");
        assert_eq!((body.reason.as_deref(), body.tags.len()), (Some("why"), 1));
    }

    #[test]
    fn what_typed_reading_lets_pass_is_refused() {
        assert!(refused(r#"{"tags": {"a": "1", "a": "2"}}"#).contains("\\\"a\\\" is there twice"));
        assert!(refused(r#"{"tags": {"\u0061": "1", "a": "2"}}"#).contains("there twice"), "by value, not by spelling");
        assert!(refused(r#"{"reason": "x", "reason": "y"}"#).contains("there twice"));
        assert!(refused(r#"{"reason": "a\u0000b"}"#).contains("NUL"));
        assert!(refused(r#"{"tags": {"a\u0000": "b"}}"#).contains("NUL"));
    }

    #[test]
    fn depth_costs_nothing() {
        let deep = r#"{"a":"#.repeat(60_000);
        assert!(refused(&deep).contains("levels deep"));
    }

    #[test]
    fn an_array_is_no_object() {
        for body in [r#"["why", {}]"#, r#"{"tags": [["a", "b"]]}"#] {
            assert!(refused(body).contains("an object is expected"), "{body}");
        }
    }

    #[test]
    fn says_where() {
        assert!(refused(r#"{"state": "active"}"#).contains("unknown field `state`"));
        assert!(refused(r#"{"reason": 7}"#).contains("/reason: invalid type: integer `7`"));
        assert!(refused(r#"{"tags": {"a/b": null}}"#).contains("/tags/a~1b: "));
        assert!(refused(r#"{"reason": "x""#).contains("ends too early"));
        assert!(refused(r#"{} {}"#).contains("trailing characters"));
        assert!(refused("").contains("ends too early"));
    }
    proptest! {
        #[test]
        fn what_is_wrong_is_pointed_at_whatever_it_is_called(key in "[^\\x00]{1,12}") {
            let body = json!({"tags": {&key: 7}});
            let problem = read::<Body>(body.to_string().as_bytes()).expect_err("a tag is a text");
            let pointer = problem.errors()[0].pointer.clone().expect("a place in the body");
            prop_assert_eq!(body.pointer(&pointer), Some(&json!(7)), "{}", pointer);
        }

        #[test]
        fn no_bytes_make_it_panic(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..60),
                "[\\[\\]{}\":,a0-9. nulltrefs\\\\u-]{0,60}".prop_map(String::into_bytes),
            ],
        ) {
            if let Err(problem) = read::<Body>(&bytes) {
                prop_assert_eq!(problem.code(), "malformed-json");
            }
        }
    }
}

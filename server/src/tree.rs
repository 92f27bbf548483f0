//! JSON as a client wrote it, and how the structs of the API are read from it.
//!
//! serde's own readers are more lenient than the API: they take a list for a struct, field by field, and keep the last
//! of two fields of one name; and they refuse `null` where a field has a default. Everything that clients send is read
//! from a [`Tree`] instead, at any depth:
//!
//! - a struct is an object, nothing else;
//! - a field that is `null` is a field that is not there;
//! - no object has a name twice.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{Deserialize, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Value};

/// One JSON value with every entry of its objects, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// `null`, a truth value, a number or a text.
    Scalar(Value),
    /// A list.
    List(Vec<Self>),
    /// An object; a name may be there twice until it is read.
    Object(Vec<(String, Self)>),
}

impl Tree {
    /// What it is, for people.
    fn kind(&self) -> &'static str {
        match self {
            Self::Scalar(Value::Null) => "null",
            Self::Scalar(Value::Bool(_)) => "a truth value",
            Self::Scalar(Value::Number(_)) => "a number",
            Self::Scalar(Value::String(_)) => "a text",
            Self::Scalar(Value::Array(_)) | Self::List(_) => "a list",
            Self::Scalar(Value::Object(_)) | Self::Object(_) => "an object",
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(Value::Null))
    }
}

impl From<Value> for Tree {
    fn from(value: Value) -> Self {
        match value {
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(entries) => {
                Self::Object(entries.into_iter().map(|(name, value)| (name, Self::from(value))).collect())
            }
            scalar => Self::Scalar(scalar),
        }
    }
}

/// Writes down whatever is there.
impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Copyist)
    }
}

struct Copyist;

impl<'de> Visitor<'de> for Copyist {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = object.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Object(entries))
    }
}

impl<'de> IntoDeserializer<'de, Error> for Tree {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Tree {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Scalar(value) => value.deserialize_any(visitor),
            Self::List(items) => read_list(items, visitor),
            Self::Object(entries) => read_entries(entries, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Self::Object(mut entries) = self else {
            return Err(Error::custom(format_args!("expected an object, got {}", self.kind())));
        };
        refuse_twins(&entries)?;
        // A name that nobody knows stays, so that it is refused whatever its value.
        entries.retain(|(name, value)| !value.is_null() || !fields.contains(&name.as_str()));
        read_entries(entries, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Scalar(Value::String(word)) => visitor.visit_enum(StringDeserializer::new(word)),
            other => {
                let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                Err(Error::custom(format_args!("expected one of {}, got {}", words.join(", "), other.kind())))
            }
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

fn read_list<'de, V: Visitor<'de>>(items: Vec<Tree>, visitor: V) -> Result<V::Value, Error> {
    let mut list = SeqDeserializer::new(items.into_iter());
    let value = visitor.visit_seq(&mut list)?;
    list.end()?;
    Ok(value)
}

fn read_entries<'de, V: Visitor<'de>>(entries: Vec<(String, Tree)>, visitor: V) -> Result<V::Value, Error> {
    refuse_twins(&entries)?;
    let mut object = MapDeserializer::new(entries.into_iter());
    let value = visitor.visit_map(&mut object)?;
    object.end()?;
    Ok(value)
}

/// Of two fields of one name nobody can say which the client meant.
fn refuse_twins(entries: &[(String, Tree)]) -> Result<(), Error> {
    let mut names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::custom(format_args!("duplicate field `{}`", pair[0]))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(default)]
        names: Vec<String>,
        #[serde(default = "seven")]
        number: u8,
        word: Option<Word>,
        inner: Option<Inner>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Inner {
        first: i64,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        Yes,
    }

    fn seven() -> u8 {
        7
    }

    fn read(text: &str) -> Result<Outer, String> {
        let tree: Tree = serde_json::from_str(text).unwrap();
        Outer::deserialize(tree).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_field_that_is_null_is_one_that_is_not_there() {
        let absent = read("{}").unwrap();
        assert_eq!(absent.number, 7);
        assert_eq!(read(r#"{"names": null, "number": null, "word": null, "inner": null}"#), Ok(absent));
        assert_eq!(read(r#"{"inner": {"first": null}}"#).unwrap_err(), "missing field `first`");
        assert!(read(r#"{"names": [null]}"#).unwrap_err().contains("null, expected a string"));
        assert!(read(r#"{"nmaes": null}"#).unwrap_err().starts_with("unknown field `nmaes`"));
    }

    #[test]
    fn a_struct_is_an_object_and_a_word_a_text() {
        assert_eq!(read("[[], 1]").unwrap_err(), "expected an object, got a list");
        assert_eq!(read(r#"{"inner": [1]}"#).unwrap_err(), "expected an object, got a list");
        assert_eq!(read(r#"{"word": 1}"#).unwrap_err(), "expected one of `yes`, got a number");
        assert_eq!(read(r#"{"word": {"yes": null}}"#).unwrap_err(), "expected one of `yes`, got an object");
        assert_eq!(read(r#"{"word": "yes"}"#).unwrap().word, Some(Word::Yes));
    }

    #[test]
    fn no_object_has_a_name_twice() {
        assert_eq!(read(r#"{"number": 1, "number": 1}"#).unwrap_err(), "duplicate field `number`");
        assert_eq!(read(r#"{"number": 1, "number": null}"#).unwrap_err(), "duplicate field `number`");
        assert_eq!(read(r#"{"inner": {"first": 1, "first": 2}}"#).unwrap_err(), "duplicate field `first`");
        let tree: Tree = serde_json::from_str(r#"{"free": {"a": 1, "a": 2}}"#).unwrap();
        assert!(Value::deserialize(tree).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(".{0,4}", inner, 0..4).prop_map(|entries| json!(entries)),
            ]
        })
    }

    proptest! {
        /// What asks for no struct gets all that was there.
        #[test]
        fn a_tree_keeps_every_value(value in value()) {
            let tree: Tree = serde_json::from_str(&value.to_string()).unwrap();
            prop_assert_eq!(Value::deserialize(tree.clone()).unwrap(), serde_json::from_str::<Value>(&value.to_string()).unwrap());
            prop_assert_eq!(Value::deserialize(Tree::from(value.clone())).unwrap(), value);
        }
    }
}

//! Typed updates of single attributes and the conditions under which a write may happen.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

use super::{Key, value_of};
use crate::error::Error;

/// When a write may happen; all parts must hold.
#[derive(Clone, Debug)]
pub enum Condition {
    /// The item is there.
    Exists,
    /// The item is not there.
    Absent,
    /// The item does not have this attribute.
    Lacks(&'static str),
    /// The attribute (a dotted path into maps is allowed) has this value.
    Is(&'static str, AttributeValue),
    /// The attribute is there and less than this.
    Below(&'static str, AttributeValue),
}

impl Condition {
    /// The attribute `name` equals `value`.
    ///
    /// # Errors
    /// When the value cannot be stored.
    pub fn is<V: Serialize>(name: &'static str, value: &V) -> Result<Self, Error> {
        Ok(Self::Is(name, value_of(value)?))
    }

    /// The attribute `name` is there and less than `value`.
    ///
    /// # Errors
    /// When the value cannot be stored.
    pub fn below<V: Serialize>(name: &'static str, value: &V) -> Result<Self, Error> {
        Ok(Self::Below(name, value_of(value)?))
    }
}

/// Names and values of an expression, numbered as they come.
#[derive(Default)]
pub(super) struct Placeholders {
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Placeholders {
    /// `a.b` → `#n0.#n1`.
    pub(super) fn name(&mut self, path: &str) -> String {
        let parts: Vec<String> = path
            .split('.')
            .map(|part| {
                let placeholder = format!("#n{}", self.names.len());
                self.names.insert(placeholder.clone(), part.to_owned());
                placeholder
            })
            .collect();
        parts.join(".")
    }

    pub(super) fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// The condition expression, `None` when there is no condition.
    pub(super) fn condition(&mut self, conditions: Vec<Condition>) -> Option<String> {
        let parts: Vec<String> = conditions
            .into_iter()
            .map(|condition| match condition {
                Condition::Exists => "attribute_exists(pk)".to_owned(),
                Condition::Absent => "attribute_not_exists(pk)".to_owned(),
                Condition::Lacks(path) => format!("attribute_not_exists({})", self.name(path)),
                Condition::Is(path, value) => format!("{} = {}", self.name(path), self.value(value)),
                Condition::Below(path, value) => format!("{} < {}", self.name(path), self.value(value)),
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join(" AND "))
    }

    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

/// A change of some attributes of one item.
#[derive(Clone, Debug)]
pub struct Update {
    pub(super) key: Key,
    pub(super) conditions: Vec<Condition>,
    sets: Vec<(&'static str, AttributeValue)>,
    adds: Vec<(&'static str, i64)>,
    removes: Vec<&'static str>,
}

impl Update {
    /// An update of the item at `key`, so far without any change.
    #[must_use]
    pub fn at(key: Key) -> Self {
        Self {
            key,
            conditions: Vec::new(),
            sets: Vec::new(),
            adds: Vec::new(),
            removes: Vec::new(),
        }
    }

    /// Sets an attribute.
    ///
    /// # Errors
    /// When the value cannot be stored.
    pub fn set<V: Serialize>(mut self, name: &'static str, value: &V) -> Result<Self, Error> {
        self.sets.push((name, value_of(value)?));
        Ok(self)
    }

    /// Sets an attribute, or removes it for `None`.
    ///
    /// # Errors
    /// When the value cannot be stored.
    pub fn set_or_remove<V: Serialize>(mut self, name: &'static str, value: Option<&V>) -> Result<Self, Error> {
        match value {
            Some(value) => self.set(name, value),
            None => {
                self.removes.push(name);
                Ok(self)
            }
        }
    }

    /// Adds to a counter.
    #[must_use]
    pub fn add(mut self, name: &'static str, amount: i64) -> Self {
        self.adds.push((name, amount));
        self
    }

    /// Puts the item at this place of the first index.
    #[must_use]
    pub fn index1(mut self, index: &Key) -> Self {
        self.sets.push(("gsi1pk", super::text(index.pk())));
        self.sets.push(("gsi1sk", super::text(index.sk())));
        self
    }

    /// Puts the item at this place of the first index, or takes it out for `None`.
    #[must_use]
    pub fn index1_or_remove(mut self, index: Option<&Key>) -> Self {
        match index {
            Some(index) => self.index1(index),
            None => {
                self.removes.extend(["gsi1pk", "gsi1sk"]);
                self
            }
        }
    }

    /// Puts the item at this place of the second index.
    #[must_use]
    pub fn index2(mut self, index: &Key) -> Self {
        self.sets.push(("gsi2pk", super::text(index.pk())));
        self.sets.push(("gsi2sk", super::text(index.sk())));
        self
    }

    /// Puts the item at this place of the second index, or takes it out for `None`.
    #[must_use]
    pub fn index2_or_remove(mut self, index: Option<&Key>) -> Self {
        match index {
            Some(index) => self.index2(index),
            None => {
                self.removes.extend(["gsi2pk", "gsi2sk"]);
                self
            }
        }
    }

    /// Only when `condition` holds.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// The update and condition expressions with their placeholders.
    pub(super) fn expressions(self) -> (Key, String, Option<String>, Placeholders) {
        let mut placeholders = Placeholders::default();
        let sets: Vec<String> = self
            .sets
            .into_iter()
            .map(|(name, value)| format!("{} = {}", placeholders.name(name), placeholders.value(value)))
            .collect();
        let adds: Vec<String> = self
            .adds
            .into_iter()
            .map(|(name, n)| {
                format!(
                    "{} {}",
                    placeholders.name(name),
                    placeholders.value(AttributeValue::N(n.to_string()))
                )
            })
            .collect();
        let removes: Vec<String> = self.removes.into_iter().map(|name| placeholders.name(name)).collect();
        let update = [("SET", sets), ("ADD", adds), ("REMOVE", removes)]
            .into_iter()
            .filter(|(_, parts)| !parts.is_empty())
            .map(|(verb, parts)| format!("{verb} {}", parts.join(", ")))
            .collect::<Vec<_>>()
            .join(" ");
        let condition = placeholders.condition(self.conditions);
        (self.key, update, condition, placeholders)
    }
}

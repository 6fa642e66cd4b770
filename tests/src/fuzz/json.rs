//! Changes of JSON documents that keep them JSON.

use super::random::Random;
use serde_json::{Number, Value};

/// Changes one place of a document. What replaces a value is odd, or a value of the same document.
pub(super) fn mutate(document: &mut Value, random: &mut Random) {
    let n_values = count(document);
    let donor = nth(document, random.below(n_values)).clone();
    let place = random.below(n_values);
    let edit = random.below(16);
    if let Some(target) = nth_mut(document, &mut { place }) {
        change(target, donor, edit, random);
    }
}

fn change(target: &mut Value, donor: Value, edit: usize, random: &mut Random) {
    if edit == 0 {
        *target = donor;
        return;
    }
    match target {
        Value::Number(number) => {
            let old = number.as_i64().unwrap_or(0);
            let new = match edit {
                1..=3 => old.wrapping_add(1),
                4..=6 => old.wrapping_sub(1),
                7 => old.wrapping_mul(2),
                8 => old.wrapping_neg(),
                9 if donor.is_number() => {
                    *target = donor;
                    return;
                }
                _ => random.integer(),
            };
            *number = match edit {
                15 if !number.is_i64() => {
                    Number::from_f64(f64::from(random.float())).unwrap_or(Number::from(new))
                }
                _ => Number::from(new),
            };
        }
        Value::Bool(flag) => *flag = !*flag,
        Value::String(text) => match (edit, donor) {
            (1..=10, Value::String(other)) => *text = other,
            (11, _) => text.clear(),
            _ => text.push('x'),
        },
        Value::Null => *target = donor,
        Value::Array(list) => {
            let place = random.below(list.len());
            match edit {
                1..=4 if !list.is_empty() => drop(list.remove(place)),
                5..=8 if !list.is_empty() => {
                    let to = random.below(list.len());
                    let item = list[place].clone();
                    list.insert(to, item);
                }
                9..=12 if !list.is_empty() => {
                    let to = random.below(list.len());
                    list.swap(place, to);
                }
                13 => list.clear(),
                _ => list.insert(place, donor),
            }
        }
        Value::Object(fields) => {
            let keys: Vec<String> = fields.keys().cloned().collect();
            let Some(key) = random.pick(&keys) else {
                return;
            };
            match edit {
                1 => drop(fields.remove(key)),
                2 => {
                    // The name of another variant.
                    if let (Some(value), Value::String(name)) = (fields.remove(key), donor) {
                        fields.insert(name, value);
                    }
                }
                _ => {
                    if let Some(value) = fields.get_mut(key) {
                        change(value, donor, 1 + random.below(15), random);
                    }
                }
            }
        }
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

fn nth(value: &Value, index: usize) -> &Value {
    let mut left = index;
    find(value, &mut left).unwrap_or(value)
}

fn find<'a>(value: &'a Value, left: &mut usize) -> Option<&'a Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter().find_map(|item| find(item, left)),
        Value::Object(fields) => fields.values().find_map(|item| find(item, left)),
        _ => None,
    }
}

fn nth_mut<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter_mut().find_map(|item| nth_mut(item, left)),
        Value::Object(fields) => fields.values_mut().find_map(|item| nth_mut(item, left)),
        _ => None,
    }
}

//! The text form: token by token and line by line.

use super::random::Random;
use super::{Reach, Target, bytes, check_graph};

/// Parses; what parses must print and read back as the same graph, and what verifies must stay sound.
pub(super) fn check(bytes: &[u8]) -> Reach {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Reach::Refused;
    };
    let Ok(graph) = graphc_ir::parse(text) else {
        return Reach::Refused;
    };
    for shown in [graph.to_string(), graph.normal_text()] {
        match graphc_ir::parse(&shown) {
            Ok(again) => assert!(
                graph.is_same(&again),
                "the text reads back as another graph:\n{shown}\n{again}"
            ),
            Err(error) => panic!("a graph's text is refused: {error}\n{shown}"),
        }
    }
    match graphc_ir::verify(&graph) {
        Ok(()) => check_graph(graph),
        Err(errors) => {
            // Messages show whatever is wrong.
            let _ = errors.to_string();
            Reach::Read
        }
    }
}

/// Some tokens or lines others: numbers odd, words those of this text or of a seed.
pub(super) fn mutate(input: &[u8], random: &mut Random) -> Vec<u8> {
    let seeds = Target::Text.seeds();
    let donor = random.pick(seeds).map_or("", |(_, seed)| as_text(seed));
    let text = as_text(input);
    if text.is_empty() || random.one_in(64) {
        return donor.as_bytes().to_vec();
    }
    if random.one_in(16) {
        let mut changed = input.to_vec();
        bytes::mutate(&mut changed, random);
        return changed;
    }
    let mut tokens: Vec<String> = tokens(text);
    for _ in 0..1 + random.below(3) {
        if random.one_in(3) {
            let mut lines: Vec<String> = tokens
                .concat()
                .split_inclusive('\n')
                .map(str::to_owned)
                .collect();
            change_lines(&mut lines, donor, random);
            tokens = self::tokens(&lines.concat());
        } else {
            change_token(&mut tokens, donor, random);
        }
    }
    tokens.concat().into_bytes()
}

/// The part that is text.
fn as_text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
    }
}

/// Numbers, words, blanks, and other characters one by one.
fn tokens(text: &str) -> Vec<String> {
    let class = |c: char| match c {
        _ if c.is_ascii_digit() => 0,
        _ if c.is_alphanumeric() || c == '_' => 1,
        _ if c.is_whitespace() => 2,
        _ => 3,
    };
    let mut tokens: Vec<String> = Vec::new();
    let mut last = None;
    for c in text.chars() {
        // A word may hold digits: `f32`.
        let joins = match (last, class(c)) {
            (Some(1), 0 | 1) => Some(1),
            (Some(a), b) if a == b && a != 3 => Some(a),
            _ => None,
        };
        match (joins, tokens.last_mut()) {
            (Some(kind), Some(token)) => {
                token.push(c);
                last = Some(kind);
            }
            _ => {
                tokens.push(c.to_string());
                last = Some(class(c));
            }
        }
    }
    tokens
}

fn is_number(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_digit())
}

fn change_token(tokens: &mut Vec<String>, donor: &str, random: &mut Random) {
    let Some(place) = (0..16).map(|_| random.below(tokens.len())).find(|&place| {
        tokens
            .get(place)
            .is_some_and(|token| !token.trim().is_empty())
    }) else {
        return;
    };
    if is_number(&tokens[place]) {
        tokens[place] = match random.below(3) {
            0 => random.integer().to_string(),
            _ => {
                let number: i64 = tokens[place].parse().unwrap_or(0);
                (number.wrapping_add([1, -1][random.below(2)])).to_string()
            }
        };
        return;
    }
    match random.below(8) {
        0 => drop(tokens.remove(place)),
        1 => {
            let token = tokens[place].clone();
            tokens.insert(place, token);
        }
        2..=4 => {
            let other = random.below(tokens.len());
            tokens[place] = tokens[other].clone();
        }
        _ => {
            let others = self::tokens(donor);
            if let Some(other) = random.pick(&others) {
                tokens[place] = other.clone();
            }
        }
    }
}

fn change_lines(lines: &mut Vec<String>, donor: &str, random: &mut Random) {
    if lines.is_empty() {
        return;
    }
    let (place, to) = (random.below(lines.len()), random.below(lines.len()));
    match random.below(5) {
        0 => drop(lines.remove(place)),
        1 => {
            let line = lines[place].clone();
            lines.insert(to, line);
        }
        2 => lines.swap(place, to),
        _ => {
            let others: Vec<&str> = donor.split_inclusive('\n').collect();
            if let Some(other) = random.pick(&others) {
                lines.insert(to, (*other).to_owned());
            }
        }
    }
}

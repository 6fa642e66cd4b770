//! Changes of plain bytes, whatever they mean.

use super::random::Random;

/// One change: a bit, a byte, a piece that goes, moves or comes twice, or the end cut off.
pub(super) fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        bytes.push(random.bits() as u8);
        return;
    }
    let place = random.below(bytes.len());
    let length = 1 + random.below(8.min(bytes.len() - place));
    match random.below(7) {
        0 => bytes[place] ^= 1 << random.below(8),
        1 => bytes[place] = random.bits() as u8,
        2 => bytes.insert(place, random.bits() as u8),
        3 => drop(bytes.drain(place..place + length)),
        4 => {
            let piece = bytes[place..place + length].to_vec();
            let to = random.below(bytes.len());
            bytes.splice(to..to, piece);
        }
        5 => bytes[place..place + length].fill([0, 0x7f, 0x80, 0xff][random.below(4)]),
        _ if random.one_in(4) => bytes.truncate(place),
        _ => bytes[place] = bytes[place].wrapping_add(1),
    }
}

//! One input into another.

use vision::Random;

/// Inputs are no longer: what a format can do wrong, it can do in a small file.
pub const MAX_INPUT: usize = 64 << 10;

/// Sizes and offsets at which programs go wrong.
const NUMBERS: [u64; 16] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// A few changes of `input`: of bits, bytes, numbers, words of the format, of pieces left out, doubled, moved or taken from
/// `other`. At most [`MAX_INPUT`] bytes.
#[must_use]
pub fn mutate(input: &[u8], other: &[u8], words: &[&[u8]], random: &mut Random) -> Vec<u8> {
    let mut data = input.to_vec();
    for _ in 0..1 << random.below(5) {
        change(&mut data, other, words, random);
    }
    data.truncate(MAX_INPUT);
    data
}

fn change(data: &mut Vec<u8>, other: &[u8], words: &[&[u8]], random: &mut Random) {
    let at = random.below(data.len().max(1));
    match random.below(10) {
        0 => with(data, at, |byte| *byte ^= 1 << random.below(8)),
        1 => with(data, at, |byte| *byte = random.next_u64() as u8),
        2 => with(data, at, |byte| *byte = byte.wrapping_add(random.below(5) as u8).wrapping_sub(2)),
        3 => number(data, at, random),
        4 if !words.is_empty() => {
            let word = words[random.below(words.len())];
            let covered = if random.below(2) == 0 { 0 } else { word.len() };
            splice(data, at..at + covered, word);
        }
        5 => {
            let piece = piece(data.len(), random);
            data.drain(piece);
        }
        6 => {
            let copied = data[piece(data.len(), random)].to_vec();
            splice(data, at..at, &copied);
        }
        7 => {
            let copied = other[piece(other.len(), random)].to_vec();
            let covered = if random.below(2) == 0 { 0 } else { copied.len() };
            splice(data, at..at + covered, &copied);
        }
        8 => data.truncate(at),
        _ => digits(data, at, random),
    }
}

fn with(data: &mut [u8], at: usize, change: impl FnOnce(&mut u8)) {
    if let Some(byte) = data.get_mut(at) {
        change(byte);
    }
}

/// A number of 1, 2, 4 or 8 bytes, either end first.
fn number(data: &mut Vec<u8>, at: usize, random: &mut Random) {
    let value = NUMBERS[random.below(NUMBERS.len())];
    let length = 1 << random.below(4);
    let bytes = if random.below(2) == 0 {
        value.to_le_bytes()[..length].to_vec()
    } else {
        value.to_be_bytes()[8 - length..].to_vec()
    };
    splice(data, at..at + length, &bytes);
}

/// The next number in a text becomes another.
fn digits(data: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some(begin) = data.get(at..).and_then(|rest| rest.iter().position(u8::is_ascii_digit)).map(|skip| at + skip)
    else {
        return;
    };
    let length = data[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = ["", "-", "1e", "0."][random.below(4)];
    let text = format!("{sign}{}", NUMBERS[random.below(NUMBERS.len())]);
    splice(data, begin..begin + length, text.as_bytes());
}

/// A short piece of so many bytes, now and then a long one.
fn piece(length: usize, random: &mut Random) -> std::ops::Range<usize> {
    let begin = random.below(length.max(1)).min(length);
    let longest = if random.below(4) == 0 { length } else { 32 };
    begin..(begin + random.below(longest.min(length - begin) + 1))
}

fn splice(data: &mut Vec<u8>, range: std::ops::Range<usize>, with: &[u8]) {
    let begin = range.start.min(data.len());
    let end = range.end.min(data.len());
    data.splice(begin..end, with.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutations_are_bounded_seeded_and_change_something() {
        let (input, words): (&[u8], &[&[u8]]) = (b"width 640, height 480", &[b"depth"]);
        let all = |seed| {
            let mut random = Random::new(seed);
            (0..2000).map(|_| mutate(input, b"other", words, &mut random)).collect::<Vec<_>>()
        };
        let first = all(1);
        assert_eq!(first, all(1));
        assert_ne!(first, all(2));
        assert!(first.iter().filter(|data| data.as_slice() != input).count() > 1800);
        assert!(first.iter().any(|data| data.windows(5).any(|word| word == b"depth")));
        let mut long = vec![b'1'; MAX_INPUT];
        for seed in 0..50 {
            long = mutate(&long, &long, words, &mut Random::new(seed));
            assert!(long.len() <= MAX_INPUT);
        }
        assert!(mutate(b"", b"", &[], &mut Random::new(3)).len() <= 64);
    }
}

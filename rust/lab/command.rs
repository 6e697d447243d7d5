// SPDX-License-Identifier: GPL-2.0

//! The grammar of commands: words, and `key=value` words.
//!
//! Only `core` is used, so that the tests also run on the host:
//! `rustc --test --edition 2021 rust/lab/command.rs`.

use core::ops::{
    Deref,
    RangeInclusive, //
};

/// A value that a command gives: behind a key, or alone. Dereferences to its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    /// Empty if there is none.
    pub(crate) key: &'a str,
    pub(crate) text: &'a str,
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self { key: "", text }
    }
}

impl Deref for Value<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.text
    }
}

/// What is wrong with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault<'a> {
    /// The word is not `key=value`.
    NotAnAssignment(&'a str),
    /// The key is none of those that the knob knows, which come with it.
    UnknownKey(&'a str, &'a [&'a str]),
    /// The key was given before.
    Repeated(&'a str),
    /// The value is not a decimal number.
    NotANumber(Value<'a>),
    /// The number is outside the limits.
    OutOfRange(Value<'a>, u64, u64),
    /// The value is not a hexadecimal address.
    NotAnAddress(Value<'a>),
    /// The word is none of `0` and `1`.
    NotASwitch(Value<'a>),
}

/// The assignments of a command, each of `keys` at most once, in their order.
///
/// A word without `=` is a fault, as is a key that is not in `keys`.
pub(crate) fn assignments<'a, const N: usize>(
    command: &'a str,
    keys: &'a [&'a str; N],
) -> Result<[Option<Value<'a>>; N], Fault<'a>> {
    let mut values = [None; N];
    for word in command.split_ascii_whitespace() {
        let (key, text) = word.split_once('=').ok_or(Fault::NotAnAssignment(word))?;
        let index = keys
            .iter()
            .position(|known| *known == key)
            .ok_or(Fault::UnknownKey(key, keys))?;
        if values[index].replace(Value { key, text }).is_some() {
            return Err(Fault::Repeated(key));
        }
    }
    Ok(values)
}

/// A decimal number within `limits`. No sign, no blanks, no other base.
pub(crate) fn number<'a>(
    value: impl Into<Value<'a>>,
    limits: RangeInclusive<u64>,
) -> Result<u64, Fault<'a>> {
    let value = value.into();
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::NotANumber(value));
    }
    // All digits: what does not fit in 64 bits is out of every range.
    match value.parse() {
        Ok(number) if limits.contains(&number) => Ok(number),
        _ => Err(Fault::OutOfRange(value, *limits.start(), *limits.end())),
    }
}

/// As [`number`], or `default` if there is no value.
pub(crate) fn number_or(
    value: Option<Value<'_>>,
    default: u64,
    limits: RangeInclusive<u64>,
) -> Result<u64, Fault<'_>> {
    value.map_or(Ok(default), |value| number(value, limits))
}

/// The text of a value, or `default` if there is none.
pub(crate) fn text_or<'a>(value: Option<Value<'a>>, default: &'a str) -> &'a str {
    value.map_or(default, |value| value.text)
}

/// A hexadecimal address: `0x`, and up to 16 digits.
pub(crate) fn address(value: Value<'_>) -> Result<usize, Fault<'_>> {
    let digits = value.strip_prefix("0x").unwrap_or("");
    let is_address =
        (1..=16).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    match usize::from_str_radix(digits, 16) {
        Ok(address) if is_address => Ok(address),
        _ => Err(Fault::NotAnAddress(value)),
    }
}

/// `0` or `1`.
pub(crate) fn switch<'a>(value: impl Into<Value<'a>>) -> Result<bool, Fault<'a>> {
    let value = value.into();
    match value.text {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(Fault::NotASwitch(value)),
    }
}

#[cfg(any(test, CONFIG_KUNIT))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(irqlab_command))]
mod tests {
    use super::*;

    #[test]
    fn assignments_come_in_the_order_of_the_keys() {
        let found = assignments("b=2  a=1\n", &["a", "b", "c"]);
        let [a, b] = [("a", "1"), ("b", "2")].map(|(key, text)| Some(Value { key, text }));
        assert_eq!(found, Ok([a, b, None]));
    }

    #[test]
    fn nothing_is_no_assignment() {
        assert_eq!(assignments("", &["a"]), Ok([None]));
        assert_eq!(assignments(" \t\n", &["a"]), Ok([None]));
    }

    #[test]
    fn a_value_may_be_empty_or_hold_an_equals_sign() {
        let text_of = |command| assignments(command, &["a"]).map(|[a]| a.map(|value| value.text));
        assert_eq!(text_of("a="), Ok(Some("")));
        assert_eq!(text_of("a=b=c"), Ok(Some("b=c")));
    }

    #[test]
    fn wrong_words_are_faults() {
        assert_eq!(assignments("a", &["a"]), Err(Fault::NotAnAssignment("a")));
        assert_eq!(
            assignments("x=1", &["a"]),
            Err(Fault::UnknownKey("x", &["a"]))
        );
        assert_eq!(
            assignments("=1", &["a"]),
            Err(Fault::UnknownKey("", &["a"]))
        );
        assert_eq!(assignments("a=1 a=1", &["a"]), Err(Fault::Repeated("a")));
    }

    #[test]
    fn numbers_are_decimal_and_within_limits() {
        assert_eq!(number("0", 0..=9), Ok(0));
        assert_eq!(number("9", 0..=9), Ok(9));
        assert_eq!(
            number("10", 0..=9),
            Err(Fault::OutOfRange("10".into(), 0, 9))
        );
        assert_eq!(number("18446744073709551615", 0..=u64::MAX), Ok(u64::MAX));
        let huge = "18446744073709551616";
        assert_eq!(
            number(huge, 0..=u64::MAX),
            Err(Fault::OutOfRange(huge.into(), 0, u64::MAX))
        );
        for word in ["", "-1", "+1", "0x10", "1 ", "1.0", "one", "١"] {
            assert_eq!(number(word, 0..=9), Err(Fault::NotANumber(word.into())));
        }
    }

    #[test]
    fn what_is_wrong_with_a_value_names_its_key() {
        let wrong = Value {
            key: "b",
            text: "10",
        };
        let Ok([a, b]) = assignments("a=1 b=10", &["a", "b"]) else {
            unreachable!();
        };
        assert_eq!(number_or(a, 0, 0..=9), Ok(1));
        assert_eq!(number_or(b, 0, 0..=9), Err(Fault::OutOfRange(wrong, 0, 9)));
        assert_eq!(b.map(switch), Some(Err(Fault::NotASwitch(wrong))));
        assert_eq!(b.map(address), Some(Err(Fault::NotAnAddress(wrong))));
    }

    #[test]
    fn addresses_are_hexadecimal() {
        assert_eq!(address("0x0".into()), Ok(0));
        assert_eq!(address("0xFfffffffffffffff".into()), Ok(usize::MAX));
        for word in ["", "0x", "10", "x1", "0x+1", "0x1g", "0x10000000000000000"] {
            assert_eq!(address(word.into()), Err(Fault::NotAnAddress(word.into())));
        }
    }

    #[test]
    fn switches_are_0_or_1() {
        assert_eq!(switch("0"), Ok(false));
        assert_eq!(switch("1"), Ok(true));
        for word in ["", "2", "01", "on", "Y"] {
            assert_eq!(switch(word), Err(Fault::NotASwitch(word.into())));
        }
    }
}

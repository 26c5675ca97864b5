//! One pass of serde over a value gives its digest for the trace and its size on the wire, without a buffer: the same
//! two numbers on every engine, because they depend on serde's data model alone.

use std::fmt::{self, Display};

use serde::ser::{self, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::random::mix;

/// Digest and wire size (bytes, variable-length integers as postcard writes them) of a value.
///
/// # Panics
/// If the value's `Serialize` itself reports an error: a frame type that cannot be sent.
#[inline]
pub fn of<T: Serialize + ?Sized>(value: &T) -> (u64, u32) {
    let mut digest = Digest { state: 0, bytes: 0 };
    value.serialize(&mut digest).expect("frame types serialise");
    (digest.state, digest.bytes)
}

struct Digest {
    state: u64,
    bytes: u32,
}

impl Digest {
    #[inline]
    fn fixed(&mut self, word: u64, bytes: u32) {
        self.state = mix(self.state, word);
        self.bytes += bytes;
    }

    #[inline]
    fn variable(&mut self, word: u64) {
        let bits = 64 - (word | 1).leading_zeros();
        self.fixed(word, bits.div_ceil(7));
    }

    #[inline]
    fn signed(&mut self, value: i64) {
        // Zigzag, so that small negative numbers are small on the wire.
        self.variable(((value << 1) ^ (value >> 63)) as u64);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.variable(bytes.len() as u64);
        self.fixed(xxh3_64(bytes), u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    }
}

/// Only a type's own `Serialize` can raise it.
#[derive(Debug)]
struct Unserialisable(String);

impl Display for Unserialisable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unserialisable {}

impl ser::Error for Unserialisable {
    fn custom<T: Display>(message: T) -> Self {
        Unserialisable(message.to_string())
    }
}

type Done = Result<(), Unserialisable>;

macro_rules! scalars {
    ($($method:ident($type:ty) => $how:ident as $wide:ty;)*) => {
        $(#[inline] fn $method(self, value: $type) -> Done { self.$how(value as $wide); Ok(()) })*
    };
}

impl<'a> ser::Serializer for &'a mut Digest {
    type Ok = ();
    type Error = Unserialisable;
    type SerializeSeq = &'a mut Digest;
    type SerializeTuple = &'a mut Digest;
    type SerializeTupleStruct = &'a mut Digest;
    type SerializeTupleVariant = &'a mut Digest;
    type SerializeMap = &'a mut Digest;
    type SerializeStruct = &'a mut Digest;
    type SerializeStructVariant = &'a mut Digest;

    scalars! {
        serialize_u16(u16) => variable as u64;
        serialize_u32(u32) => variable as u64;
        serialize_u64(u64) => variable as u64;
        serialize_i16(i16) => signed as i64;
        serialize_i32(i32) => signed as i64;
        serialize_i64(i64) => signed as i64;
        serialize_char(char) => variable as u64;
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Done {
        self.fixed(u64::from(value), 1);
        Ok(())
    }
    #[inline]
    fn serialize_u8(self, value: u8) -> Done {
        self.fixed(u64::from(value), 1);
        Ok(())
    }
    #[inline]
    fn serialize_i8(self, value: i8) -> Done {
        self.fixed(value as u64, 1);
        Ok(())
    }
    fn serialize_u128(self, value: u128) -> Done {
        self.fixed(value as u64, 8);
        self.fixed((value >> 64) as u64, 8);
        Ok(())
    }
    fn serialize_i128(self, value: i128) -> Done {
        self.serialize_u128(value as u128)
    }
    fn serialize_f32(self, value: f32) -> Done {
        self.fixed(u64::from(value.to_bits()), 4);
        Ok(())
    }
    fn serialize_f64(self, value: f64) -> Done {
        self.fixed(value.to_bits(), 8);
        Ok(())
    }
    fn serialize_str(self, value: &str) -> Done {
        self.bytes(value.as_bytes());
        Ok(())
    }
    fn serialize_bytes(self, value: &[u8]) -> Done {
        self.bytes(value);
        Ok(())
    }
    #[inline]
    fn serialize_none(self) -> Done {
        self.fixed(0, 1);
        Ok(())
    }
    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        self.fixed(1, 1);
        value.serialize(self)
    }
    fn serialize_unit(self) -> Done {
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Done {
        Ok(())
    }
    #[inline]
    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Done {
        self.variable(u64::from(index));
        Ok(())
    }
    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }
    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Done {
        self.variable(u64::from(index));
        value.serialize(self)
    }
    fn serialize_seq(self, length: Option<usize>) -> Result<Self, Unserialisable> {
        self.variable(length.unwrap_or_default() as u64);
        Ok(self)
    }
    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Self, Unserialisable> {
        Ok(self)
    }
    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unserialisable> {
        Ok(self)
    }
    #[inline]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unserialisable> {
        self.variable(u64::from(index));
        Ok(self)
    }
    fn serialize_map(self, length: Option<usize>) -> Result<Self, Unserialisable> {
        self.serialize_seq(length)
    }
    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unserialisable> {
        Ok(self)
    }
    #[inline]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unserialisable> {
        self.variable(u64::from(index));
        Ok(self)
    }
    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! compound {
    ($($trait:ident { $($method:ident($($key:ident: $key_type:ty)?);)* })*) => {
        $(impl ser::$trait for &mut Digest {
            type Ok = ();
            type Error = Unserialisable;
            $(#[inline] fn $method<T: Serialize + ?Sized>(&mut self, $($key: $key_type,)? value: &T) -> Done {
                $(let _ = $key;)?
                value.serialize(&mut **self)
            })*
            fn end(self) -> Done { Ok(()) }
        })*
    };
}

compound! {
    SerializeSeq { serialize_element(); }
    SerializeTuple { serialize_element(); }
    SerializeTupleStruct { serialize_field(); }
    SerializeTupleVariant { serialize_field(); }
    SerializeMap { serialize_key(); serialize_value(); }
    SerializeStruct { serialize_field(_name: &'static str); }
    SerializeStructVariant { serialize_field(_name: &'static str); }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn size_is_what_postcard_writes() {
        for value in [(0u64, -1i32, Some("text"), vec![1u16, 300]), (u64::MAX, i32::MIN, None, vec![])] {
            let written = postcard::to_stdvec(&value).expect("serialises");
            assert_eq!(of(&value).1 as usize, written.len(), "{value:?}");
        }
    }

    #[test]
    fn every_field_counts_and_so_does_its_place() {
        assert_ne!(of(&(1u64, 2u64)).0, of(&(2u64, 1u64)).0);
        assert_ne!(of(&(0u64, 0u64)).0, of(&(0u64,)).0);
        assert_ne!(of("ab").0, of("ba").0);
    }
}

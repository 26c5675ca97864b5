//! Which slot of a cluster a key is in, and which shard begins with which slots.

/// Slots of a cluster (source: Redis cluster specification, 7.0).
pub const SLOTS: u16 = 16_384;

/// The slot of a key: CRC16 of the key, or of what is between its first `{` and the next `}` if there is anything, so that keys can
/// be kept together (source: Redis cluster specification, 7.0).
#[must_use]
pub fn slot_of(key: &[u8]) -> u16 {
    crc16(hashed_part(key)) % SLOTS
}

/// The shard of a slot when `shards` divide the slots evenly, as `redis-cli --cluster create` deals them.
#[must_use]
pub fn shard_of(slot: u16, shards: u16) -> u16 {
    let shard = u32::from(slot) * u32::from(shards) / u32::from(SLOTS);
    shard as u16
}

fn hashed_part(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else { return key };
    match key[open + 1..].iter().position(|byte| *byte == b'}') {
        Some(0) | None => key,
        Some(length) => &key[open + 1..open + 1 + length],
    }
}

/// CRC-16/XMODEM: polynomial 0x1021, nothing reflected, starting at zero.
const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hash_as_the_specification_says() {
        // The specification's own check value, and `CLUSTER KEYSLOT` of two keys as its documentation prints them.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot_of(b"somekey"), 11_058);
        assert_eq!(slot_of(b"foo{hash_tag}"), 2_515);
        assert_eq!(slot_of(b"bar{hash_tag}"), 2_515);
    }

    #[test]
    fn only_the_first_brace_with_something_in_it_counts() {
        assert_eq!(hashed_part(b"foo{}{bar}"), b"foo{}{bar}");
        assert_eq!(hashed_part(b"foo{{bar}}zap"), b"{bar");
        assert_eq!(hashed_part(b"foo{bar}{zap}"), b"bar");
        assert_eq!(hashed_part(b"foo{bar"), b"foo{bar");
    }

    #[test]
    fn shards_get_even_runs_of_slots() {
        let shards: Vec<u16> = (0..SLOTS).map(|slot| shard_of(slot, 3)).collect();
        assert!(shards.is_sorted());
        let sizes = [0, 1, 2].map(|shard| shards.iter().filter(|of| **of == shard).count());
        assert_eq!(sizes, [5_462, 5_461, 5_461]);
    }
}

//! Bytes of a fuzzer, taken from the front one choice at a time. Where they end every choice is the first one, so that
//! something short says what is usual.

/// What is left of them.
pub struct Bytes<'a> {
    left: &'a [u8],
}

impl<'a> Bytes<'a> {
    /// All of them.
    pub fn new(all: &'a [u8]) -> Bytes<'a> {
        Bytes { left: all }
    }

    /// The next one; 0 at the end.
    pub fn next(&mut self) -> u8 {
        let Some((first, left)) = self.left.split_first() else { return 0 };
        self.left = left;
        *first
    }

    /// Two of them, around 0.
    pub fn short(&mut self) -> i16 {
        i16::from_le_bytes([self.next(), self.next()])
    }

    /// Eight of them as a number of any kind.
    pub fn number(&mut self) -> f64 {
        f64::from_bits(u64::from_le_bytes(std::array::from_fn(|_| self.next())))
    }

    /// One of these.
    pub fn one<'b>(&mut self, of: &[&'b str]) -> &'b str {
        of[usize::from(self.next()) % of.len()]
    }

    /// As many as the next one says, at most `most`.
    pub fn some(&mut self, most: usize) -> &'a [u8] {
        let count = (usize::from(self.next()) % (most + 1)).min(self.left.len());
        let (taken, left) = self.left.split_at(count);
        self.left = left;
        taken
    }

    /// The rest.
    pub fn rest(self) -> &'a [u8] {
        self.left
    }
}

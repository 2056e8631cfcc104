//! Where the fields of a log's first chunk are, found by walking it. It is written by
//! [`LogWriter`](mim_events::eventlog::LogWriter), so nothing has to be tested.

use super::fixture::FILE_HEADER;

/// Offset in the file and width in bytes.
pub(super) type Field = (usize, usize);

struct Walk<'a> {
    chunk: &'a [u8],
    fields: Vec<Field>,
}

/// All fields of the headers, and of as many records as there are.
pub(super) fn fields(log: &[u8]) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for at in [8, 16, 24] {
        fields.push((at, 8));
    }
    for at in [32, 36, 38, 40, 42, 120, 124] {
        fields.push((at, 2));
    }
    let mut walk = Walk {
        chunk: &log[FILE_HEADER..],
        fields,
    };
    for at in [8, 16, 24, 32] {
        walk.field(at, 8);
    }
    for at in [0, 40, 44, 48, 52, 120, 124] {
        walk.field(at, 4);
    }
    for bucket in 0..96 {
        // Those in use are more than the others.
        if walk.u32(128 + bucket * 4) != 0 {
            walk.field(128 + bucket * 4, 4);
        }
    }
    walk.field(128, 4);
    walk.field(384, 4);
    let end = walk.u32(48);
    let mut at = 512;
    while at < end {
        at = walk.record(at);
    }
    walk.fields
}

impl Walk<'_> {
    fn field(&mut self, at: usize, width: usize) {
        self.fields.push((FILE_HEADER + at, width));
    }

    fn u8(&self, at: usize) -> u8 {
        self.chunk.get(at).copied().unwrap_or_default()
    }

    fn u16(&self, at: usize) -> usize {
        usize::from(self.u8(at)) | usize::from(self.u8(at + 1)) << 8
    }

    fn u32(&self, at: usize) -> usize {
        self.u16(at) | self.u16(at + 2) << 16
    }

    fn record(&mut self, at: usize) -> usize {
        let end = at + self.u32(at + 4);
        self.field(at, 4);
        self.field(at + 4, 4);
        self.field(at + 8, 8);
        self.field(at + 16, 8);
        self.field(end - 4, 4);
        self.fragment(at + 24);
        end
    }

    fn fragment(&mut self, mut at: usize) {
        if self.u8(at) == 0x0F {
            self.field(at, 4);
            at += 4;
        }
        match self.u8(at) {
            0x0C => self.instance(at),
            _ => drop(self.element(at, false)),
        }
    }

    fn instance(&mut self, at: usize) {
        self.field(at, 1);
        self.field(at + 2, 4);
        self.field(at + 6, 4);
        let mut at = at + 10;
        if self.u32(at - 4) == at {
            self.field(at, 4);
            self.field(at + 4, 4);
            self.field(at + 20, 4);
            self.field(at + 24, 4);
            self.element(at + 28, true);
            at += 24 + self.u32(at + 20);
        }
        self.field(at, 4);
        let count = self.u32(at);
        let mut value = at + 4 + count * 4;
        for descriptor in (at + 4..).step_by(4).take(count) {
            let size = self.u16(descriptor);
            self.field(descriptor, 2);
            self.field(descriptor + 2, 1);
            match self.u8(descriptor + 2) {
                0x21 if size > 0 => self.fragment(value),
                _ if size > 0 => self.field(value, size.min(8)),
                _ => {}
            }
            value += size;
        }
    }

    fn name(&mut self, at: usize) -> usize {
        self.field(at, 4);
        if self.u32(at) != at + 4 {
            return at + 4;
        }
        let at = at + 4;
        self.field(at, 4);
        self.field(at + 4, 2);
        self.field(at + 6, 2);
        self.field(at + 8, 2);
        at + 8 + self.u16(at + 6) * 2 + 2
    }

    /// Returns where the element ends.
    fn element(&mut self, start: usize, in_template: bool) -> usize {
        self.field(start, 1);
        let mut at = start + 1;
        if in_template {
            self.field(at, 2);
            at += 2;
        }
        self.field(at, 4);
        let end = at + 4 + self.u32(at);
        at = self.name(at + 4);
        if self.u8(start) & 0x40 != 0 {
            self.field(at, 4);
            at += 4;
        }
        while at < end {
            self.field(at, 1);
            at = match self.u8(at) {
                0x01 | 0x41 => self.element(at, in_template),
                0x06 | 0x46 | 0x09 | 0x49 => self.name(at + 1),
                0x05 | 0x45 => {
                    self.field(at + 2, 2);
                    at + 4 + self.u16(at + 2) * 2
                }
                0x0D | 0x0E => {
                    self.field(at + 1, 2);
                    self.field(at + 3, 1);
                    at + 4
                }
                _ => at + 1,
            };
        }
        end
    }
}

//! Files of 1 MiB that try to make their reader slow or memory hungry, each in
//! another way: 16 chunks, all alike.

use crate::eventlog::fixture::*;

/// Name and bytes of every file.
pub(crate) fn files() -> Vec<(&'static str, Vec<u8>)> {
    let chunks: Vec<(&'static str, Vec<u8>)> = vec![
        ("elements nested without end", deep_elements(5_000)),
        ("elements nested as deep as they may", deep_elements(60)),
        ("instances nested without end", deep_instances(400)),
        ("instances nested as deep as they may", deep_instances(13)),
        ("instances that multiply", multiplied(2, 15)),
        ("instances that multiply fast", multiplied(40, 3)),
        (
            "many empty values",
            repeated(2_000, Vec::new(), &string("x"), 44),
        ),
        (
            "a text in many values",
            repeated(400, slots("Data", 400), &string(&"x".repeat(60)), 44),
        ),
        (
            "a long text in many values",
            repeated(40, slots("Data", 1_500), &string(&"x".repeat(900)), 44),
        ),
        (
            "bytes in many values",
            repeated(100, slots("Data", 1_000), &typed(0x0E, [7; 300]), 44),
        ),
        (
            "user ids in many values",
            repeated(100, slots("Data", 1_000), &typed(0x13, long_sid()), 44),
        ),
        (
            "an array of nothing in many values",
            repeated(200, slots("Data", 800), &typed(0x81, [0; 160]), 44),
        ),
        (
            "an array of nothing",
            repeated(3, slots("Data", 1), &typed(0x81, [0; 20_000]), 44),
        ),
        (
            "one value of many texts",
            repeated(300, vec![in_one(1_500)], &string(&"x".repeat(60)), 44),
        ),
        (
            "one value of many bytes",
            repeated(300, vec![in_one(1_500)], &typed(0x0E, [7; 60]), 44),
        ),
        (
            "a literal in every event",
            repeated(
                450,
                vec![element("Data").text(&"x".repeat(15_000))],
                &Value::Null,
                44,
            ),
        ),
        (
            "a name in every event",
            repeated(450, vec![named(15_000)], &string("x"), 44),
        ),
        (
            "only the second lane: times",
            repeated(300, slots("Data", 2_000), &typed(0x92, [1; 64]), 44),
        ),
        (
            "only the second lane: one text",
            repeated(300, vec![in_one(4_000)], &typed(0x92, [1; 64]), 44),
        ),
        (
            "only the second lane: one long text of times",
            repeated(1, vec![in_one(4_000)], &typed(0x92, [1; 2_000]), 44),
        ),
        (
            "only the second lane: one long text of numbers",
            repeated(1, vec![in_one(4_000)], &typed(0x8B, [1; 400]), 44),
        ),
        (
            "only the second lane: as long as it may be",
            repeated(1, vec![in_one(2_400)], &typed(0x92, [1; 3_600]), 44),
        ),
        (
            "only the second lane: small",
            repeated(1_000, slots("Data", 10), &typed(0x8B, [1; 4]), 44),
        ),
        ("only the second lane: one of all", second_lane_once()),
        ("only the second lane: long names", long_names()),
        (
            "only the second lane: text that is escaped",
            repeated(
                60,
                slots("Data", 1_000),
                &typed(
                    0x02,
                    [0xE9; 60]
                        .map(|_| b'&')
                        .into_iter()
                        .chain([0xE9])
                        .collect::<Vec<u8>>(),
                ),
                44,
            ),
        ),
        ("literals of System that change", changing_literals()),
        ("definitions that begin anywhere", definitions_anywhere()),
        ("names in loops", name_loops()),
        ("records of no content", tiny(&[])),
        (
            "records of damaged content",
            tiny(&[0x0F, 1, 1, 0, 0x0C, 1, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0]),
        ),
        ("counts beyond all bounds", huge_counts()),
        ("signatures everywhere", signatures()),
        ("records inside each other", overlapping(false)),
        ("records inside each other with a text", overlapping(true)),
    ];
    chunks
        .into_iter()
        .flat_map(|(name, chunk)| {
            let chunks: Vec<Vec<u8>> = vec![chunk; 16];
            [(name, log(&chunks))]
        })
        .collect()
}

/// What fits a chunk of any record that is appended again and again.
fn fill(chunk: &mut Chunk, most: usize, content: &[u8]) {
    let size = (24 + content.len() + 4).next_multiple_of(8);
    for _ in 0..most {
        if chunk.bytes.len() + size > 65_528 {
            break;
        }
        chunk.raw(content);
    }
}

/// An instance of the definition at this offset.
fn instance(definition: u32, values: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0x0F, 1, 1, 0, 0x0C, 1, 0x34, 0x12, 0, 0];
    bytes.extend(definition.to_le_bytes());
    bytes.extend((values.len() as u32).to_le_bytes());
    for (kind, value) in values {
        bytes.extend((value.len() as u16).to_le_bytes());
        bytes.extend([*kind, 0]);
    }
    values.iter().for_each(|(_, value)| bytes.extend(*value));
    bytes.push(0);
    bytes
}

/// Where the definition of the record that comes next will be.
fn next_definition(chunk: &Chunk) -> u32 {
    (chunk.bytes.len() + 24 + 4 + 10) as u32
}

fn deep_elements(depth: usize) -> Vec<u8> {
    let mut chunk = Chunk::new(1);
    let mut content = vec![0x0F, 1, 1, 0];
    let name = chunk.bytes.len() as u32 + 24 + 4 + 9;
    for level in 0..depth {
        content.push(0x01);
        content.extend([0xFF, 0xFF, 0, 0]);
        content.extend(name.to_le_bytes());
        if level == 0 {
            // The node of the name, in its place.
            content.extend([0, 0, 0, 0, 0, 0, 1, 0, b'E', 0, 0, 0]);
        }
        content.push(0x02);
    }
    content.extend(std::iter::repeat_n(0x04, depth));
    content.push(0);
    chunk.raw(&content);
    let mut again = content.clone();
    // Later records refer to the name.
    again.drain(13..25);
    fill(&mut chunk, 4_000, &again);
    chunk.finish()
}

fn deep_instances(depth: usize) -> Vec<u8> {
    let mut content = Content::Literal(element("Inner").text("x"));
    for _ in 0..depth {
        let inner = Value::Fragment(false, Box::new(content));
        content = Content::Instance(element("Outer").slot(0), vec![inner]);
    }
    let content = manifest(
        1,
        element("UserData").slot(4),
        vec![Value::Fragment(true, Box::new(content))],
    );
    let mut chunk = Chunk::new(1);
    chunk.record(TIME, &content);
    let size = chunk.bytes.len() - 512;
    while chunk.bytes.len() + size < 65_000 {
        chunk.record(TIME, &content);
    }
    chunk.finish()
}

/// Each instance holds the next one in many places.
fn multiplied(places: usize, levels: usize) -> Vec<u8> {
    let mut content = Content::Literal(element("Data").text("x"));
    for _ in 0..levels {
        let mut outer = element("Outer");
        for _ in 0..places {
            outer = outer.slot(0);
        }
        let inner = Value::Fragment(false, Box::new(content));
        content = Content::Instance(outer, vec![inner]);
    }
    let inner = Value::Fragment(true, Box::new(content));
    let content = manifest(1, element("UserData").slot(4), vec![inner]);
    let mut chunk = Chunk::new(1);
    chunk.record(TIME, &content);
    let size = chunk.bytes.len() - 512;
    while chunk.bytes.len() + size < 65_000 {
        chunk.record(TIME, &content);
    }
    chunk.finish()
}

fn slots(name: &'static str, count: usize) -> Vec<Element> {
    vec![element(name).slot(4); count]
}

/// One `Data` of the same value again and again.
fn in_one(count: usize) -> Element {
    (0..count).fold(element("Data"), |data, _| data.slot(4))
}

fn named(length: usize) -> Element {
    element("Data")
        .attribute("Name", text(&"n".repeat(length)))
        .slot(4)
}

/// One definition with this event data, and as many records as fit. Without
/// elements, as many empty ones as there are to be records.
fn repeated(most: usize, data: Vec<Element>, value: &Value, room: usize) -> Vec<u8> {
    let data = if data.is_empty() {
        vec![element("Data"); 1_500]
    } else {
        data
    };
    let data = data.into_iter().fold(element("EventData"), Element::child);
    let mut chunk = Chunk::new(1);
    let definition = next_definition(&chunk);
    chunk.record(TIME, &manifest(1, data, vec![value.clone()]));
    let (kind, bytes) = match value {
        Value::Typed(kind, bytes) => (*kind, bytes.as_slice()),
        _ => (0, &[][..]),
    };
    let time = TIME.to_le_bytes();
    let values = [
        (6, &[44, 1][..]),
        (0x11, &time),
        (0x0A, &[1, 0, 0, 0, 0, 0, 0, 0]),
        (0, &[]),
        (kind, bytes),
    ];
    let record = instance(definition, &values);
    assert!(record.len() >= room);
    fill(&mut chunk, most, &record);
    chunk.finish()
}

fn long_sid() -> Vec<u8> {
    let mut bytes = vec![1, 255, 0, 0, 0, 0, 0, 5];
    bytes.extend([0xFF; 1020]);
    bytes
}

/// The first record is for the second lane, which then reads all others, too.
fn second_lane_once() -> Vec<u8> {
    let data = (0..1_500).fold(element("EventData"), |data, _| {
        data.child(element("Data").slot(4))
    });
    let mut chunk = Chunk::new(1);
    let definition = next_definition(&chunk);
    chunk.record(TIME, &manifest(1, data, vec![typed(0x8B, [1; 4])]));
    let long = [b'x'; 600];
    let record = instance(
        definition,
        &[(0, &[]), (0, &[]), (0, &[]), (0, &[]), (0x01, &long)],
    );
    fill(&mut chunk, 100, &record);
    chunk.finish()
}

/// Elements of a name that takes half the chunk.
fn long_names() -> Vec<u8> {
    let mut chunk = Chunk::new(1);
    let name = chunk.bytes.len() as u32 + 24 + 4 + 9;
    let mut content = vec![0x0F, 1, 1, 0, 0x01, 0xFF, 0xFF, 0, 0];
    content.extend(name.to_le_bytes());
    content.extend([0, 0, 0, 0, 0, 0]);
    content.extend(12_000_u16.to_le_bytes());
    content.extend([b'n', 0].repeat(12_000));
    content.extend([0, 0, 0x02]);
    for _ in 0..1_500 {
        content.push(0x01);
        content.extend([6, 0, 0, 0]);
        content.extend(name.to_le_bytes());
        content.push(0x03);
    }
    content.extend([0x07, 1, 0, b'x', 0, 0x04, 0]);
    chunk.raw(&content);
    // And a record of the second lane for each that is left.
    let mut small = vec![0x0F, 1, 1, 0, 0x01, 0xFF, 0xFF, 0, 0];
    small.extend(name.to_le_bytes());
    small.extend([0x02, 0x07, 1, 0, b'x', 0, 0x04, 0]);
    fill(&mut chunk, 1_000, &small);
    chunk.finish()
}

/// Two definitions with long names in `System`, in turn.
fn changing_literals() -> Vec<u8> {
    let event = |letter: &str| {
        let long = letter.repeat(2_500);
        let system = element("System")
            .child(element("Provider").attribute("Name", text(&long)))
            .child(element("EventID").slot(0))
            .child(element("Channel").text(&long))
            .child(element("Computer").text(&long));
        Content::Instance(element("Event").child(system), vec![typed(6, [44, 1])])
    };
    let mut chunk = Chunk::new(1);
    let definitions = ["\u{43f}", "\u{4e00}"].map(|letter| {
        let definition = next_definition(&chunk);
        chunk.record(TIME, &event(letter));
        instance(definition, &[(6, &[44, 1])])
    });
    for record in definitions.iter().cycle() {
        if chunk.bytes.len() + 64 > 65_528 {
            break;
        }
        chunk.raw(record);
    }
    chunk.finish()
}

/// Half the chunk is elements, and at each of them a definition begins that
/// goes on to their end.
fn definitions_anywhere() -> Vec<u8> {
    let mut chunk = Chunk::new(1);
    let start = chunk.bytes.len() + 24;
    let mut content = Vec::new();
    let name = (start + 30_000) as u32;
    while content.len() < 30_000 {
        // 20 bytes on, the next one's size reads as that of a definition.
        content.push(0x01);
        content.extend([0xFF, 0xFF]);
        content.extend((28_000_u32.saturating_sub(content.len() as u32)).to_le_bytes());
        content.extend(name.to_le_bytes());
        content.push(0x02);
    }
    content.truncate(30_000);
    content.extend([0, 0, 0, 0, 0, 0, 1, 0, b'E', 0, 0, 0]);
    chunk.raw(&content);
    for at in 0.. {
        // Where the size stands 20 bytes after the definition's offset.
        let definition = (start + at * 12 + 3 + 12 - 20 + 12) as u32;
        if chunk.bytes.len() + 64 > 65_528 || definition as usize > start + 28_000 {
            break;
        }
        chunk.raw(&instance(definition, &[(6, &[44, 1])]));
    }
    chunk.finish()
}

fn name_loops() -> Vec<u8> {
    let mut chunk = Chunk::new(1);
    for number in 0..200 {
        let event = Classic {
            record: number,
            ..Classic::default()
        };
        chunk.record(TIME, &event.content());
    }
    let mut bytes = chunk.finish();
    let u32_at =
        |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let nodes: Vec<usize> = (512..60_000)
        .filter(|&at| u32_at(&bytes, at) as usize == at + 4)
        .map(|at| at + 4)
        .collect();
    for (index, &node) in nodes.iter().enumerate() {
        let next = nodes[(index + 1) % nodes.len()] as u32;
        bytes[node..node + 4].copy_from_slice(&next.to_le_bytes());
    }
    for bucket in 0..96 {
        let at = 128 + bucket * 4;
        let node = nodes[bucket % nodes.len()] as u32;
        bytes[at..at + 4].copy_from_slice(&node.to_le_bytes());
    }
    seal(&mut bytes);
    bytes
}

fn tiny(content: &[u8]) -> Vec<u8> {
    let mut chunk = Chunk::new(1);
    fill(&mut chunk, 4_000, content);
    chunk.finish()
}

fn huge_counts() -> Vec<u8> {
    let mut chunk = Chunk::new(1);
    let definition = next_definition(&chunk);
    chunk.record(TIME, &Classic::default().content());
    let mut content = instance(definition, &[]);
    for count in [u32::MAX, 0x4000_0000, 0x1_0000, 10_000] {
        content[14..18].copy_from_slice(&count.to_le_bytes());
        fill(&mut chunk, 300, &content);
    }
    chunk.finish()
}

/// What looks like a record at every place where one could be.
fn signatures() -> Vec<u8> {
    let mut chunk = Chunk::new(1);
    chunk.record(TIME, &Classic::default().content());
    while chunk.bytes.len() < 65_500 {
        let rest = (65_528 - chunk.bytes.len()) as u32;
        chunk.bytes.extend(0x2A2A_u32.to_le_bytes());
        chunk.bytes.extend((rest & !7).to_le_bytes());
    }
    let mut bytes = chunk.finish();
    bytes[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    bytes
}

/// Records whose size is wrong and reaches to the chunk's end, each with a whole
/// one inside.
fn overlapping(with_text: bool) -> Vec<u8> {
    let mut chunk = Chunk::new(1);
    let definition = next_definition(&chunk);
    chunk.record(TIME, &Classic::default().content());
    let mut id = 1_u64;
    while chunk.bytes.len() + 200 < 65_000 {
        let rest = (65_000 - chunk.bytes.len()) as u32;
        let long = (rest - 160).min(60_000) as u16;
        let mut outer = if with_text {
            instance(definition, &[(1, &[])])
        } else {
            vec![0x0F, 1, 1, 0, 0x0F, 1, 1, 0]
        };
        if with_text {
            outer[18..20].copy_from_slice(&long.to_le_bytes());
        }
        for (content, size) in [(outer, rest & !7), (Vec::new(), 32)] {
            id += 1;
            let start = chunk.bytes.len();
            chunk.bytes.extend(0x2A2A_u32.to_le_bytes());
            chunk.bytes.extend(size.to_le_bytes());
            chunk.bytes.extend(id.to_le_bytes());
            chunk.bytes.extend(TIME.to_le_bytes());
            chunk.bytes.extend(content);
            let end = (chunk.bytes.len() + 4).next_multiple_of(8);
            chunk.bytes.resize(end, 0);
            if size == 32 {
                chunk.bytes.resize(start + 28, 0);
                chunk.bytes.extend(32_u32.to_le_bytes());
            }
        }
    }
    let mut bytes = chunk.finish();
    bytes[32..40].copy_from_slice(&id.to_le_bytes());
    seal(&mut bytes);
    bytes
}

//! Writes the frames of the test vectors into `seeds/frame`.
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let vectors = std::fs::read(here.join("../tests/vectors/frames.json"))?;
    let vectors: serde_json::Value = serde_json::from_slice(&vectors)?;
    for vector in vectors["accepted"].as_array().ok_or("no vectors")? {
        let name = vector["name"].as_str().ok_or("no name")?;
        let frame = vector["frame"].as_str().ok_or("no frame")?;
        let bytes: Result<Vec<u8>, _> = (0..frame.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&frame[at..at + 2], 16))
            .collect();
        std::fs::write(here.join("seeds/frame").join(name), bytes?)?;
    }
    Ok(())
}

//! Whether all ways of reading a log find the same in it.

use std::path::Path;

#[cfg(feature = "peers")]
use super::Picked;
use super::own::{self, Source};
use super::{Digest, Set};

/// All readers must find the same, or there is nothing to compare.
pub fn agree(path: &Path, set: Set) {
    let mut ours = Digest::default();
    own::pick(Source::new(path), set, |event| ours.add(event));
    let ours = ours.finish();
    println!("{}: {} events, {} bytes picked", set.name(), ours.0, ours.1);
    assert_eq!(own::reject_by_id(Source::new(path)), ours.0);
    assert_eq!(own::reject_by_provider(Source::new(path)), ours.0);
    #[cfg(feature = "peers")]
    {
        use super::peers;

        type Read = fn(&Path, Set, &mut dyn FnMut(Picked<'_>));
        let check = |name, read: Read| {
            let mut theirs = Digest::default();
            read(path, set, &mut |event| theirs.add(event));
            assert_eq!(theirs.finish(), ours, "{name}");
        };
        check("instances", |path, set, each| {
            peers::pick_instances(path, set, each);
        });
        check("serialized", |path, set, each| {
            peers::pick_serialized(path, set, each);
        });
        check("json_value", |path, set, each| {
            peers::pick_json_value(path, set, each);
        });
        if set != Set::Manifest {
            assert_eq!(peers::request(path, set), own::request(Source::new(path)));
        }
    }
}

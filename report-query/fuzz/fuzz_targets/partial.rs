//! Any text as a partial result: what is one is written in one form, merges with itself and with
//! a real one or says why not, and its answer ends.
#![no_main]
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use report_query::{Limits, PartialResult, Plan};
use report_query_fuzz::{plan, snapshot};

static REAL: LazyLock<(Plan, PartialResult)> = LazyLock::new(|| {
    let snapshot = snapshot();
    let plan = plan(snapshot.schema()).expect("a plan");
    let partial = plan.partial(&snapshot).expect("a partial result");
    (plan, partial)
});

fuzz_target!(|text: &str| {
    let Ok(read) = PartialResult::from_json(text) else {
        return;
    };
    let written = read.to_json();
    let again = PartialResult::from_json(&written).expect("what was written is one");
    assert_eq!(again.to_json(), written);
    let (plan, real) = &*REAL;
    let _ = plan.finish([read.clone()]);
    let _ = plan.finish([real.clone(), read.clone()]);
    let limits = Limits::default();
    let both = [
        read.clone().merge(real.clone(), &limits),
        real.clone().merge(read.clone(), &limits),
    ];
    if let [Ok(one), Ok(other)] = both {
        assert_eq!(one.to_json(), other.to_json());
    }
    let _ = read.clone().merge(read, &limits);
});

//! How Criterion measures here: ten samples, by the processor time of the thread where there is one.

use std::time::Duration;

use criterion::Criterion;
use criterion::measurement::Measurement;

/// Ten samples of together about `time`, no plots.
#[must_use]
pub fn settings<M: Measurement>(criterion: Criterion<M>, time: Duration) -> Criterion<M> {
    criterion
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(time)
        .without_plots()
}

/// The same, by the processor time of the thread.
#[cfg(unix)]
#[must_use]
pub fn by_thread_time(time: Duration) -> Criterion<super::cpu::ThreadTime> {
    let criterion = Criterion::default().with_measurement(super::cpu::ThreadTime);
    settings(criterion, time)
}

/// The same, by the wall clock.
#[cfg(not(unix))]
#[must_use]
pub fn by_thread_time(time: Duration) -> Criterion {
    settings(Criterion::default(), time)
}

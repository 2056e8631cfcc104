//! What a filter leaves out, and what it is asked.

use super::*;

#[test]
fn a_filter_counts_what_it_leaves_out() {
    let mut chunk = chunk_of(10, 6);
    let other = Classic {
        id: 7,
        record: 16,
        ..Classic::default()
    };
    chunk.record(TIME, &other.content());
    chunk.record(TIME, &forwarded("17", element("EventData")));
    let log = log(&[chunk.finish()]);
    let at = |ticks| mim_events::time::from_filetime(ticks).unwrap();
    for lane in [None, Some(Lane::Own), Some(Lane::Evtx)] {
        if lane == Some(Lane::Evtx) && cfg!(not(feature = "evtx")) {
            continue;
        }
        let filtered = |filter: LogFilter| {
            let reader = LogReader::from_slice(&log).unwrap().with_filter(filter);
            let run = run(match lane {
                Some(lane) => reader.with_lane(lane),
                None => reader,
            });
            assert_eq!(run.summary.events() + run.summary.filtered.total(), 8);
            let ids: Vec<_> = run.rows.iter().map(|row| row.record).collect();
            (ids, run.summary.filtered)
        };
        let (ids, counts) = filtered(LogFilter::requests());
        assert_eq!(ids, [10, 11, 12, 13, 14, 15]);
        assert_eq!((counts.event_id, counts.provider), (1, 1));
        let (ids, counts) = filtered(LogFilter::all().provider("forwarded & sons"));
        assert_eq!((ids, counts.provider), (vec![17], 7));
        let (ids, counts) = filtered(LogFilter::all().channel("FORWARDEDEVENTS"));
        assert_eq!((ids, counts.channel), (vec![17], 7));
        let (ids, counts) = filtered(LogFilter::all().after_record(13).event_ids([4121]));
        assert_eq!(ids, [14, 15, 17]);
        assert_eq!((counts.record_id, counts.event_id), (4, 1));
        let (ids, counts) = filtered(LogFilter::all().created(at(TIME)..at(TIME + 1)));
        assert_eq!((ids.len(), counts.created), (7, 1));
        let (ids, counts) = filtered(LogFilter::all().created(at(TIME + 1)..));
        assert_eq!((ids, counts.created), (vec![17], 7));
        let (ids, counts) = filtered(LogFilter::all().written(at(TIME + 12)..at(TIME + 14)));
        assert_eq!((ids, counts.written), (vec![12, 13], 6));
    }
}

#[test]
fn a_filter_tests_the_event_record_id_and_not_the_header() {
    let mut chunk = Chunk::new(1);
    let exported = Classic {
        record: 5000,
        ..Classic::default()
    };
    chunk.record(TIME, &exported.content());
    let log = log(&[chunk.finish()]);
    let mut reader = LogReader::from_slice(&log)
        .unwrap()
        .with_filter(LogFilter::all().record_ids(5000..5001));
    let event = reader.next_event().unwrap().unwrap();
    assert_eq!((event.record_id(), event.header_id()), (5000, 1));
    assert_eq!(event.provider(), MIM_PROVIDER);
}

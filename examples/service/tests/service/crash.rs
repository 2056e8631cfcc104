//! Killed at any instant, it gives the same answers; and nothing that was acknowledged is missing.
//!
//! `KILLS` is how often it is killed (3), `SEED` what the instants follow from.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread::{scope, sleep};
use std::time::Duration;

use super::generated::{Month, activities, assert_same};
use super::process::{AUDIT, Folder, SENDER, Service, frame_request, wait_for};

fn number(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |text| text.parse().unwrap())
}

/// Whatever ends the test ends its threads.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends a stream's frames in their order, each until it is acknowledged.
fn send(
    service: &RwLock<Option<Service>>,
    frames: &[Vec<u8>],
    sent: &AtomicU64,
    done: &AtomicBool,
) {
    for frame in frames {
        while !done.load(Ordering::Relaxed) {
            let running = service.read().unwrap();
            let answer = running
                .as_ref()
                .map(|service| service.try_send(frame_request(frame, SENDER)));
            drop(running);
            match answer {
                Some(Ok(answer)) if answer.status == 200 => break,
                Some(Ok(answer)) => assert_eq!(answer.status, 503, "{}", answer.text()),
                _ => {}
            }
            sleep(Duration::from_millis(20));
        }
        sent.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn whatever_is_killed_every_record_counts_once() {
    let (kills, seed) = (number("KILLS", 3), number("SEED", 1));
    println!("KILLS={kills} SEED={seed}");
    let month = Month::new(1_000, seed, 3, 40);
    let total: u64 = month.frames.iter().map(|frames| frames.len() as u64).sum();
    let folder = Folder::new();
    let service = RwLock::new(Some(folder.start()));
    let (sent, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let answers = Mutex::new(0);
    scope(|threads| {
        let ends = Ends(&done);
        let senders: Vec<_> = month
            .frames
            .iter()
            .map(|frames| threads.spawn(|| send(&service, frames, &sent, &done)))
            .collect();
        threads.spawn(|| {
            // Readers meanwhile get whole answers, or are told to wait.
            while !done.load(Ordering::Relaxed) {
                let running = service.read().unwrap();
                let path = "/v1/reports/audit-log?format=json";
                let request = super::process::authorized(http::Request::get(path), AUDIT);
                let answer = running
                    .as_ref()
                    .map(|s| s.try_send(request.body(Vec::new()).unwrap()));
                drop(running);
                if let Some(Ok(answer)) = answer {
                    assert!([200, 503].contains(&answer.status), "{}", answer.text());
                    answer.json();
                    *answers.lock().unwrap() += 1;
                }
                sleep(Duration::from_millis(50));
            }
        });
        for kill in 0..kills {
            // Between frames that are given: a kill falls amid the sending, whatever the machine's speed.
            let after = total * (kill + 1) / (kills + 1) - seed % 3;
            wait_for("progress", || sent.load(Ordering::Relaxed) >= after);
            // Amid requests: nobody is asked to let go first.
            service.read().unwrap().as_ref().unwrap().kill();
            let mut running = service.write().unwrap();
            *running = None;
            *running = Some(folder.start());
        }
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
        drop(ends);
    });
    let service = service.into_inner().unwrap().unwrap().ready();
    assert_same(&activities(&service, AUDIT), &month.truth);
    let reports = |service: &Service| {
        let mut all = Vec::new();
        for name in [
            "password-reset",
            "password-reset-registration",
            "self-service-groups",
            "audit-log",
        ] {
            let answer = service.get(&format!("/v1/reports/{name}?from=2000-01-01"), AUDIT);
            assert_eq!(answer.status, 200);
            all.extend(answer.body);
        }
        all
    };
    let before = reports(&service);
    let balance = service.balance(AUDIT);
    assert_eq!(balance["records"].as_u64(), Some(month.records));
    service.kill();
    let service = folder.start().ready();
    assert!(reports(&service) == before, "a start changes no answer");
    assert_eq!(service.balance(AUDIT), balance);
    assert!(*answers.lock().unwrap() > 0);
}

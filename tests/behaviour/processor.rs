//! The company that moves the money: without it people are driven all the same, and are charged later, once.

use crate::support::*;

/// Late enough for rides that began with the run to end.
const SILENT_FROM_S: f64 = 600.0;

/// How long captures that were meant while the processor was silent took to be heard of after it was back; and that nothing else failed.
fn captured_after_s(silent_for_s: f64) -> Vec<f64> {
    let back_s = SILENT_FROM_S + silent_for_s;
    let outage = format!("[[fault]]\nat = \"10m\"\nprocessor-outage = {{ for = \"{silent_for_s}s\" }}");
    let (report, requests, _) = recorded(&scenario("100/s", "18m", &outage));
    assert!(report.outcome.pending.is_empty(), "{:#?}", report.outcome.pending);
    let (captures, others): (Vec<&Request>, Vec<&Request>) =
        requests.iter().filter(|request| request.meant_at_s >= 0.0).partition(|request| request.journey == "capture");
    let failed: Vec<_> = others.iter().filter(|request| request.failed()).collect();
    assert!(failed.is_empty(), "no person's wish needs the processor: {failed:#?}");
    let requested_meanwhile =
        others.iter().filter(|request| request.journey == "request" && request.meant_at_s > SILENT_FROM_S);
    assert!(requested_meanwhile.count() > 10, "trips begin on cards that are asked later");
    let meanwhile = captures.iter().filter(|capture| (SILENT_FROM_S..back_s).contains(&capture.meant_at_s));
    meanwhile.map(|capture| capture.ended_at_s - back_s).collect()
}

#[test]
fn a_silent_processor_delays_captures_until_it_is_back_and_nothing_else() {
    for silent_for_s in [120.0, 360.0] {
        let after_s = captured_after_s(silent_for_s);
        assert!(!after_s.is_empty(), "rides end while the processor is silent");
        // Whoever asked last asks again within the lease of 20 s and the pause of 5; looked at by the loop, a batch at a time.
        let ended = |seconds: &f64| (0.0..60.0).contains(seconds);
        assert!(
            after_s.iter().all(ended),
            "captures meant in {silent_for_s} s of silence, counted from its end: {after_s:?}"
        );
    }
}

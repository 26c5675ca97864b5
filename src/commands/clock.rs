//! The only wall clock of the command: how long a run took, which enters no hash.

/// Real seconds since this call, whenever the returned closure is asked.
pub fn stopwatch() -> impl Fn() -> f64 {
    #[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "speed is reported in real seconds")]
    let begin: std::time::Instant = std::time::Instant::now();
    move || begin.elapsed().as_secs_f64()
}

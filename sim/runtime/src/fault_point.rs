//! Fault points: named places in real code where a run may ask for a crash. A site is armed or not once a run, then
//! fires per hit. A build without the feature `fault-points` has none of it.

/// Ends the current process here if this site is armed and fires now. For `async` code.
#[macro_export]
macro_rules! fault_point {
    ($name:literal) => {
        $crate::fault_point::reach($name).await
    };
}

/// What [`fault_point!`](crate::fault_point!) expands to.
#[inline]
pub async fn reach(name: &'static str) {
    #[cfg(feature = "fault-points")]
    if crate::backend::with(|backend| backend.fault_point(name)) {
        crate::backend::with(|backend| backend.crash_process());
        crate::task::forever().await;
    }
    #[cfg(not(feature = "fault-points"))]
    let _ = name;
}

//! What is to be done after a step.

/// What a step leaves to be done. Rows say it too, so it is lost without harm: a loop comes by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Nothing,
    /// The card is to be asked, and then the search begins.
    BeginSearch,
    /// The next driver is to be found.
    Search,
    /// The processor is to be asked.
    Settle,
}

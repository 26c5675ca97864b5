//! The trip's states as the records spell them, and what each means to whoever waits.

/// The state of a trip that was driven and paid for.
pub(super) const SETTLED: &str = "settled";

/// Whether nothing more is to come. What is driven and unpaid has ended for its rider and not for the books.
pub(super) fn is_end(state: &str) -> bool {
    let ends =
        ["arrears", "cancelled by rider", "cancelled by driver", "cancelled by system", "no drivers found", "no show"];
    state == SETTLED || state == "quote expired" || ends.contains(&state)
}

/// The part of a trip's life that a state belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The rider looks at prices and asks.
    Asking,
    /// The platform looks for a driver.
    Searching,
    /// The driver comes.
    Coming,
    /// The rider is on board.
    Riding,
    /// It is driven, and to be paid for.
    Paying,
    /// It is over.
    Over,
}

impl Part {
    /// As a heading.
    pub(super) fn heading(self) -> &'static str {
        match self {
            Part::Asking => "Asking for it",
            Part::Searching => "Finding a driver",
            Part::Coming => "The driver comes",
            Part::Riding => "On the road",
            Part::Paying => "Paying",
            Part::Over => "After its end",
        }
    }

    /// Of a state.
    pub(super) fn of(state: &str) -> Part {
        match state {
            "quoted" => Part::Asking,
            "requested" | "matching" | "offered" => Part::Searching,
            "accepted" | "en route pickup" | "arrived" => Part::Coming,
            "in progress" => Part::Riding,
            "completed" | "payment pending" | "payment failed" => Part::Paying,
            _ => Part::Over,
        }
    }
}

//! How a retry budget is spent: by whoever repeats, and by lending to whoever is called.
//!
//! Every repetition anywhere below a request takes one from the budget that the request came with, and what is lent to a call is no longer
//! the caller's. So all layers together repeat at most as often as the phone allowed: retries add up and do not multiply.

use runtime::call::CallContext;

/// Takes one repetition from the budget, if there is one left and there is time for it.
pub fn spend(context: &mut CallContext) -> bool {
    let allowed = context.retry_budget > 0 && !context.remaining().is_zero();
    if allowed {
        context.retry_budget -= 1;
    }
    allowed
}

/// Splits half of the budget off for a call, rounded down, so that the caller keeps a repetition of its own for as long as there is one.
pub fn lend(context: &mut CallContext) -> CallContext {
    let lent = context.retry_budget / 2;
    context.retry_budget -= lent;
    CallContext { retry_budget: lent, ..*context }
}

#[cfg(test)]
mod tests {
    use runtime::Time;

    use super::*;

    #[test]
    fn what_is_lent_is_not_kept() {
        let mut context = CallContext { deadline: Time::MAX, retry_budget: 5 };
        let first = lend(&mut context);
        assert_eq!((first.retry_budget, context.retry_budget), (2, 3));
        let second = lend(&mut context);
        assert_eq!((second.retry_budget, context.retry_budget), (1, 2));
        let mut last = CallContext { deadline: Time::MAX, retry_budget: 1 };
        assert_eq!((lend(&mut last).retry_budget, last.retry_budget), (0, 1));
    }
}

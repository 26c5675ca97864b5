//! Payouts: at the end of each period, what a driver is owed is on its way to the driver's bank.
//!
//! Every replica sees to it, so that one which is down at that moment harms nobody; a payout's key, driver and period, makes it happen once.

use std::rc::Rc;

use ports::database::{Database, Transaction};
use ports::processor::Processor;
use runtime::Time;

use super::{Payments, books};
use crate::domain::ids::DriverId;
use crate::domain::ledger::{AccountKind, JournalKind};
use crate::domain::movement::MovementKind;
use crate::domain::schema::{Balance, Movement};
use crate::services::clock::now_ns;
use crate::services::transaction::Failure;

impl<D: Database, P: Processor> Payments<D, P> {
    /// Sleeps from the end of one period to that of the next, for ever.
    pub(super) async fn pay_out_every_period(self: Rc<Self>) {
        let period_ns = runtime::time::nanos(self.config.payout_period).max(1);
        loop {
            let period = runtime::now().nanos() / period_ns + 1;
            runtime::sleep_until(Time(period * period_ns)).await;
            self.pay_out(period.cast_signed()).await;
        }
    }

    /// Pays out what is owed to anybody, largest first. What cannot be written down now is owed at the end of the next period, too.
    async fn pay_out(&self, period: i64) {
        loop {
            let scan = async |transaction: &mut D::Transaction| {
                let payable = AccountKind::DriverPayable;
                Ok(transaction.scan::<Balance>(Balance::BY_AMOUNT, payable, self.config.batch).await?)
            };
            // What we owe is negative, and so comes first.
            let Ok(owed) = self.store.run(&mut self.background(), scan).await else { return };
            let mut begun = 0;
            for balance in owed.iter().filter(|balance| balance.amount_minor < 0) {
                let begin = async |transaction: &mut D::Transaction| begin(transaction, balance, period).await;
                if let Ok(true) = self.store.run(&mut self.background(), begin).await {
                    begun += 1;
                    self.move_money((MovementKind::Payout, balance.owner, period)).await;
                }
            }
            if begun == 0 {
                return;
            }
        }
    }
}

/// Writes a payout down and takes it off the driver's account; false if this period has one, or nothing is owed any more.
async fn begin<X: Transaction>(transaction: &mut X, seen: &Balance, period: i64) -> Result<bool, Failure> {
    let driver = DriverId(seen.owner);
    if transaction.get::<Movement>((MovementKind::Payout, driver.0, period)).await?.is_some() {
        return Ok(false);
    }
    let balance = transaction.get_for_update::<Balance>((seen.account, seen.owner, seen.currency)).await?;
    let Some(balance) = balance.filter(|balance| balance.amount_minor < 0) else { return Ok(false) };
    let now_ns = now_ns();
    let payout = Movement::payout((driver, period), -balance.amount_minor, balance.currency, now_ns);
    transaction.insert(&payout).await?;
    books::post(transaction, &payout.payout_journal(JournalKind::PayoutBegun, now_ns)).await?;
    Ok(true)
}

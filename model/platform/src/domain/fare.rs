//! What a trip costs and who gets what, in integer minor units.
//!
//! The price is rounded once, to the nearest unit with halves up, after the multiplier. Tax is rounded the same way. Commission is rounded
//! down, so the driver gets the odd unit. Hence rider charge = driver pay + commission + tax + tolls, exactly.

use super::money::round_half_up;

/// What the driver's phone measured between pickup and drop-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Drive {
    pub distance_m: u32,
    pub duration_s: u32,
}

/// What a city charges. Rates are minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FareSchedule {
    pub base_minor: i64,
    pub per_km_minor: i64,
    pub per_minute_minor: i64,
    /// The least that a trip costs before tax and tolls.
    pub minimum_minor: i64,
    pub commission_per_mille: u32,
    pub tax_per_mille: u32,
    /// By how much the ceiling of a quote lies above its estimate.
    pub headroom_per_mille: u32,
    /// What a rider pays who cancels late or does not come, before tax.
    pub cancellation_fee_minor: i64,
}

impl FareSchedule {
    /// New York, UberX as of 2023 in round numbers: $2.55 base, $1.09/km ($1.75 a mile), $0.35 a minute, $7 minimum, 25 % commission,
    /// 8.875 % sales tax rounded to 89 per mille, $5 cancellation fee. All of it assumption: published cards differ by date.
    pub const NEW_YORK: Self = Self {
        base_minor: 255,
        per_km_minor: 109,
        per_minute_minor: 35,
        minimum_minor: 700,
        commission_per_mille: 250,
        tax_per_mille: 89,
        headroom_per_mille: 250,
        cancellation_fee_minor: 500,
    };

    /// Whether all rates are within what the arithmetic holds and shares are shares.
    pub fn check(&self) -> Result<(), InvalidSchedule> {
        /// Ten thousand units of a currency: no taxi's rate is near it.
        const RATE_MAX_MINOR: i64 = 1_000_000;
        let rates = [
            ("base_minor", self.base_minor),
            ("per_km_minor", self.per_km_minor),
            ("per_minute_minor", self.per_minute_minor),
            ("minimum_minor", self.minimum_minor),
            ("cancellation_fee_minor", self.cancellation_fee_minor),
        ];
        let shares = [
            ("commission_per_mille", self.commission_per_mille),
            ("tax_per_mille", self.tax_per_mille),
            ("headroom_per_mille", self.headroom_per_mille),
        ];
        let rate = rates.iter().find(|(_, rate)| !(0..=RATE_MAX_MINOR).contains(rate));
        let share = shares.iter().map(|(name, share)| (*name, i64::from(*share))).find(|(_, share)| *share > 1_000);
        match rate.copied().or(share) {
            Some((name, value)) => Err(InvalidSchedule { name, value }),
            None => Ok(()),
        }
    }

    /// The fare of a drive under a quote: `multiplier_per_mille` and `ceiling_minor` are what the quote bound. Where the ceiling is lower than
    /// the metered price, the driver, the platform and the tax office share the ceiling as they would share the price.
    pub fn fare(&self, drive: Drive, tolls_minor: i64, multiplier_per_mille: u32, ceiling_minor: i64) -> Fare {
        let price_minor = self.price(drive, multiplier_per_mille);
        let tolls_minor = tolls_minor.clamp(0, ceiling_minor.max(0));
        let tax_minor = self.tax(price_minor);
        let fare = self.split(price_minor, tax_minor, tolls_minor);
        if fare.charge_minor <= ceiling_minor {
            return fare;
        }
        let left_minor = ceiling_minor.max(0) - tolls_minor;
        let price_minor = (i128::from(left_minor) * 1_000 / i128::from(1_000 + self.tax_per_mille)) as i64;
        self.split(price_minor, left_minor - price_minor, tolls_minor)
    }

    /// What a rider owes who cancels late or does not come; never above the ceiling of the quote.
    pub fn cancellation_fee(&self, ceiling_minor: i64) -> Fare {
        let price_minor = self.cancellation_fee_minor;
        let fare = self.split(price_minor, self.tax(price_minor), 0);
        if fare.charge_minor <= ceiling_minor { fare } else { self.split(ceiling_minor.max(0), 0, 0) }
    }

    /// The ceiling that a quote promises over its estimate; also what the card is asked for.
    pub fn ceiling(&self, estimate_minor: i64) -> i64 {
        round_half_up(i128::from(estimate_minor) * i128::from(1_000 + self.headroom_per_mille), 1_000)
    }

    fn price(&self, drive: Drive, multiplier_per_mille: u32) -> i64 {
        // Distance is in thousandths of a kilometre and time in sixtieths of a minute: 60,000 holds both exactly.
        let metered = i128::from(self.base_minor) * 60_000
            + i128::from(drive.distance_m) * i128::from(self.per_km_minor) * 60
            + i128::from(drive.duration_s) * i128::from(self.per_minute_minor) * 1_000;
        round_half_up(metered * i128::from(multiplier_per_mille), 60_000 * 1_000).max(self.minimum_minor)
    }

    fn tax(&self, price_minor: i64) -> i64 {
        round_half_up(i128::from(price_minor) * i128::from(self.tax_per_mille), 1_000)
    }

    fn split(&self, price_minor: i64, tax_minor: i64, tolls_minor: i64) -> Fare {
        let commission_minor = (i128::from(price_minor) * i128::from(self.commission_per_mille) / 1_000) as i64;
        Fare {
            charge_minor: price_minor + tax_minor + tolls_minor,
            driver_pay_minor: price_minor - commission_minor,
            commission_minor,
            tax_minor,
            tolls_minor,
        }
    }
}

/// A rate or share out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value}: rates lie between 0 and 1,000,000 minor units, shares between 0 and 1,000 per mille")]
pub struct InvalidSchedule {
    pub name: &'static str,
    pub value: i64,
}

/// What the rider pays, and who gets what of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Fare {
    pub charge_minor: i64,
    pub driver_pay_minor: i64,
    pub commission_minor: i64,
    pub tax_minor: i64,
    pub tolls_minor: i64,
}

impl Fare {
    /// The difference, part by part.
    pub fn minus(self, other: Self) -> Self {
        Self {
            charge_minor: self.charge_minor - other.charge_minor,
            driver_pay_minor: self.driver_pay_minor - other.driver_pay_minor,
            commission_minor: self.commission_minor - other.commission_minor,
            tax_minor: self.tax_minor - other.tax_minor,
            tolls_minor: self.tolls_minor - other.tolls_minor,
        }
    }

    /// Whether the parts are not negative and make up the charge.
    pub fn adds_up(&self) -> bool {
        let parts = [self.driver_pay_minor, self.commission_minor, self.tax_minor, self.tolls_minor];
        parts.iter().all(|part| *part >= 0)
            && parts.iter().map(|part| i128::from(*part)).sum::<i128>() == i128::from(self.charge_minor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEDIAN: Drive = Drive { distance_m: 2_690, duration_s: 660 };

    #[test]
    fn a_fare_by_hand() {
        // 255 + 2.69 x 109 + 11 x 35 = 933.21; x 1.5 = 1399.815 -> 1400; tax 124.6 -> 125; commission 350.
        let fare = FareSchedule::NEW_YORK.fare(MEDIAN, 100, 1_500, i64::MAX);
        let expected = Fare {
            charge_minor: 1_625,
            driver_pay_minor: 1_050,
            commission_minor: 350,
            tax_minor: 125,
            tolls_minor: 100,
        };
        assert_eq!(fare, expected);
    }

    #[test]
    fn a_schedule_with_a_negative_rate_or_a_share_above_one_is_refused() {
        let negative = FareSchedule { per_km_minor: -1, ..FareSchedule::NEW_YORK };
        assert_eq!(negative.check(), Err(InvalidSchedule { name: "per_km_minor", value: -1 }));
        let greedy = FareSchedule { commission_per_mille: 1_001, ..FareSchedule::NEW_YORK };
        assert_eq!(greedy.check(), Err(InvalidSchedule { name: "commission_per_mille", value: 1_001 }));
        assert_eq!(FareSchedule::NEW_YORK.check(), Ok(()));
    }

    proptest! {
        #[test]
        fn any_fare_adds_up_and_keeps_the_ceiling(
            distance_m: u32, duration_s: u32, tolls_minor in 0..100_000i64,
            multiplier_per_mille in 1_000..10_000u32, ceiling_minor in 0..1_000_000i64,
        ) {
            let drive = Drive { distance_m, duration_s };
            let fare = FareSchedule::NEW_YORK.fare(drive, tolls_minor, multiplier_per_mille, ceiling_minor);
            prop_assert!(fare.adds_up(), "{fare:?}");
            prop_assert!(fare.charge_minor <= ceiling_minor);
            let fee = FareSchedule::NEW_YORK.cancellation_fee(ceiling_minor);
            prop_assert!(fee.adds_up() && fee.charge_minor <= ceiling_minor, "{fee:?}");
        }

        #[test]
        fn a_longer_drive_never_costs_less(distance_m in 0..100_000u32, duration_s in 0..10_000u32, more in 0..1_000u32) {
            let charge = |distance_m, duration_s| {
                FareSchedule::NEW_YORK.fare(Drive { distance_m, duration_s }, 0, 1_000, i64::MAX).charge_minor
            };
            prop_assert!(charge(distance_m + more, duration_s) >= charge(distance_m, duration_s));
            prop_assert!(charge(distance_m, duration_s + more) >= charge(distance_m, duration_s));
        }
    }
}

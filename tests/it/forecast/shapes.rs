//! The shapes of days and weeks that forecasts are tried on: what is burned in each minute, and how much of it is heard. Owns the
//! noise, which is the same in every run; leaves what becomes of a plan, and the comparison, to `forecast`.

use signalbox_core::time::{MINUTE, SECOND};

/// Noise that is the same in every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// 0 to 1.
    pub fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let upper = u32::try_from(self.0 >> 32).expect("32 bits");
        f64::from(upper) / f64::from(u32::MAX)
    }

    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.roll()
    }

    #[expect(clippy::cast_possible_truncation, reason = "minutes of a day")]
    pub fn minutes(&mut self, from: f64, to: f64) -> i64 {
        self.between(from, to) as i64
    }
}

/// What is burned in each minute, in percent of the window, were there no limit; and in which minutes nothing is heard.
pub struct Plan {
    pub burns: Vec<f64>,
    pub deaf: Vec<bool>,
    /// Milliseconds between samples while something burns, and while nothing does.
    pub every: (i64, i64),
    /// One sample in so many is nonsense.
    pub nonsense: f64,
    /// Whole percents, as the server mostly tells them.
    pub rounds: bool,
}

impl Plan {
    pub fn idle(days: usize, dice: &mut Dice) -> Self {
        let minutes = days * 24 * 60;
        // Half the people have the statusline, which tells with every answer; the others are asked for.
        let feed = dice.roll() < 0.5;
        let every = if feed { (25 * SECOND, 10 * MINUTE) } else { (5 * MINUTE, 5 * MINUTE) };
        Self { burns: vec![0.0; minutes], deaf: vec![false; minutes], every, nonsense: 0.0, rounds: true }
    }

    /// Work from one hour of the day to another, at about so many percent in an hour. The pace drifts and flutters.
    fn work(&mut self, from_h: f64, to_h: f64, per_hour: f64, dice: &mut Dice) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "minutes of a week")]
        let span = ((from_h * 60.0) as usize)..((to_h * 60.0) as usize);
        let mut drift = 1.0_f64;
        for minute in span {
            drift = (drift + dice.between(-0.06, 0.06)).clamp(0.6, 1.5);
            let flutter = if dice.roll() < 0.25 { 0.0 } else { dice.between(0.5, 2.17) };
            if let Some(burn) = self.burns.get_mut(minute) {
                *burn += per_hour / 60.0 * drift * flutter;
            }
        }
    }

    fn deafen(&mut self, from: i64, minutes: i64) {
        for minute in from..from + minutes {
            if let Some(deaf) = usize::try_from(minute).ok().and_then(|minute| self.deaf.get_mut(minute)) {
                *deaf = true;
            }
        }
    }
}

/// A name, and how its days or weeks are made.
pub type Shape = (&'static str, fn(&mut Dice) -> Plan);

/// Days of the window of five hours.
pub const DAYS: [Shape; 8] = [
    ("steady work", |dice| {
        let mut plan = Plan::idle(1, dice);
        let pace = dice.between(10.0, 45.0);
        plan.work(9.0, 18.0, pace, dice);
        plan
    }),
    ("bursts and pauses", |dice| {
        let mut plan = Plan::idle(1, dice);
        let pace = dice.between(25.0, 75.0);
        let mut at = 9.0;
        while at < 18.0 {
            let burst = dice.between(0.15, 0.5);
            plan.work(at, at + burst, pace, dice);
            at += burst + dice.between(0.1, 0.4);
        }
        plan
    }),
    ("heavy morning, idle afternoon", |dice| {
        let mut plan = Plan::idle(1, dice);
        let pace = dice.between(20.0, 45.0);
        plan.work(8.5, 11.5, pace, dice);
        plan.work(13.0, 17.0, 3.0, dice);
        plan
    }),
    ("evening, idle night", |dice| {
        let mut plan = Plan::idle(1, dice);
        let pace = dice.between(15.0, 40.0);
        plan.work(0.0, 2.5, pace, dice);
        plan.work(9.5, 12.0, pace, dice);
        plan
    }),
    ("agent all night", |dice| {
        let mut plan = Plan::idle(1, dice);
        let pace = dice.between(12.0, 50.0);
        plan.work(0.0, 7.0, pace, dice);
        plan.work(20.0, 24.0, pace, dice);
        plan
    }),
    ("slow, whole percents", |dice| {
        let mut plan = Plan::idle(1, dice);
        let pace = dice.between(4.0, 23.0);
        plan.work(8.0, 19.0, pace, dice);
        plan
    }),
    ("missing samples", |dice| {
        let mut plan = Plan::idle(1, dice);
        let pace = dice.between(12.0, 40.0);
        plan.work(8.0, 19.0, pace, dice);
        for _ in 0..6 {
            let (at, length) = (dice.minutes(480.0, 1140.0), dice.minutes(15.0, 75.0));
            plan.deafen(at, length);
        }
        plan
    }),
    ("nonsense in between", |dice| {
        let mut plan = Plan::idle(1, dice);
        let pace = dice.between(12.0, 40.0);
        plan.work(9.0, 18.0, pace, dice);
        plan.nonsense = 0.02;
        plan
    }),
];

/// What an office week, a night's agent and so on burn of the window of seven days. The week before is there too.
pub const WEEKS: [Shape; 5] = [
    ("office week, steady", |dice| {
        let mut plan = Plan::idle(14, dice);
        let per_day = dice.between(12.0, 30.0);
        for day in [0.0, 1.0, 2.0, 3.0, 4.0, 7.0, 8.0, 9.0, 10.0, 11.0] {
            let (from, hours) = (dice.between(8.0, 9.5), dice.between(7.0, 9.0));
            plan.work(day * 24.0 + from, day * 24.0 + from + hours, per_day / 8.0, dice);
        }
        plan
    }),
    ("office week, uneven", |dice| {
        let mut plan = Plan::idle(14, dice);
        let usual = dice.between(10.0, 28.0);
        for day in [0.0, 1.0, 2.0, 3.0, 4.0, 7.0, 8.0, 9.0, 10.0, 11.0] {
            let (from, hours) = (dice.between(8.0, 11.0), dice.between(4.0, 9.0));
            let per_day = usual * dice.between(0.4, 1.6);
            plan.work(day * 24.0 + from, day * 24.0 + from + hours, per_day / 6.5, dice);
        }
        plan
    }),
    ("every day, evenings too", |dice| {
        let mut plan = Plan::idle(14, dice);
        let per_day = dice.between(9.0, 25.0);
        for day in 0..14 {
            let day = f64::from(day) * 24.0;
            plan.work(day + 9.0, day + 13.0, per_day / 7.0, dice);
            plan.work(day + 20.0, day + 23.0, per_day / 7.0, dice);
        }
        plan
    }),
    ("agent day and night", |dice| {
        let mut plan = Plan::idle(14, dice);
        let pace = dice.between(0.35, 1.3);
        plan.work(0.0, 14.0 * 24.0, pace, dice);
        plan
    }),
    ("heavy start, quiet end", |dice| {
        let mut plan = Plan::idle(14, dice);
        let per_day = dice.between(14.0, 22.0);
        for day in [0.0, 1.0, 2.0, 7.0, 8.0, 9.0] {
            plan.work(day * 24.0 + 9.0, day * 24.0 + 17.0, per_day / 8.0, dice);
        }
        plan
    }),
];

//! Luck that can be had again: the same seed gives the same story.

use std::sync::Mutex;

/// Numbers that look random and follow from a seed (splitmix64).
pub struct Luck(Mutex<u64>);

impl Luck {
    pub fn of(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub fn one_of<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// What becomes of webhooks on their way.
pub enum Way {
    Open,
    /// The bot cannot be reached.
    Closed,
    /// Half of them are lost; others come twice or out of order.
    Rough(Luck),
    /// None is lost, but some come twice or out of order.
    Uneven(Luck),
}

/// What becomes of the next webhook.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    Arrives,
    /// With what the forge takes for the answer.
    Lost(u16),
    Doubled,
    Postponed,
}

impl Way {
    pub fn fate(&self) -> Fate {
        match self {
            Self::Open => Fate::Arrives,
            Self::Closed => Fate::Lost(502),
            Self::Rough(luck) => luck.one_of(&[
                Fate::Lost(502),
                Fate::Lost(502),
                Fate::Lost(200),
                Fate::Arrives,
                Fate::Doubled,
                Fate::Postponed,
            ]),
            Self::Uneven(luck) => luck.one_of(&[Fate::Arrives, Fate::Doubled, Fate::Postponed]),
        }
    }
}

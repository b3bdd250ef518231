//! Whether a cluster is there. EKS says that there is none of a name when it was deleted, and just the same when configuration
//! has it wrong or looks in the wrong place; only a cluster that it has shown before, where it is looked for now, can be gone.

use chrono::{DateTime, Utc};

use super::reconcile::Tempo;

/// What stands in the place of EKS's status once a cluster is gone; EKS has no word for that.
pub const GONE: &str = "NOT_FOUND";

/// The fewest answers in a row that make a cluster gone, however few reads make a proof: one may be an odd one.
const FEWEST: i32 = 2;

/// When EKS showed a cluster, and since when it does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sightings {
    /// The ARN that EKS last showed it under; `None` when it never has.
    pub shown_arn: Option<String>,
    /// The first of the latest answers in a row that there is no such cluster; `None` after any other.
    pub gone_since: Option<DateTime<Utc>>,
    /// How many of those there were.
    pub gone_answers: i32,
    /// When they were enough: since then it is gone.
    pub gone_at: Option<DateTime<Utc>>,
}

impl Sightings {
    /// Whether EKS has shown the cluster where configuration looks for it now (`arn`).
    #[must_use]
    pub fn knows(&self, arn: &str) -> bool {
        self.shown_arn.as_deref() == Some(arn)
    }

    /// Whether it was there, and is gone.
    #[must_use]
    pub fn is_gone(&self, arn: &str) -> bool {
        self.knows(arn) && self.gone_at.is_some()
    }

    /// EKS shows it. Answers whether it was gone before.
    pub fn show(&mut self, arn: &str) -> bool {
        let back = self.is_gone(arn);
        *self = Self { shown_arn: Some(arn.to_owned()), ..Self::default() };
        back
    }

    /// EKS says that there is no such cluster. Answers whether that has just become certain: it was shown before, and
    /// as many answers as make a proof, over the time that a proof takes, say the same.
    pub fn miss(&mut self, arn: &str, now: DateTime<Utc>, tempo: &Tempo) -> bool {
        if !self.knows(arn) {
            *self = Self { shown_arn: self.shown_arn.take(), ..Self::default() };
            return false;
        }
        let since = *self.gone_since.get_or_insert(now);
        self.gone_answers = self.gone_answers.saturating_add(1);
        let certain = self.gone_answers >= tempo.reads.max(FEWEST) && now >= since + tempo.settle;
        let newly = certain && self.gone_at.is_none();
        if newly {
            self.gone_at = Some(now);
        }
        newly
    }

    /// EKS said neither. Only answers in a row count.
    pub fn doubt(&mut self) {
        if self.gone_at.is_none() {
            (self.gone_since, self.gone_answers) = (None, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const ARN: &str = "arn:aws:eks:eu-central-1:111122223333:cluster/prod";
    const OTHER: &str = "arn:aws:eks:eu-central-1:111122223333:cluster/prd";

    fn tempo() -> Tempo {
        Tempo {
            reads: 3,
            interval: TimeDelta::seconds(2),
            settle: TimeDelta::seconds(15),
            visibility: TimeDelta::seconds(60),
            drift_interval: TimeDelta::minutes(10),
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn shown() -> Sightings {
        Sightings { shown_arn: Some(ARN.into()), ..Sightings::default() }
    }

    #[test]
    fn it_takes_several_answers_over_some_time() {
        let mut sightings = shown();
        for second in [0, 5, 10, 14] {
            assert!(!sightings.miss(ARN, at(second), &tempo()), "{second}");
        }
        assert!(!sightings.is_gone(ARN));
        assert!(sightings.miss(ARN, at(15), &tempo()) && sightings.is_gone(ARN));
        assert!(!sightings.miss(ARN, at(20), &tempo()), "it is told once");

        let mut seldom = shown();
        assert!(!seldom.miss(ARN, at(0), &tempo()) && !seldom.miss(ARN, at(100), &tempo()));
        assert!(seldom.miss(ARN, at(101), &tempo()));
    }

    #[test]
    fn one_answer_is_never_enough() {
        let hasty = Tempo { reads: 1, settle: TimeDelta::zero(), ..tempo() };
        let mut sightings = shown();
        assert!(!sightings.miss(ARN, at(0), &hasty));
        assert!(sightings.miss(ARN, at(0), &hasty));
    }

    #[test]
    fn any_other_answer_starts_the_count_anew() {
        type Other = fn(&mut Sightings);
        let others: [Other; 2] = [Sightings::doubt, |sightings| assert!(!sightings.show(ARN))];
        for other in others {
            let mut sightings = shown();
            sightings.miss(ARN, at(0), &tempo());
            sightings.miss(ARN, at(10), &tempo());
            other(&mut sightings);
            assert!(!sightings.miss(ARN, at(20), &tempo()) && !sightings.is_gone(ARN));
        }
    }

    #[test]
    fn what_was_never_shown_where_it_is_looked_for_is_never_gone() {
        for mut sightings in [Sightings::default(), shown()] {
            for second in 0..100 {
                assert!(!sightings.miss(OTHER, at(second), &tempo()));
            }
            assert!(!sightings.is_gone(OTHER) && !sightings.is_gone(ARN));
        }
    }

    #[test]
    fn what_is_gone_may_come_back_and_silence_does_not_bring_it() {
        let mut sightings = shown();
        for second in [0, 10, 20] {
            sightings.miss(ARN, at(second), &tempo());
        }
        sightings.doubt();
        assert!(sightings.is_gone(ARN) && !sightings.is_gone(OTHER));
        assert!(sightings.show(ARN) && !sightings.is_gone(ARN));
        assert!(!sightings.show(ARN), "it was there");
    }
}

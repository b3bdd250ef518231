//! The same for real: many principals side by side on one Postgres and one simulated EKS, each living a life of its own. After
//! every turn of the worker the entries are what the model says.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use entryway::domain::request::Request;
use entryway::domain::states::RequestState;
use entryway::sandbox::sim::World;
use entryway::workflow::Settings;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::model::{Held, MOST, Want, begin, union};
use crate::crash::argument;
use crate::harness::{Bed, http};
use crate::witness::{Log, Place, Terms, left_behind, read, truths};

/// So many live side by side.
const AT_ONCE: u64 = 10;

const ROUNDS: usize = 8;

/// What Entryway knows of a request.
struct Known {
    starts_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    superseded: bool,
}

struct Life {
    seed: u64,
    rng: StdRng,
    principal: String,
    all: Vec<Held>,
    ids: Vec<Uuid>,
    askers: Vec<String>,
    told: Vec<String>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let principal = format!("arn:aws:iam::111122223333:role/overlap-{seed}");
        Self {
            seed,
            rng: StdRng::seed_from_u64(seed),
            principal,
            all: vec![],
            ids: vec![],
            askers: vec![],
            told: vec![],
        }
    }

    fn place(&self) -> Place {
        ("dev".to_owned(), self.principal.clone())
    }

    /// What takes over from `index`, signed off or not.
    fn extension_of(&self, index: usize, now: DateTime<Utc>) -> Option<usize> {
        (0..self.all.len()).find(|place| self.all[*place].extends == Some(index) && !self.all[*place].is_past(now))
    }

    /// One thing that somebody does.
    async fn happen(&mut self, bed: &Bed) {
        let now = bed.hands.now();
        let open = self.all.iter().filter(|held| !held.is_past(now)).count();
        let fits = |fits: &dyn Fn(usize, &Held) -> bool| -> Vec<usize> {
            let open = (0..self.all.len()).filter(|index| !self.all[*index].is_past(now));
            open.filter(|index| fits(*index, &self.all[*index])).collect()
        };
        let (what, among) = match self.rng.random_range(0..10) {
            0..=2 if open < MOST => ("submit", vec![0]),
            3 | 4 => ("approve", fits(&|_, held| !held.approved)),
            5 => ("revoke", fits(&|_, held| held.approved)),
            6 => ("relinquish", fits(&|_, held| held.is_live(now))),
            7 => ("withdraw", fits(&|_, held| !held.approved)),
            8 if open < MOST => {
                let fit = |index: usize, held: &Held| {
                    held.is_live(now) && held.expires_at.is_some() && self.extension_of(index, now).is_none()
                };
                ("extend", fits(&fit))
            }
            _ => return,
        };
        if among.is_empty() {
            return;
        }
        let index = among[self.rng.random_range(0..among.len())];
        self.told.push(format!("{what} {index} at {now}"));
        match what {
            "submit" => {
                let want = Want::random(&mut self.rng);
                let start = self.rng.random_ratio(1, 4).then(|| now + TimeDelta::minutes(self.rng.random_range(1..40)));
                let asker = if self.rng.random() { "alice" } else { "dan" };
                let request = bed.file(asker, want.ask(&self.principal, start)).await;
                self.filed(&request, Held::of(want, start, None));
            }
            "approve" => {
                let reviewer = if self.rng.random() { "bob" } else { "carol" };
                bed.approve(reviewer, self.ids[index]).await;
                self.all[index].approved = true;
            }
            "extend" => {
                let minutes = self.rng.random_range(5..60);
                let want = self.all[index].want.lasting(minutes);
                let asker = self.askers[index].clone();
                let request = bed.extend(&asker, self.ids[index], &format!("{minutes}m")).await.unwrap().request;
                self.filed(&request, Held::of(want, None, Some(index)));
            }
            _ => self.end(bed, what, index, now).await,
        }
    }

    fn filed(&mut self, request: &Request, mut held: Held) {
        held.approved = request.state != RequestState::Pending;
        assert_eq!(held.approved, held.want.is_free(), "{request:?}");
        self.all.push(held);
        self.ids.push(request.id);
        self.askers.push(request.requester.clone());
    }

    async fn end(&mut self, bed: &Bed, how: &str, index: usize, now: DateTime<Utc>) {
        let id = self.ids[index];
        let requester = self.askers[index].clone();
        let done = match how {
            "revoke" => bed.revoke("carol", id).await,
            "relinquish" => bed.relinquish(&requester, id).await,
            _ => bed.withdraw(&requester, id).await,
        };
        done.unwrap_or_else(|error| panic!("{how} {index}: {error:?}\n{}", self.told.join("\n")));
        // What was revoked or given back comes back by no extension.
        let mut next = Some(index);
        while let Some(index) = next {
            self.all[index].over = true;
            next = self.extension_of(index, now);
        }
    }

    /// Takes over what only Entryway knows: whether an extension has been proven yet, and so has taken over.
    fn note_takeovers(&mut self, known: &BTreeMap<Uuid, Known>) {
        for index in 0..self.all.len() {
            if known[&self.ids[index]].superseded {
                assert!(
                    self.all.iter().any(|held| held.extends == Some(index) && held.starts_at.is_some()),
                    "{index} was taken over by nobody\n{}",
                    self.told.join("\n")
                );
                self.all[index].over = true;
            }
        }
    }

    /// Times as Entryway keeps them, against those of the model.
    fn compare_times(&self, known: &BTreeMap<Uuid, Known>) {
        for (held, id) in self.all.iter().zip(&self.ids) {
            let known = &known[id];
            let (ours, theirs) = ((held.starts_at, held.expires_at), (known.starts_at, known.expires_at));
            assert_eq!(ours, theirs, "seed {}: {held:?}\n{}", self.seed, self.told.join("\n"));
        }
    }

    /// Whose time came just after somebody had taken from the entry by hand what it gives already: that is not there, and is put
    /// right only once it has been seen twice, `wait` later. Until then the clock stands.
    fn note_late_starts(&mut self, known: &BTreeMap<Uuid, Known>, wait: TimeDelta) {
        for (held, id) in self.all.iter_mut().zip(&self.ids) {
            let (starts_at, expires_at) = (known[id].starts_at, known[id].expires_at);
            if held.starts_at.zip(starts_at).is_some_and(|(ours, theirs)| theirs == ours + wait) {
                (held.starts_at, held.expires_at) = (starts_at, expires_at);
            }
        }
    }

    async fn edit_by_hand(&mut self, bed: &Bed) {
        let url = format!("{}/_sim/entries", bed.sim.endpoint_url());
        let mut edit = json!({ "cluster": "dev", "principalArn": self.principal });
        let kind = self.rng.random_range(0..3);
        self.told.push(format!("edit {kind} at {}", bed.hands.now()));
        let answer = match kind {
            0 => http().delete(format!("{url}?cluster=dev&principalArn={}", self.principal)).send().await,
            1 => {
                edit["kubernetesGroups"] = json!(["sneaked-in"]);
                http().put(url).json(&edit).send().await
            }
            _ => {
                edit["accessPolicies"] = json!([]);
                http().put(url).json(&edit).send().await
            }
        };
        assert!(answer.unwrap().status().is_success());
    }
}

/// When each request starts and ends, and whether it was taken over from.
async fn known(bed: &Bed) -> BTreeMap<Uuid, Known> {
    let rows = "SELECT id, starts_at, expires_at, coalesce(end_reason = 'superseded', false) FROM request";
    let mut connection = PgConnection::connect(&bed.url).await.unwrap();
    let rows: Vec<(Uuid, _, _, _)> = sqlx::query_as(rows).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows.into_iter()
        .map(|(id, starts_at, expires_at, superseded)| (id, Known { starts_at, expires_at, superseded }))
        .collect()
}

/// Lets the worker do what is due, and holds every entry against its model.
async fn work_and_compare(bed: &Bed, lives: &mut [Life]) {
    bed.work().await;
    let now = bed.hands.now();
    let (truths, known) = (truths(&bed.sim.endpoint_url(), "dev").await, known(bed).await);
    for life in lives {
        begin(&mut life.all, now);
        life.compare_times(&known);
        life.note_takeovers(&known);
        let (found, expected) =
            (truths.get(&life.place()).map(|f| f.plain()), union(&life.all, now).map(|f| f.plain()));
        assert_eq!(found, expected, "seed {} at {now}\n{}\n{:#?}", life.seed, life.told.join("\n"), life.all);
    }
}

/// `AT_ONCE` lives from `first` on; answers how many things happened in them, and how many writes EKS took.
async fn live(first: u64) -> (usize, usize) {
    let mut world = World::default();
    let mut lives: Vec<_> = (first..first + AT_ONCE).map(Life::new).collect();
    for life in &lives {
        world = world.principal(&life.principal);
    }
    let bed = Bed::with(world, |desk| {
        let settings = Settings { max_pending_per_requester: 100_000, ..(*desk.settings).clone() };
        desk.settings = settings.into();
    })
    .await;
    let mut time = StdRng::seed_from_u64(first);
    for round in 0..ROUNDS {
        for life in &mut lives {
            life.happen(&bed).await;
            life.happen(&bed).await;
        }
        work_and_compare(&bed, &mut lives).await;
        if round % 4 == 3 {
            let there = truths(&bed.sim.endpoint_url(), "dev").await;
            let mut edited = vec![];
            for life in lives.iter_mut().filter(|life| there.contains_key(&life.place())) {
                if life.rng.random_ratio(1, 3) {
                    life.edit_by_hand(&bed).await;
                    edited.push(life.seed);
                }
            }
            // It is found when it is looked at next, believed the second time, and put right.
            let again = TimeDelta::seconds(3);
            for wait in [TimeDelta::minutes(11), again] {
                bed.pass(wait);
                bed.work().await;
                lives.iter_mut().for_each(|life| begin(&mut life.all, bed.hands.now()));
            }
            let known = known(&bed).await;
            for life in lives.iter_mut().filter(|life| edited.contains(&life.seed)) {
                life.note_late_starts(&known, again);
            }
            bed.pass(TimeDelta::seconds(3));
            work_and_compare(&bed, &mut lives).await;
        }
        bed.pass(TimeDelta::seconds(time.random_range(1..900)));
        work_and_compare(&bed, &mut lives).await;
    }
    end(&bed, &mut lives).await
}

/// Everybody gives back what has no end, and everything else runs out.
async fn end(bed: &Bed, lives: &mut [Life]) -> (usize, usize) {
    for life in lives.iter_mut() {
        let now = bed.hands.now();
        for index in 0..life.all.len() {
            let held = &life.all[index];
            match (held.is_past(now), held.approved, held.want.duration) {
                (false, false, _) => life.end(bed, "withdraw", index, now).await,
                (false, true, None) => life.end(bed, "revoke", index, now).await,
                _ => {}
            }
        }
    }
    for _ in 0..6 {
        bed.pass(TimeDelta::hours(1));
        work_and_compare(bed, lives).await;
    }
    for _ in 0..12 {
        bed.pass(TimeDelta::seconds(15));
        bed.work().await;
    }
    work_and_compare(bed, lives).await;
    let (grants, calls) = (read(&bed.url).await, bed.sim.calls());
    let unfinished = grants.iter().filter(|g| !matches!(g.state.as_str(), "ended" | "withdrawn" | "denied"));
    assert_eq!(unfinished.map(|grant| (&grant.id, &grant.state)).collect::<Vec<_>>(), []);
    let ours: BTreeMap<_, _> = truths(&bed.sim.endpoint_url(), "dev")
        .await
        .into_iter()
        .filter(|((_, principal), _)| principal.contains("overlap"))
        .collect();
    assert_eq!(left_behind(&ours, &grants, &BTreeMap::new(), bed.hands.now()), Vec::<String>::new());
    let at = |ms| bed.at(ms);
    let terms = Terms { at: &at, slack: TimeDelta::zero(), patience: 5_000, others: BTreeMap::new() };
    let log = Log::new(&calls, &grants, &terms);
    assert_eq!(log.unaccounted(), Vec::<String>::new());
    assert_eq!(log.unproven(3), Vec::<String>::new());
    (lives.iter().map(|life| life.told.len()).sum(), log.write_count())
}

async fn lives(from: u64, many: u64) {
    let began = Instant::now();
    let (mut events, mut writes) = (0, 0);
    for first in (from..from + many).step_by(usize::try_from(AT_ONCE).unwrap()) {
        let (happened, written) = live(first).await;
        events += happened;
        writes += written;
    }
    println!(
        "{many} sequences for real, {events} events, {writes} writes to EKS, {:.1} s",
        began.elapsed().as_secs_f32()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_at_every_quiet_point_the_union_of_what_is_live() {
    lives(0, AT_ONCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; make test-crash runs it"]
async fn entries_are_for_longer_at_every_quiet_point_the_union_of_what_is_live() {
    lives(argument("first", 0), argument("sequences", 500).next_multiple_of(AT_ONCE)).await;
}

//! The grant rules without HTTP, driven for many steps beside a second, naive account of them.

use crate::{DAY_MS, HOUR_MS, START_MS};
use provider_sim::{Account, GrantRefusal, LoginState, RevokedWhy, Sim, SimOptions, Tokens};
use std::time::Instant;

/// What a person with pencil and paper would keep of one login.
struct Page {
    pairs: Vec<Tokens>,
    deadline_ms: i64,
    ended: Option<RevokedWhy>,
}

fn dice(state: &mut u64, sides: u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from((*state >> 33) % sides).unwrap()
}

#[test]
fn a_hundred_thousand_random_steps_agree_with_a_naive_account_of_the_rules() {
    let sim = Sim::new(SimOptions::frozen_at(START_MS));
    sim.add_account(Account::new("work", "ada@work.example"));
    let (mut pages, mut random): (Vec<Page>, u64) = (Vec::new(), 42);
    let (mut rotations, mut reuses, mut refusals) = (0_u32, 0_u32, 0_u32);
    for _ in 0..100_000 {
        let choice = dice(&mut random, 100);
        if pages.is_empty() || choice < 4 {
            let tokens = sim.login("work", None).unwrap();
            let deadline_ms = tokens.refresh_expires_at_ms.unwrap();
            pages.push(Page { pairs: vec![tokens], deadline_ms, ended: None });
            continue;
        }
        let recent = pages.len().saturating_sub(6);
        let which = recent + dice(&mut random, (pages.len() - recent) as u64);
        let page = &mut pages[which];
        let now_ms = sim.now_ms();
        let newest = page.pairs.len() - 1;
        match choice {
            4..80 => {
                let presented = if choice < 78 { newest } else { dice(&mut random, page.pairs.len() as u64) };
                let answer = sim.refresh(page.pairs[presented].refresh());
                if page.ended.is_some() || now_ms >= page.deadline_ms {
                    assert_eq!(answer, Err(GrantRefusal::InvalidGrant));
                    refusals += 1;
                } else if presented == newest {
                    page.pairs.push(answer.unwrap());
                    rotations += 1;
                } else {
                    assert_eq!(answer, Err(GrantRefusal::InvalidGrant));
                    page.ended = Some(RevokedWhy::Reuse);
                    reuses += 1;
                }
            }
            80 => {
                sim.log_out(page.pairs[newest].refresh());
                page.ended = page.ended.or(Some(RevokedWhy::Logout));
            }
            _ => sim.advance_ms(HOUR_MS * i64::try_from(dice(&mut random, 9)).unwrap()),
        }
        check(&sim, &pages[which]);
    }
    assert!(rotations > 5_000 && reuses > 50 && refusals > 500, "{rotations} {reuses} {refusals}");
}

/// The server says of every pair on the page what the page says.
fn check(sim: &Sim, page: &Page) {
    let now_ms = sim.now_ms();
    let newest = page.pairs.last().unwrap();
    let expected = match page.ended {
        Some(why) => LoginState::Revoked { why },
        None if now_ms >= page.deadline_ms => LoginState::Expired,
        None => LoginState::Alive,
    };
    assert_eq!(sim.state(newest.login), Some(expected));
    assert_eq!(sim.newest(newest.login).as_ref(), Some(newest));
    assert_eq!(sim.refreshes(newest.login), page.pairs.len() as u64 - 1);
    assert_eq!(sim.is_alive(newest.refresh()), expected == LoginState::Alive);
    assert_eq!(sim.access_is_alive(&newest.access_token), page.ended.is_none() && now_ms < newest.expires_at_ms);
    for spent in page.pairs.iter().rev().skip(1).take(3) {
        assert!(!sim.is_alive(spent.refresh()) && !sim.access_is_alive(&spent.access_token));
        assert_eq!(sim.owner(spent.refresh()), Some(newest.login));
    }
}

#[test]
fn the_same_seed_and_the_same_steps_give_the_same_tokens() {
    let run = || {
        let sim = Sim::new(SimOptions { seed: Some(99), ..SimOptions::frozen_at(START_MS) });
        sim.add_account(Account::new("work", "ada@work.example"));
        let login = sim.login("work", None).unwrap();
        sim.advance_ms(DAY_MS);
        sim.refresh(login.refresh()).unwrap()
    };
    assert_eq!(run(), run());
}

#[test]
fn a_step_costs_microseconds_so_that_a_model_test_can_take_many() {
    let sim = Sim::new(SimOptions::frozen_at(START_MS));
    sim.add_account(Account::new("work", "ada@work.example"));
    let mut tokens = sim.login("work", None).unwrap();
    let begun = Instant::now();
    for _ in 0..20_000 {
        tokens = sim.refresh(tokens.refresh()).unwrap();
        sim.whoami(&tokens.access_token).unwrap();
    }
    assert!(begun.elapsed().as_secs() < 10, "{:?} for 20,000 rotations", begun.elapsed());
}

#[test]
fn a_reused_token_after_the_deadline_finds_an_expired_login() {
    let sim = Sim::new(SimOptions::frozen_at(START_MS));
    sim.add_account(Account::new("work", "ada@work.example"));
    let first = sim.login("work", None).unwrap();
    sim.refresh(first.refresh()).unwrap();
    sim.advance_ms(30 * DAY_MS);
    assert_eq!(sim.refresh(first.refresh()), Err(GrantRefusal::InvalidGrant));
    assert_eq!(sim.state(first.login), Some(LoginState::Expired));
}

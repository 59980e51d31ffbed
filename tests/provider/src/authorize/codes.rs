//! Authorization codes: who may have a token, for how short a time, and to whom alone it is handed. Owns PKCE, the one use
//! of a code, and the record of every answer a person gave. Pure: time and randomness are handed in.

use super::request::Request;
use crate::account::Identity;
use crate::random::{Random, fingerprint};
use crate::tokens::{LoginId, Seat};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// Why a code was not exchanged. The caller is told `invalid_grant` whichever it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeRefusal {
    /// No such code was issued.
    Unknown,
    /// It was presented before.
    Spent,
    /// It was presented too late.
    Expired,
    /// The verifier does not belong to the challenge.
    Verifier,
    /// It was issued for another `redirect_uri`.
    RedirectUri,
    /// It was issued with another `state`.
    State,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The person said no; there is no code.
    Denied,
    /// The code waits to be exchanged.
    Waiting,
    /// The code became a login.
    Exchanged,
    /// The code was presented and refused.
    Refused,
}

/// One answer a person gave on a consent page. It holds no code and no token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Authorization {
    /// Counts up from 1.
    pub number: u32,
    /// When, on the scripted clock, epoch milliseconds.
    pub at_ms: i64,
    /// The account's short name.
    pub account: String,
    /// Account and organisation.
    #[serde(flatten)]
    pub identity: Identity,
    /// What was asked for.
    pub scopes: Vec<String>,
    /// Whether the code was shown for copying instead of sent to the client.
    pub shown: bool,
    /// Whether nobody was asked ([`AutoConsent`](super::AutoConsent)).
    pub auto: bool,
    /// What became of it.
    pub outcome: Outcome,
    /// Why the code was refused, the first time it was.
    pub refused: Option<CodeRefusal>,
    /// The login it became.
    pub login: Option<LoginId>,
    /// Fingerprint of the code.
    pub code_fingerprint: Option<String>,
}

struct Issued {
    request: Request,
    seat: Seat,
    until_ms: i64,
    spent: bool,
    record: usize,
}

/// A code as a client presents it.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// The code.
    pub code: &'a str,
    /// Must be the one it was issued for.
    pub redirect_uri: &'a str,
    /// Must hash to the challenge.
    pub verifier: &'a str,
    /// Must be the one it was issued with.
    pub state: &'a str,
}

/// What a good code is worth.
pub struct Worth {
    /// Whose login it becomes.
    pub seat: Seat,
    /// With which scopes.
    pub scopes: Vec<String>,
    record: usize,
}

/// Every code ever issued, and every answer ever given.
#[derive(Default)]
pub struct Codes {
    issued: HashMap<String, Issued>,
    answers: Vec<Authorization>,
}

impl Codes {
    /// Notes a yes and issues its code. `times`: now, and how long the code is good, in milliseconds.
    pub fn allow(
        &mut self,
        request: &Request,
        seat: Seat,
        auto: bool,
        times: (i64, i64),
        random: &mut Random,
    ) -> String {
        let (now_ms, life_ms) = times;
        let code = random.code();
        let record = self.note(request, &seat, auto, now_ms, Outcome::Waiting);
        self.answers[record].code_fingerprint = Some(fingerprint(&code));
        let until_ms = now_ms + life_ms;
        self.issued.insert(code.clone(), Issued { request: request.clone(), seat, until_ms, spent: false, record });
        code
    }

    /// Notes a no.
    pub fn deny(&mut self, request: &Request, seat: &Seat, auto: bool, now_ms: i64) {
        self.note(request, seat, auto, now_ms, Outcome::Denied);
    }

    fn note(&mut self, request: &Request, seat: &Seat, auto: bool, at_ms: i64, outcome: Outcome) -> usize {
        self.answers.push(Authorization {
            number: u32::try_from(self.answers.len() + 1).unwrap_or(u32::MAX),
            at_ms,
            account: seat.account.clone(),
            identity: seat.identity.clone(),
            scopes: request.scopes.clone(),
            shown: request.shows_code(),
            auto,
            outcome,
            refused: None,
            login: None,
            code_fingerprint: None,
        });
        self.answers.len() - 1
    }

    /// Takes a code. Presenting it spends it, also in vain.
    ///
    /// # Errors
    /// Says why it is not worth a login.
    pub fn take(&mut self, presented: Presented<'_>, now_ms: i64) -> Result<Worth, CodeRefusal> {
        let issued = self.issued.get_mut(presented.code).ok_or(CodeRefusal::Unknown)?;
        let judged = issued.judge(presented, now_ms);
        let answer = &mut self.answers[issued.record];
        if let Err(refusal) = judged {
            answer.refused.get_or_insert(refusal);
            if answer.outcome == Outcome::Waiting {
                answer.outcome = Outcome::Refused;
            }
        }
        issued.spent = true;
        judged?;
        Ok(Worth { seat: issued.seat.clone(), scopes: issued.request.scopes.clone(), record: issued.record })
    }

    /// Notes which login a code became.
    pub fn became(&mut self, worth: &Worth, login: LoginId) {
        let answer = &mut self.answers[worth.record];
        answer.outcome = Outcome::Exchanged;
        answer.login = Some(login);
    }

    /// Whose code this is or was.
    #[must_use]
    pub fn account_of(&self, code: &str) -> Option<&str> {
        self.issued.get(code).map(|issued| issued.seat.account.as_str())
    }

    /// Every answer so far, oldest first.
    #[must_use]
    pub fn answers(&self) -> &[Authorization] {
        &self.answers
    }
}

impl Issued {
    fn judge(&self, presented: Presented<'_>, now_ms: i64) -> Result<(), CodeRefusal> {
        if self.spent {
            return Err(CodeRefusal::Spent);
        }
        if now_ms >= self.until_ms {
            return Err(CodeRefusal::Expired);
        }
        if presented.redirect_uri != self.request.redirect_uri {
            return Err(CodeRefusal::RedirectUri);
        }
        if presented.state != self.request.state {
            return Err(CodeRefusal::State);
        }
        if !fits(presented.verifier, &self.request.challenge) {
            return Err(CodeRefusal::Verifier);
        }
        Ok(())
    }
}

/// The PKCE challenge of a verifier, S256 (RFC 7636 section 4.2): for clients that a test plays itself.
#[must_use]
pub fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// Whether `verifier` is well formed (RFC 7636 section 4.1) and hashes to `challenge`.
fn fits(verifier: &str, challenge: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved) && challenge_of(verifier) == challenge
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::sim::Sim;
    use proptest::prelude::*;

    const VERIFIER: &str = "[A-Za-z0-9._~-]{43,128}";

    fn request(challenge: String) -> Request {
        Request {
            client_id: "a-client".into(),
            redirect_uri: "http://localhost:40123/callback".into(),
            scopes: vec!["user:inference".into()],
            challenge,
            state: "a state".into(),
            login_hint: None,
        }
    }

    fn seat() -> Seat {
        let sim = Sim::default();
        sim.add_account(Account::new("ada", "ada@home.example"));
        sim.with(|s| s.seat("ada", None)).expect("a seat")
    }

    fn presented<'a>(code: &'a str, asked: &'a Request, verifier: &'a str) -> Presented<'a> {
        Presented { code, redirect_uri: &asked.redirect_uri, verifier, state: &asked.state }
    }

    #[test]
    fn the_example_of_the_standard_fits() {
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(challenge_of(verifier), challenge);
        assert!(fits(verifier, challenge));
        assert!(!fits(challenge, challenge), "plain is not S256");
    }

    #[test]
    fn a_verifier_of_another_shape_never_fits_even_its_own_challenge() {
        for verifier in ["", "short", &"a".repeat(42), &"a".repeat(129), &"+".repeat(43), &"é".repeat(30)] {
            assert!(!fits(verifier, &challenge_of(verifier)), "{verifier}");
        }
    }

    proptest! {
        #[test]
        fn a_code_fits_its_own_verifier_once_and_no_other(
            own in VERIFIER,
            other in VERIFIER,
            late_ms in 0_i64..2_000,
        ) {
            let (mut codes, mut random, seat) = (Codes::default(), Random::seeded(1), seat());
            let asked = request(challenge_of(&own));
            let mut issue = |codes: &mut Codes| codes.allow(&asked, seat.clone(), false, (0, 1_000), &mut random);
            let (first, second) = (issue(&mut codes), issue(&mut codes));
            prop_assert_ne!(&first, &second);
            let answer = codes.take(presented(&first, &asked, &own), late_ms).map(|_| ());
            prop_assert_eq!(answer, if late_ms < 1_000 { Ok(()) } else { Err(CodeRefusal::Expired) });
            let again = codes.take(presented(&first, &asked, &own), 0).map(|_| ());
            prop_assert_eq!(again, Err(CodeRefusal::Spent));
            if own != other {
                let stolen = codes.take(presented(&second, &asked, &other), 0).map(|_| ());
                prop_assert_eq!(stolen, Err(CodeRefusal::Verifier));
            }
        }
    }
}

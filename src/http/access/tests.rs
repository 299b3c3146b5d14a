//! Tests of the door as a whole.

use axum::http::header::AUTHORIZATION;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;
use crate::clock;

/// Of `correct horse`.
const PASSWORD: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$b6qJumA/4cblFXUKfEvM0w";

fn user(name: &str, role: Role, password: Option<&str>, token: Option<&str>) -> User {
    User {
        name: name.into(),
        role,
        password: password.map(|hash| PasswordHash::parse(hash).unwrap()),
        token: token.map(|token| TokenHash::of(&token.into())),
    }
}

fn door() -> Access {
    Access::new(
        vec![
            user("alice", Role::Admin, Some(PASSWORD), None),
            user("bob", Role::Viewer, Some(PASSWORD), Some("bobs")),
            user("program", Role::Admin, None, Some("programs")),
        ],
        None,
        clock::now,
    )
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

async fn judged(door: &Access, shown: &str) -> Result<(String, Role), Denied> {
    let headers = HeaderMap::from_iter([(AUTHORIZATION, shown.parse().unwrap())]);
    let caller = door.judge(&headers, "192.0.2.1".parse().unwrap()).await?;
    Ok((caller.name.to_string(), caller.role))
}

#[tokio::test]
async fn whoever_shows_the_right_thing_is_let_in_again_and_again() {
    let door = door();
    for _ in 0..5 {
        for (shown, name, role) in [
            (basic("alice", "correct horse"), "alice", Role::Admin),
            (basic("bob", "correct horse"), "bob", Role::Viewer),
            ("Bearer bobs".to_owned(), "bob", Role::Viewer),
            ("Bearer programs".to_owned(), "program", Role::Admin),
        ] {
            assert_eq!(judged(&door, &shown).await, Ok((name.to_owned(), role)));
        }
    }
}

#[tokio::test]
async fn nothing_else_opens() {
    let door = door();
    let nameless = door.judge(&HeaderMap::new(), "::1".parse().unwrap()).await;
    assert_eq!(nameless, Err(Denied::Nameless));
    for shown in [
        basic("alice", "wrong horse"),
        basic("alice", ""),
        basic("alice", PASSWORD),
        // A password that would be right for the one whose hash is tried in vain.
        basic("program", "correct horse"),
        basic("nobody", "correct horse"),
        basic("ALICE", "correct horse"),
        "Bearer correct horse".to_owned(),
        "Bearer ".to_owned() + &TokenHash::of(&"bobs".into()).to_string(),
    ] {
        assert_eq!(judged(&door, &shown).await, Err(Denied::Wrong), "{shown}");
    }
}

#[tokio::test]
async fn after_some_failures_even_the_right_password_waits_unless_it_was_right_before() {
    let door = door();
    let (right, wrong) = (basic("alice", "correct horse"), basic("alice", "wrong"));
    let fail = async || {
        while !matches!(judged(&door, &wrong).await, Err(Denied::TooMany(_))) {}
    };
    fail().await;
    assert!(matches!(
        judged(&door, &right).await,
        Err(Denied::TooMany(_))
    ));
    // Others do not wait, and neither does a token.
    assert!(judged(&door, &basic("bob", "correct horse")).await.is_ok());
    assert!(judged(&door, "Bearer bobs").await.is_ok());
    let bobs_wrong = basic("bob", "wrong");
    while !matches!(judged(&door, &bobs_wrong).await, Err(Denied::TooMany(_))) {}
    assert!(judged(&door, &basic("bob", "correct horse")).await.is_ok());
}

#[tokio::test]
async fn wrong_tokens_wait_and_right_ones_do_not() {
    let door = door();
    while !matches!(judged(&door, "Bearer wrong").await, Err(Denied::TooMany(_))) {}
    assert!(judged(&door, "Bearer programs").await.is_ok());
}

#[tokio::test]
async fn a_first_page_with_many_requests_fails_none_of_them() {
    let door = door();
    let right = basic("alice", "correct horse");
    let ask = || judged(&door, &right);
    let answers = tokio::join!(ask(), ask(), ask(), ask());
    let alice = || Ok(("alice".to_owned(), Role::Admin));
    assert_eq!(answers, (alice(), alice(), alice(), alice()));
}

#[tokio::test]
async fn hanging_up_early_is_a_failure_too() {
    let door = door();
    let wrong = basic("alice", "wrong");
    let mut tries = 0;
    loop {
        let mut judging = Box::pin(judged(&door, &wrong));
        match first_look(&mut judging).await {
            Some(Err(Denied::TooMany(_))) => break,
            _ => tries += 1,
        }
        drop(judging);
        // The thread that was begun holds the turn until its end.
        drop(door.turn.acquire().await);
        assert!(tries < 10, "nothing is counted");
    }
}

/// What a future says at the first look.
async fn first_look<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    tokio::select! {
        biased;
        value = future => Some(value),
        () = std::future::ready(()) => None,
    }
}

#[tokio::test]
async fn whoever_asks_is_told_what_can_be_shown() {
    let door = door();
    assert_eq!(
        door.challenges().collect::<Vec<_>>(),
        [ASK_PASSWORD, ASK_TOKEN]
    );
    let tokens = Access::new(
        vec![user("p", Role::Viewer, None, Some("t"))],
        None,
        clock::now,
    );
    assert_eq!(tokens.challenges().collect::<Vec<_>>(), [ASK_TOKEN]);
    assert_eq!(judged(&tokens, &basic("p", "t")).await, Err(Denied::Wrong));
    let open = Access::new(Vec::new(), None, clock::now);
    let caller = judged(&open, "Bearer whatever").await;
    assert_eq!(caller, Ok((ANONYMOUS.to_owned(), Role::Admin)));
}

#[test]
fn an_unknown_name_costs_what_a_known_one_does() {
    let (door, tokens) = (
        door(),
        Access::new(
            vec![user("p", Role::Admin, None, Some("t"))],
            None,
            clock::now,
        ),
    );
    let hash = PasswordHash::parse(PASSWORD).unwrap();
    for name in ["nobody", "", "program"] {
        assert_eq!(door.anybodys(name), Some(hash.clone()), "{name}");
        assert_eq!(tokens.anybodys(name), None, "{name}");
    }
}

#[test]
fn debug_shows_no_hash() {
    let shown = format!(
        "{:?}",
        user("alice", Role::Admin, Some(PASSWORD), Some("t"))
    );
    assert!(
        !shown.contains("argon2") && !shown.contains("sha256"),
        "{shown}"
    );
}

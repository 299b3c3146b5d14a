//! A stack answers, restarts with what it had stored, and leaves nothing behind.

use std::net::TcpStream;

use super::{options::named_servers, *};

async fn register(stack: &Stack) -> serde_json::Value {
    let url = format!(
        "{}/subjects/stack-value/versions",
        stack.schema_registry_url()
    );
    let schema = serde_json::json!({ "schema": "\"string\"" });
    let answer = reqwest::Client::new()
        .post(url)
        .json(&schema)
        .send()
        .await
        .unwrap();
    answer.error_for_status().unwrap().json().await.unwrap()
}

#[tokio::test]
async fn the_shared_stack_answers() {
    let stack = Stack::shared().await.unwrap();
    assert!(register(stack).await["id"].is_number());
}

#[tokio::test]
async fn a_private_stack_restarts_and_vanishes() {
    let stack = Options::default().private().start().await.unwrap();
    assert_ne!(stack.way(), Way::Environment);
    let id = register(&stack).await;

    stack.stop_registry().await.unwrap();
    stack.stop_kafka().await.unwrap();
    assert!(TcpStream::connect(stack.bootstrap_servers()).is_err());
    stack.start_kafka().await.unwrap();
    stack.start_registry().await.unwrap();
    assert_eq!(register(&stack).await, id);

    let address = stack.bootstrap_servers().to_owned();
    drop(stack);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn one_variable_without_the_other_is_a_mistake() {
    let only = |wanted: &'static str| move |name: &str| (name == wanted).then(|| "x".to_owned());
    let error = named_servers(only(BOOTSTRAP_SERVERS))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "KAFKA_BOOTSTRAP_SERVERS is set but SCHEMA_REGISTRY_URL is not: set both, or neither"
    );
    assert!(named_servers(only(REGISTRY_URL)).is_err());
    assert!(named_servers(|_| None).unwrap().is_none());
}

#[test]
fn nobody_to_ask_is_explained() {
    let error = StackError::Nowhere {
        docker: "no engine".into(),
        java: "no java".into(),
    };
    let words = error.to_string();
    for part in [
        "Docker",
        "no engine",
        "Java 17",
        "no java",
        "KAFKA_BOOTSTRAP_SERVERS",
    ] {
        assert!(words.contains(part), "{part} is missing in {words}");
    }
}

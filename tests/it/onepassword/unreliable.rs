//! Answers that are none, come late, or do not come.

use super::*;

#[tokio::test]
async fn nonsense_is_asked_for_again() {
    let service = Service::start(Options::default()).await;
    history(&service.simulator, 10);
    for fault in [
        Fault::TruncatedJson,
        Fault::NotJson,
        Fault::CursorMissing,
        Fault::CursorNull,
        Fault::CursorNumber,
        Fault::GzipBroken,
        Fault::GzipFalse,
        Fault::Oversized { bytes: 70 << 20 },
    ] {
        let error = service.failure(fault.clone()).await;
        assert_eq!(
            error.outcome(),
            Outcome::Malformed,
            "{fault:?}: {}",
            told(&error)
        );
        assert_eq!(error.disposition(), Disposition::Retry(None), "{fault:?}");
    }
    let portal = service.failure(Fault::NotJson).await.to_string();
    assert!(portal.contains("text/html"), "{portal}");
}

#[tokio::test]
async fn a_page_counts_whatever_its_content_type() {
    let service = Service::start(Options::default()).await;
    history(&service.simulator, 10);
    for fault in [
        Fault::ContentType {
            value: "text/plain".to_owned(),
        },
        Fault::ItemsNull,
        Fault::ItemsAbsent,
    ] {
        service.next_answer(fault);
        let answer = service.ask().await.unwrap();
        assert!(answer.page().is_ok());
    }
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_made_again() {
    let service = Service::start(Options::default()).await;
    history(&service.simulator, 500);
    for fault in [Fault::ResetBeforeAnswer, Fault::ResetMidBody] {
        let error = service.failure(fault.clone()).await;
        assert_eq!(
            error.outcome(),
            Outcome::Network,
            "{fault:?}: {}",
            told(&error)
        );
        assert_eq!(error.disposition(), Disposition::Retry(None), "{fault:?}");
    }
    assert!(service.ask().await.is_ok());
}

#[tokio::test]
async fn no_answer_is_waited_for_too_long() {
    let mut service = Service::start(Options::default()).await;
    history(&service.simulator, 500);
    let hasty = Shared {
        timeouts: Timeouts {
            head: Duration::from_millis(500),
            idle: Duration::from_millis(200),
            body: Duration::from_millis(600),
        },
        ..shared(&service.simulator)
    };
    service.client = connect(&hasty, &service.token);
    service.ask().await.unwrap();
    let pause = Duration::from_millis(100);
    for (fault, words) in [
        (
            Fault::SlowHeaders {
                delay: Duration::from_mins(1),
            },
            "no answer came in time",
        ),
        (Fault::StalledBody, "the answer came too slowly"),
        (
            Fault::SlowBody { chunk: 100, pause },
            "the answer came too slowly",
        ),
    ] {
        let error = service.failure(fault).await;
        assert_eq!(error.outcome(), Outcome::Network);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn an_unreachable_service_says_what_to_look_at() {
    let service = Service::start(Options::default()).await;
    let strange = Shared {
        http: http_client(None).unwrap(),
        ..shared(&service.simulator)
    };
    let distrust = connect(&strange, &service.token);
    let error = distrust.fetch(STREAM, &start(), 1).await.unwrap_err();
    assert!(
        error.to_string().contains("onepassword.ca.file"),
        "{}",
        told(&error)
    );

    let url = service.client.base_url().clone();
    let Service {
        simulator, client, ..
    } = service;
    simulator.stop().await;
    let error = client.fetch(STREAM, &start(), 1).await.unwrap_err();
    assert!(
        error.to_string().contains("the connection is refused"),
        "{}",
        told(&error)
    );
    assert!(error.to_string().contains(url.host_str().unwrap()));

    let nowhere = "https://nowhere.invalid".parse().unwrap();
    let hosts = AllowedHosts::new(["nowhere.invalid"]).unwrap();
    let nowhere = Client::connect(
        &Shared { hosts, ..strange },
        Some(&nowhere),
        &"opaque".into(),
    );
    let error = nowhere
        .unwrap()
        .fetch(STREAM, &start(), 1)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("DNS"), "{}", told(&error));
    assert_eq!(error.disposition(), Disposition::Retry(None));
}

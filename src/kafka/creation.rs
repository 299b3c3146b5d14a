//! Topics that are missing, created.

use rdkafka::{
    admin::AdminOptions,
    error::{KafkaError, RDKafkaErrorCode as Code},
};

use super::{
    Cluster, Error, Missing, Operation, TopicError, Unfit, layout::Wanted, topics::ANSWER,
};

/// What became of a topic.
type Outcome = (Wanted, Result<(), Code>);

/// Creates topics, and returns their names. Where somebody else has just created one, what it is like is not known yet:
/// that is asked again. What is `forgotten` is told when the cursors topic begins anew.
pub(super) async fn create(
    cluster: &Cluster,
    missing: Vec<Wanted>,
    how: Missing,
    forgotten: Option<&str>,
) -> Result<Vec<String>, TopicError> {
    let mut outcomes = attempt(cluster, missing, how).await?;
    // Clusters that others run take few configs, within bounds of their own.
    let fussy: Vec<_> = outcomes
        .extract_if(.., |(_, outcome)| outcome.is_err_and(is_about_configs))
        .map(|(topic, _)| plain(topic, how))
        .collect();
    outcomes.extend(attempt(cluster, fussy, how).await?);
    let mut created = Vec::new();
    let mut unfit = Vec::new();
    for (topic, outcome) in outcomes {
        match outcome {
            Ok(()) => {
                if how == Missing::Create {
                    tracing::info!(topic = topic.name, "created a topic");
                    let is_cursors = topic.name == cluster.topics().cursors();
                    if let Some(what) = forgotten.filter(|_| is_cursors) {
                        tracing::warn!("{what}");
                    }
                }
                created.push(topic.name);
            }
            Err(code @ Code::TopicAlreadyExists) => {
                return Err(Error::Unavailable(KafkaError::AdminOp(code)).into());
            }
            Err(code) => match cluster.refusal(KafkaError::AdminOp(code), Operation::Create) {
                error @ Error::Unavailable(_) => return Err(error.into()),
                why => {
                    let replication = cluster.topics().replication_factor;
                    unfit.push(Unfit(topic.uncreated(replication, &why)));
                }
            },
        }
    }
    if unfit.is_empty() {
        Ok(created)
    } else {
        Err(TopicError::Unfit(unfit))
    }
}

/// A topic without the configs that it can do without, after a refusal.
fn plain(topic: Wanted, how: Missing) -> Wanted {
    let configs = topic.configs.clone();
    let plain = topic.plain();
    let left_out = configs
        .iter()
        .filter(|config| !plain.configs.contains(config));
    let left_out: Vec<_> = left_out.map(|(name, _)| *name).collect();
    if how == Missing::Create {
        tracing::warn!(
            topic = plain.name,
            left_out = left_out.join(","),
            "the cluster does not take a topic's configs: it is created without those it can do without"
        );
    }
    plain
}

async fn attempt(
    cluster: &Cluster,
    topics: Vec<Wanted>,
    how: Missing,
) -> Result<Vec<Outcome>, Error> {
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let replication = cluster.topics().replication_factor;
    let requests: Vec<_> = topics
        .iter()
        .map(|topic| topic.request(replication))
        .collect();
    let options = AdminOptions::new()
        .request_timeout(Some(ANSWER))
        .validate_only(how == Missing::TryOnly);
    let admin = cluster.admin().map_err(Error::outside)?;
    let results = admin.create_topics(&requests, &options).await;
    let results = results.map_err(Error::outside)?.into_iter();
    let outcomes = results.map(|result| result.map(drop).map_err(|(_, code)| code));
    drop(requests);
    Ok(topics.into_iter().zip(outcomes).collect())
}

const fn is_about_configs(code: Code) -> bool {
    matches!(code, Code::InvalidConfig | Code::PolicyViolation)
}

//! Settings that Kafka Connect has for every connector, and that have no meaning here.
//!
//! They are accepted, for people and tools bring them along, and each leaves a note.

/// Names, or beginnings of names where they end with a dot, and why they have no effect.
const IGNORED: &[(&[&str], &str)] = &[
    (
        &[
            "key.converter",
            "key.converter.",
            "value.converter",
            "value.converter.",
            "header.converter",
            "header.converter.",
        ],
        "records are always Avro, and the worker's schema.registry settings say where the schemas are",
    ),
    (
        &["transforms", "transforms.", "predicates", "predicates."],
        "records are published as they are read, nothing is changed or left out",
    ),
    (
        &["errors."],
        "the worker decides what is tried again, and what cannot become a record goes to the dead letters",
    ),
    (
        &["topic.creation.", "topic.creation.groups"],
        "the worker's topics settings say how topics are created",
    ),
    (
        &[
            "producer.override.",
            "consumer.override.",
            "admin.override.",
        ],
        "the worker's kafka settings are used by all connectors",
    ),
    (
        &[
            "exactly.once.support",
            "transaction.boundary",
            "transaction.boundary.interval.ms",
        ],
        "delivery is always exactly once",
    ),
    (
        &["offsets.storage.topic"],
        "positions are always kept in the worker's cursors topic",
    ),
    (
        &["config.action.reload"],
        "a rotated secret is picked up without a restart",
    ),
    (
        &[
            "tasks.max.enforce",
            "connector.plugin.version",
            "key.converter.plugin.version",
            "value.converter.plugin.version",
            "header.converter.plugin.version",
        ],
        "there is one version, with one task for each stream",
    ),
];

/// All such names, or beginnings of names where they end with a dot.
pub fn ignored() -> impl Iterator<Item = &'static str> {
    IGNORED.iter().flat_map(|(names, _)| names.iter().copied())
}

/// The note for `name`, if it is such a setting.
pub(super) fn note(name: &str) -> Option<String> {
    let is_like = |known: &&str| name == *known || known.ends_with('.') && name.starts_with(known);
    IGNORED
        .iter()
        .find(|(names, _)| names.iter().any(is_like))
        .map(|(_, why)| format!("{name} has no effect: {why}"))
}

//! `onepassword-kafka acls`: the rights of the worker's Kafka user, for whoever grants them.

use std::io::Write;

use crate::{
    cli::{Acls, AclsFormat},
    config::Installation,
    kafka::{Pattern, Resource, Right},
};

/// Prints what the worker's file implies for the user that the command line names.
///
/// # Errors
///
/// When `out` cannot be written to.
pub fn print(of: &Installation, wanted: &Acls, out: &mut impl Write) -> anyhow::Result<()> {
    let rights = match &wanted.consumer {
        Some(group) => Right::of_consumer(&of.topics, group),
        None => Right::of_worker(&of.topics, &of.group_id),
    };
    if matches!(wanted.format, AclsFormat::Strimzi) {
        writeln!(out, "authorization:\n  type: simple\n  acls:")?;
    }
    for alike in rights.chunk_by(Right::is_beside) {
        match wanted.format {
            AclsFormat::KafkaAcls => writeln!(out, "{}", command(of, &wanted.principal, alike)),
            AclsFormat::Strimzi => write!(out, "{}", entry(alike)),
        }?;
    }
    Ok(())
}

/// The line for `kafka-acls.sh` that grants rights on the same resources.
fn command(of: &Installation, principal: &str, rights: &[Right]) -> String {
    let property = |name| of.kafka.get(name);
    let servers = property("bootstrap.servers").or_else(|| property("metadata.broker.list"));
    let servers = servers.unwrap_or_default();
    let mut words = vec!["kafka-acls.sh", "--bootstrap-server", servers];
    let is_plain = |protocol: &str| protocol.eq_ignore_ascii_case("plaintext");
    if property("security.protocol").is_some_and(|protocol| !is_plain(protocol)) {
        words.extend(["--command-config", "admin.properties"]);
    }
    words.extend(["--add", "--allow-principal", principal]);
    for right in rights {
        words.extend(["--operation", right.operation.name()]);
    }
    let right = &rights[0];
    if right.pattern == Pattern::Prefixed {
        words.extend(["--resource-pattern-type", "prefixed"]);
    }
    let option = match right.resource {
        Resource::Topic => "--topic",
        Resource::Group => "--group",
        Resource::TransactionalId => "--transactional-id",
    };
    words.extend([option, &right.name]);
    let words: Vec<_> = words.into_iter().map(quoted).collect();
    words.join(" ")
}

/// The same for `spec` of Strimzi's `KafkaUser`.
fn entry(rights: &[Right]) -> String {
    let Right {
        resource,
        pattern,
        name,
        ..
    } = &rights[0];
    let kind = match resource {
        Resource::Topic => "topic",
        Resource::Group => "group",
        Resource::TransactionalId => "transactionalId",
    };
    let pattern = match pattern {
        Pattern::Literal => "literal",
        Pattern::Prefixed => "prefix",
    };
    let operations: Vec<_> = rights.iter().map(|right| right.operation.name()).collect();
    format!(
        "    - resource:\n        type: {kind}\n        name: {}\n        patternType: {pattern}\n      operations: [{}]\n",
        serde_json::Value::from(name.as_str()),
        operations.join(", ")
    )
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._:=@/+-,".contains(c);
    if text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::{cli, clock, config::Config};

    fn printed(security: &str, arguments: &[&str]) -> String {
        let file = format!(
            "group.id: my group\nkafka:\n  bootstrap.servers: a:1,b:2\n{security}topics.prefix: p\n\
             schema.registry.url: http://localhost\n"
        );
        let config = Config::parse(&file, clock::now()).unwrap();
        let command = ["onepassword-kafka", "acls", "--config", "-"];
        let cli = cli::Cli::try_parse_from([&command, arguments].concat()).unwrap();
        let cli::Command::Acls(wanted) = cli.command else {
            unreachable!("that is the command");
        };
        let mut out = Vec::new();
        print(&config.into(), &wanted, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn commands_are_what_a_shell_takes() {
        let begin = "kafka-acls.sh --bootstrap-server a:1,b:2 --add --allow-principal 'User:CN=o'\\''p,O=E'";
        assert_eq!(
            printed("", &["--principal", "User:CN=o'p,O=E"]),
            format!(
                "{begin} --operation Read --operation Write --operation Create --operation DescribeConfigs \
                 --resource-pattern-type prefixed --topic p.\n\
                 {begin} --operation Read --group 'my group'\n\
                 {begin} --operation Write --resource-pattern-type prefixed --transactional-id p.\n"
            )
        );
        let printed = printed("  security.protocol: SSL\n", &["--principal", "User:a"]);
        let options = "a:1,b:2 --command-config admin.properties --add --allow-principal User:a ";
        assert_eq!(printed.matches(options).count(), 3, "{printed}");
    }

    #[test]
    fn a_consumer_reads_events_only() {
        let printed = printed("", &["--principal", "User:a", "--consumer", "g"]);
        let ends = printed
            .lines()
            .map(|line| line.split_once("User:a ").unwrap().1);
        assert_eq!(
            ends.collect::<Vec<_>>(),
            [
                "--operation Read --topic p.signinattempts",
                "--operation Read --topic p.itemusages",
                "--operation Read --topic p.auditevents",
                "--operation Read --group g",
            ]
        );
    }

    #[test]
    fn strimzi_has_the_same_in_its_own_words() {
        assert_eq!(
            printed("", &["--principal", "User:a", "--format", "strimzi"]),
            "authorization:\n  type: simple\n  acls:\n    \
             - resource:\n        type: topic\n        name: \"p.\"\n        patternType: prefix\n      \
             operations: [Read, Write, Create, DescribeConfigs]\n    \
             - resource:\n        type: group\n        name: \"my group\"\n        patternType: literal\n      \
             operations: [Read]\n    \
             - resource:\n        type: transactionalId\n        name: \"p.\"\n        patternType: prefix\n      \
             operations: [Write]\n"
        );
    }
}

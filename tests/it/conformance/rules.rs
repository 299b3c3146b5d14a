//! Which requests are left out, and where an answer differs on purpose; each with its reason.

use super::{
    client::{Answer, Body},
    transcript::Exchange,
};

/// Why a request is left out.
pub(super) struct LeftOut {
    pub(super) why: &'static str,
    pub(super) fits: fn(&Exchange) -> bool,
}

/// Why an answer is another one.
pub(super) struct OnPurpose {
    pub(super) why: &'static str,
    pub(super) when: When,
    /// The request, their answer, ours.
    pub(super) fits: fn(&Exchange, &Answer, &Answer) -> bool,
}

/// Whether a rule is needed each time.
#[derive(PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// It depends on who is faster.
    Sometimes,
}

/// The first that fits counts.
pub(super) const LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        why: "there are no sinks",
        fits: |asked| {
            asked.section == "sink"
                || asked.target.contains("FileStreamSink")
                || asked.body_has("FileStreamSink")
        },
    },
    LeftOut {
        why: "there is no connector that fails at will, or has two tasks",
        fits: |asked| {
            let others = ["vs", "f3", "f4", "f5", "f6", "f7"];
            asked.target.contains("Golden")
                || asked.body_has("GoldenSource")
                || others.iter().any(|other| {
                    let path = format!("/connectors/{other}");
                    asked.target == path || asked.target.starts_with(&(path + "/"))
                })
        },
    },
    LeftOut {
        why: "there are no converters, transforms or predicates",
        fits: |asked| {
            let plugins = [
                "apache.kafka.connect.json",
                "apache.kafka.connect.storage",
                "apache.kafka.connect.converters",
                "apache.kafka.connect.transforms",
                "/Json/",
                "/JsonConverter/",
            ];
            plugins.iter().any(|plugin| asked.target.contains(plugin))
        },
    },
    LeftOut {
        why: "workers do not ask each other anything",
        fits: |asked| {
            let is_tasks = asked.method == "POST" && asked.target.ends_with("/tasks");
            is_tasks || asked.target.ends_with("/fence")
        },
    },
    LeftOut {
        why: "the class has one name only",
        fits: |asked| asked.label.contains("full class in URL, alias in body"),
    },
    LeftOut {
        why: "there are no rebalances to wait for",
        fits: |asked| {
            let told = asked.answer.as_ref().map(ToString::to_string);
            told.is_some_and(|told| told.contains("rebalance"))
        },
    },
];

/// The first that fits counts.
pub(super) const ON_PURPOSE: &[OnPurpose] = &[
    OnPurpose {
        why: "a Java exception escapes there; here the request is refused in words",
        when: When::Always,
        fits: |_, theirs, ours| theirs.status == 500 && (ours.is_error(400) || ours.is_error(404)),
    },
    OnPurpose {
        why: "there the HTTP library refuses the target, with a page or nothing",
        when: When::Always,
        fits: |_, theirs, ours| {
            let is_page = matches!(theirs.body, Body::Empty | Body::Text(_));
            theirs.status == 400 && is_page && ours.status == 400
        },
    },
    OnPurpose {
        why: "the API describes itself",
        when: When::Always,
        fits: |asked, _, ours| asked.target == "/openapi.json" && ours.status == 200,
    },
    OnPurpose {
        why: "what is wrong with a setting is said in our words, once, and without its value",
        when: When::Always,
        fits: |_, theirs, ours| are_refused(theirs, ours) || are_judged(theirs, ours),
    },
    OnPurpose {
        why: "offsets are those of three streams; there, of anything",
        when: When::Always,
        fits: |asked, theirs, ours| {
            let refuses = ["Partition objects", "'stream' key in the partition"]
                .iter()
                .any(|words| ours.text().contains(words));
            let is_altered = theirs.status == 200 && ours.is_error(400) && refuses;
            is_altered || (asked.reads("/offsets") && theirs.text().contains("\"stream\":null"))
        },
    },
    OnPurpose {
        why: "the loggers of one program are not those of another",
        when: When::Always,
        fits: |asked, theirs, ours| {
            asked.reads("/loggers") && theirs.status == 200 && ours.text().contains("\"root\":{")
        },
    },
    OnPurpose {
        why: "nothing is read from a time in the future on",
        when: When::Always,
        fits: |asked, _, ours| asked.body_has("4294967296") && ours.is_error(400),
    },
    OnPurpose {
        why: "a value that may be a secret is not repeated",
        when: When::Always,
        fits: |_, theirs, ours| {
            let is_typeless = theirs.text().contains("contains no connector type");
            is_typeless && ours.is_error(400) && ours.text().contains("=[hidden]")
        },
    },
    OnPurpose {
        why: "a setting of Connect's without effect here is not judged",
        when: When::Always,
        fits: |asked, theirs, ours| {
            const WITHOUT_EFFECT: &[&str] = &[
                "\"key.converter",
                "\"transforms\"",
                "\"exactly.once.support\"",
                "\"transaction.boundary\"",
                "\"errors.tolerance\"",
            ];
            let has_none = |answer: &Answer| answer.status == 201 || answer.mistakes() == Some(0);
            WITHOUT_EFFECT.iter().any(|name| asked.body_has(name))
                && !has_none(theirs)
                && has_none(ours)
        },
    },
    OnPurpose {
        why: "a setting that nobody knows is a mistake",
        when: When::Always,
        fits: |asked, theirs, ours| {
            asked.body_has("unknown.key")
                && theirs.mistakes() == Some(0)
                && ours.mistakes() == Some(1)
        },
    },
    OnPurpose {
        why: "a connector keeps its name, whatever its settings say",
        when: When::Always,
        fits: |asked, theirs, ours| {
            let is_renamed = asked.body_has("{\"name\": ") && asked.method == "PATCH";
            let was_renamed = theirs.text().contains("\"name\":\"other\"");
            let keeps = ours.is_error(400) || ours.text().contains("\"name\":\"c1\"");
            asked.section == "config-patch" && (is_renamed || was_renamed) && keeps
        },
    },
    OnPurpose {
        why: "a name has 249 characters at most",
        when: When::Always,
        fits: |asked, _, ours| {
            let long = "x".repeat(250);
            let is_long = asked.target.contains(&long) || asked.body_has(&long);
            let knows_none = ours.text().contains("\"topics\":[]");
            is_long && (ours.is_error(400) || ours.is_error(404) || knows_none)
        },
    },
    OnPurpose {
        why: "null is as good as no value; there the connector fails",
        when: When::Always,
        fits: |asked, _, ours| match asked.seq {
            258 => ours.is_error(400),
            259 => ours.is_error(404),
            351 => ours.text().contains("\"state\":\"RUNNING\""),
            _ => false,
        },
    },
    OnPurpose {
        why: "the tasks follow from the settings, and are known before the connector first runs",
        when: When::Always,
        fits: |asked, theirs, ours| {
            let is_early = [288, 290, 451, 703, 704, 723, 724].contains(&asked.seq);
            is_early && theirs.with_tasks_of(ours) == *ours
        },
    },
    OnPurpose {
        why: "what is seen at once after a change depends on the moment",
        when: When::Sometimes,
        fits: |asked, theirs, ours| {
            let is_moment = asked.label.contains("immediately")
                || ["RESTARTING", "UNASSIGNED"]
                    .iter()
                    .any(|state| theirs.text().contains(state));
            let is_status = asked.reads("/status") || asked.target.contains("onlyFailed=true");
            let is_known = theirs.status == ours.status || [200, 404].contains(&ours.status);
            is_moment && is_status && is_known
        },
    },
    OnPurpose {
        why: "topics and offsets are there once a record is committed, which takes a moment",
        when: When::Sometimes,
        fits: |asked, _, ours| {
            let is_moment = !asked.settle && (asked.reads("/topics") || asked.reads("/offsets"));
            is_moment && ours.text().contains("s\":[]")
        },
    },
];

/// Whether both refuse settings, in whatever words.
fn are_refused(theirs: &Answer, ours: &Answer) -> bool {
    const BEGINNING: &str = "Connector configuration is invalid and contains the following ";
    let is_such = |answer: &Answer| {
        let message = answer.message().unwrap_or_default();
        answer.is_error(400) && message.starts_with(BEGINNING)
    };
    let where_to = |answer: &Answer| answer.message()?.lines().last().map(str::to_owned);
    is_such(theirs) && is_such(ours) && where_to(theirs) == where_to(ours)
}

/// Whether both find something wrong with the same settings, in whatever words.
fn are_judged(theirs: &Answer, ours: &Answer) -> bool {
    let (theirs_wrong, ours_wrong) = (theirs.wrong(), ours.wrong());
    // It has bounds here, and none there.
    let is_comparable = |name: &&str| *name != "page.limit" || theirs_wrong.contains(name);
    let ours_wrong = ours_wrong.into_iter().filter(is_comparable);
    theirs.status == ours.status
        && !theirs_wrong.is_empty()
        && ours_wrong.eq(theirs_wrong.iter().copied())
}

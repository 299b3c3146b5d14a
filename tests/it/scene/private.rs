//! What a scene has that nobody may be told: tokens, and who did what from where.

use std::collections::HashSet;

use onepassword_kafka_dev::simulator::Stream;
use serde_json::Value;

use super::{ACCOUNT, Scene};

impl Scene {
    /// Neither a token nor anything about a person or an event is in `text`.
    pub(crate) fn is_impersonal(&self, text: &str) {
        for private in self.private() {
            assert!(!text.contains(&private), "{private:?} is told");
        }
        let words: HashSet<_> = text.split(|c: char| !c.is_alphanumeric()).collect();
        for id in self.ids() {
            assert!(!words.contains(&*id), "the id {id} is told");
        }
    }

    /// Whatever must reach no log: any part of any token, and who did what from where.
    fn private(&self) -> HashSet<String> {
        let tokens = self.simulator.tokens();
        let parts = tokens.iter().flat_map(|token| token.as_str().split('.'));
        let mut private: HashSet<_> = parts.map(str::to_owned).collect();
        for stream in Stream::ALL {
            for event in self.simulator.published(ACCOUNT, stream) {
                collect_personal(&event, &mut private);
            }
        }
        private
    }

    /// Ids of events, people and things, which have no place in a log either.
    fn ids(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for stream in Stream::ALL {
            for event in self.simulator.published(ACCOUNT, stream) {
                collect_ids(&event, &mut ids);
            }
        }
        ids
    }
}

fn collect_personal(value: &Value, found: &mut HashSet<String>) {
    let Value::Object(members) = value else {
        return;
    };
    for (name, value) in members {
        match value.as_str() {
            Some(text)
                if text.len() > 6
                    && ["email", "name", "ip", "ip_address"].contains(&name.as_str()) =>
            {
                found.insert(text.to_owned());
            }
            _ => collect_personal(value, found),
        }
    }
}

fn collect_ids(value: &Value, found: &mut Vec<String>) {
    let Value::Object(members) = value else {
        return;
    };
    for (name, value) in members {
        match value.as_str() {
            Some(id) if id.len() == 26 && name.ends_with("uuid") && id != ACCOUNT => {
                found.push(id.to_owned());
            }
            _ => collect_ids(value, found),
        }
    }
}

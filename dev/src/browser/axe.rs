//! axe-core, which finds what keeps people from using a page. It is fetched once, and serves tests only.

use std::{fs, path::Path};

use serde::Deserialize;
use serde_json::Value;

use crate::stack::{
    StackError,
    artifacts::{Artifact, maven},
};

/// A rule that a page breaks.
#[derive(Deserialize)]
pub(super) struct Violation {
    id: String,
    impact: Option<String>,
    help: String,
    nodes: Vec<Node>,
}

/// An element that breaks it.
#[derive(Deserialize)]
struct Node {
    target: Value,
    html: String,
}

/// All rules of WCAG 2.0, 2.1 and 2.2, A and AA, and what is good besides.
pub(super) const RUN: &str = "\
axe.run(document, {
    resultTypes: ['violations'],
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
}).then(result => result.violations)";

const AXE: Artifact = Artifact {
    folder: "axe-core-4.11.0",
    title: "axe-core 4.11.0 through Maven",
    fetch,
};

/// Deque's own package for Java has the script at its top.
const COORDINATES: &str = "com.deque.html.axe-core:selenium:4.11.0";

const FILE: &str = "axe.min.js";

/// Unpacks one artifact.
const UNPACK: &str = "org.apache.maven.plugins:maven-dependency-plugin:2.8:unpack";

// === impl Violation ===

impl Violation {
    /// As words: the rule, how bad it is, and where.
    pub(super) fn words(&self) -> String {
        let Self { id, help, .. } = self;
        let impact = self.impact.as_deref().unwrap_or("minor");
        let nodes: Vec<_> = self.nodes.iter().map(Node::words).collect();
        format!("{id} ({impact}): {help}: {}", nodes.join(", "))
    }
}

// === impl Node ===

impl Node {
    fn words(&self) -> String {
        format!("{} {}", self.target, self.html)
    }
}

/// The script. May block for minutes.
pub(super) fn script() -> Result<String, StackError> {
    fs::read_to_string(AXE.folder()?.join(FILE)).map_err(StackError::io("read axe-core"))
}

fn fetch(folder: &Path) -> Result<(), StackError> {
    maven(
        folder,
        &[
            UNPACK.to_owned(),
            format!("-Dartifact={COORDINATES}"),
            format!("-DoutputDirectory={}", folder.join("content").display()),
            format!("-Dmdep.unpack.includes={FILE}"),
        ],
    )
}

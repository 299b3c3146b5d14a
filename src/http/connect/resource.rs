//! Which resource a path names, and which methods it knows.
//!
//! The fixed words of a path are compared as they are written, names are decoded.

use crate::http::{
    answer::Failure,
    path::{decoded, nowhere, segments},
};

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum Resource {
    Root,
    Health,
    OpenApi,
    Connectors,
    /// Something of the connector of this name.
    Connector(String, Part),
    Plugins,
    PluginConfig(String),
    PluginValidation(String),
    Loggers,
    Logger(String),
}

/// A part of a connector. Tasks are still as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum Part {
    Itself,
    Config,
    Status,
    Tasks,
    TaskStatus(String),
    TaskRestart(String),
    Restart,
    Pause,
    Resume,
    Stop,
    Topics,
    TopicsReset,
    Offsets,
}

// === impl Resource ===

impl Resource {
    /// The resource at `path`.
    pub(in crate::http) fn at(path: &str) -> Result<Self, Failure> {
        let resource = match segments(path)?.as_slice() {
            [] => Self::Root,
            ["health"] => Self::Health,
            ["openapi.json"] => Self::OpenApi,
            ["connectors"] => Self::Connectors,
            ["connectors", name, part @ ..] => Self::Connector(decoded(name)?, Part::at(part)?),
            ["connector-plugins"] => Self::Plugins,
            ["connector-plugins", plugin, "config"] => Self::PluginConfig(decoded(plugin)?),
            ["connector-plugins", plugin, "config", "validate"] => {
                Self::PluginValidation(decoded(plugin)?)
            }
            ["admin", "loggers"] => Self::Loggers,
            ["admin", "loggers", name] => Self::Logger(decoded(name)?),
            _ => return Err(nowhere()),
        };
        Ok(resource)
    }

    /// The methods that it knows beside OPTIONS, and HEAD where there is GET.
    pub(super) fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Root
            | Self::Health
            | Self::OpenApi
            | Self::Plugins
            | Self::PluginConfig(_)
            | Self::Loggers => &["GET"],
            Self::Logger(_) => &["GET", "PUT"],
            Self::Connectors => &["GET", "POST"],
            Self::Connector(_, part) => part.methods(),
            Self::PluginValidation(_) => &["PUT"],
        }
    }

    /// Whether a PUT changes nothing.
    pub(in crate::http) fn is_validation(&self) -> bool {
        matches!(self, Self::PluginValidation(_))
    }

    /// Whether a Content-Type other than JSON is refused, even where no body is read.
    pub(super) fn consumes_json(&self) -> bool {
        !matches!(self, Self::Root | Self::Health | Self::OpenApi)
    }
}

// === impl Part ===

impl Part {
    fn at(segments: &[&str]) -> Result<Self, Failure> {
        let part = match segments {
            [] => Self::Itself,
            ["config"] => Self::Config,
            ["status"] => Self::Status,
            ["tasks"] => Self::Tasks,
            ["tasks", task, "status"] => Self::TaskStatus(decoded(task)?),
            ["tasks", task, "restart"] => Self::TaskRestart(decoded(task)?),
            ["restart"] => Self::Restart,
            ["pause"] => Self::Pause,
            ["resume"] => Self::Resume,
            ["stop"] => Self::Stop,
            ["topics"] => Self::Topics,
            ["topics", "reset"] => Self::TopicsReset,
            ["offsets"] => Self::Offsets,
            _ => return Err(nowhere()),
        };
        Ok(part)
    }

    fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Itself => &["GET", "DELETE"],
            Self::Offsets => &["GET", "PATCH", "DELETE"],
            Self::Config => &["GET", "PUT", "PATCH"],
            Self::Status | Self::Tasks | Self::TaskStatus(_) | Self::Topics => &["GET"],
            Self::TaskRestart(_) | Self::Restart => &["POST"],
            Self::Pause | Self::Resume | Self::Stop | Self::TopicsReset => &["PUT"],
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    fn connector(name: &str, part: Part) -> Resource {
        Resource::Connector(name.to_owned(), part)
    }

    #[test]
    fn a_path_names_a_resource() {
        assert_eq!(Resource::at("/"), Ok(Resource::Root));
        assert_eq!(Resource::at("/health/"), Ok(Resource::Health));
        assert_eq!(Resource::at("/connectors"), Ok(Resource::Connectors));
        assert_eq!(Resource::at("/connectors;a=b/"), Ok(Resource::Connectors));
        assert_eq!(
            Resource::at("/connectors/x/"),
            Ok(connector("x", Part::Itself))
        );
        assert_eq!(
            Resource::at("/connectors/c1/tasks/00/restart/"),
            Ok(connector("c1", Part::TaskRestart("00".to_owned())))
        );
        assert_eq!(
            Resource::at("/connector-plugins/A/config/validate"),
            Ok(Resource::PluginValidation("A".to_owned()))
        );
    }

    #[test]
    fn names_are_decoded_and_lose_their_parameters() {
        for (path, name) in [
            ("/connectors/with%20space/status", "with space"),
            ("/connectors/plus+sign/status", "plus+sign"),
            ("/connectors/am%26p%3De/status", "am&p=e"),
            ("/connectors/%C3%BCn%C3%AF-%F0%9F%98%80/status", "ünï-😀"),
            ("/connectors/semi%3Bcolon/status", "semi;colon"),
            ("/connectors/semi;colon/status;x", "semi"),
            ("/connectors/%20/status", " "),
            ("/connectors/./status", "."),
            ("/connectors/../status", ".."),
        ] {
            assert_eq!(
                Resource::at(path),
                Ok(connector(name, Part::Status)),
                "{path}"
            );
        }
    }

    #[test]
    fn other_paths_are_nowhere() {
        for path in [
            "/foo",
            "/Connectors",
            "/%63onnectors",
            "/connectors/x/%63onfig",
            "/connectors/x/tasks/0",
            "/connectors/x/tasks/0/config",
            "/connectors/x/tasks-config",
            "/connectors/x/status/foo",
            "/connectors/;x",
            "/connector-plugins/A",
            "/health/foo",
            "*",
            "",
        ] {
            assert_eq!(Resource::at(path), Err(nowhere()), "{path}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for path in [
            "//",
            "//connectors",
            "/connectors//x",
            "/connectors/%2e%2e",
            "/connectors/.%2E",
            "/connectors/%zz",
            "/connectors/a%2",
            "/connectors/a%2Fb/status",
            "/connectors/a%00b",
            "/connectors/back%5Cslash",
            "/connectors/per%25cent",
            "/connectors/%FF",
        ] {
            let refused = Resource::at(path).unwrap_err();
            assert!(
                matches!(refused, Failure::Refused(StatusCode::BAD_REQUEST, _)),
                "{path}: {refused:?}"
            );
        }
    }
}

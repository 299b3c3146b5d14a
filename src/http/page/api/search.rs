//! `GET /ui/api/search`: events that are in Kafka, newest first, or as they come.
//!
//! `docs/search.md` has the parameters and what comes back: a line of JSON each, for the page; records only, for a file.

use axum::{
    body::Bytes,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::sync::mpsc;
use url::form_urlencoded;

use super::csv::Table;
use crate::{
    clock,
    connector::{Ended, Progress, Query, Record, Told},
    http::{answer::Failure, query, rest::Call, stream},
};

/// How what is told is written.
enum Form {
    /// All of it, a line each.
    Lines,
    /// Records, a line each.
    Records,
    /// Records, a row each.
    Rows(Table),
}

/// A line of JSON.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Line<'a> {
    Record(&'a Record),
    Progress(&'a Progress),
    End(&'a Ended),
    Error(&'a str),
}

const JSON_LINES: &str = "application/x-ndjson";
const CSV: &str = "text/csv; charset=utf-8; header=present";

pub(super) fn answer(call: &Call<'_>) -> Result<Response, Failure> {
    let uri = &call.head.uri;
    let parameters: Vec<_> =
        form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).collect();
    let pairs = parameters.iter().map(|(name, value)| (&**name, &**value));
    let wanted = Query::read(pairs, clock::now())?;
    let form = Form::of(call, &wanted)?;
    let told = call.control.search(wanted)?;
    let (out, body) = stream::body();
    // A proxy is to pass each line on as it comes.
    let headers = [
        (CACHE_CONTROL, "no-store, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let mut answer = (headers, body).into_response();
    form.describe(answer.headers_mut());
    tokio::spawn(write(told, form, out));
    Ok(answer)
}

/// Writes what is told until there is no more, or nobody reads it.
async fn write(mut told: mpsc::Receiver<Told>, form: Form, out: mpsc::Sender<Bytes>) {
    let mut bytes = form.begin();
    loop {
        if !bytes.is_empty() && out.send(bytes.into()).await.is_err() {
            return;
        }
        let told = tokio::select! {
            told = told.recv() => told,
            () = out.closed() => None,
        };
        let Some(told) = told else {
            return;
        };
        bytes = form.write(&told);
    }
}

// === impl Form ===

impl Form {
    fn of(call: &Call<'_>, wanted: &Query) -> Result<Self, Failure> {
        let uri = &call.head.uri;
        let is_file = query::is_true(uri, "download");
        let format = query::values(uri, "format");
        let form = match format.first().map_or("ndjson", String::as_str) {
            "csv" => Self::Rows(Table::new(&wanted.streams())),
            "ndjson" if is_file => Self::Records,
            "ndjson" => Self::Lines,
            _ => return Err(Failure::invalid("format is neither ndjson nor csv")),
        };
        if wanted.is_tail() && !matches!(form, Self::Lines) {
            return Err(Failure::invalid(
                "tail has no end, and so makes no file: leave format and download out",
            ));
        }
        Ok(form)
    }

    /// Says what the body is.
    fn describe(&self, headers: &mut HeaderMap) {
        let (kind, file) = match self {
            Self::Lines => (JSON_LINES, None),
            Self::Records => (JSON_LINES, Some("attachment; filename=\"events.ndjson\"")),
            Self::Rows(_) => (CSV, Some("attachment; filename=\"events.csv\"")),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(file) = file {
            headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(file));
        }
    }

    fn begin(&self) -> Vec<u8> {
        match self {
            Self::Lines | Self::Records => Vec::new(),
            Self::Rows(table) => table.head(),
        }
    }

    /// A file that is not all of it says so at its end.
    fn write(&self, told: &Told) -> Vec<u8> {
        match (self, told) {
            (Self::Lines, Told::Found(record)) => line(&Line::Record(record)),
            (Self::Lines, Told::Progress(progress)) => line(&Line::Progress(progress)),
            (Self::Lines, Told::End(end)) => line(&Line::End(end)),
            (Self::Lines | Self::Records, Told::Failed(why)) => line(&Line::Error(why)),
            (Self::Records, Told::Found(record)) => line(record),
            (Self::Records, Told::End(end)) if end.next.is_some() => line(&Line::End(end)),
            (Self::Rows(table), Told::Found(record)) => table.row(record),
            (Self::Rows(table), Told::Failed(why)) => table.remark(why),
            (Self::Rows(table), Told::End(end)) if end.next.is_some() => {
                table.remark("there may be more: search a shorter time, or with a higher limit")
            }
            (_, Told::Progress(_) | Told::End(_)) => Vec::new(),
        }
    }
}

fn line(of: &impl Serialize) -> Vec<u8> {
    let mut line = Vec::new();
    serde_json::to_writer(&mut line, of).expect("what is told can be written as JSON");
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_it_is_and_keeps_the_order_of_members() {
        let end = Told::End(Ended {
            scanned: 7,
            next: Some("eyJ".to_owned()),
        });
        let expected = b"{\"end\":{\"scanned\":7,\"next\":\"eyJ\"}}\n";
        assert_eq!(Form::Lines.write(&end), expected);
        assert_eq!(Form::Records.write(&end), expected);
        let failed = Told::Failed("why".to_owned());
        assert_eq!(Form::Lines.write(&failed), b"{\"error\":\"why\"}\n");
        let progress = Told::Progress(Progress::default());
        assert!(Form::Records.write(&progress).is_empty());
    }
}

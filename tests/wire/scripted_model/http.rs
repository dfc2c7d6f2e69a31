//! As much HTTP/1.1 as a client of the Responses API needs.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) body: Value,
}

/// Reads a request whose body has a length; `None` if it is none.
pub(crate) async fn read(socket: &mut TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(socket);
    let mut first = String::new();
    reader.read_line(&mut first).await.ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => value.clone_into(&mut authorization),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.ok()?;
    Some(Request { path, authorization, body: serde_json::from_slice(&body).unwrap_or_default() })
}

/// A whole response; `headers` are lines, each with its line break.
pub(crate) fn response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let reason = http::StatusCode::from_u16(status).unwrap().canonical_reason().unwrap_or("Unknown");
    let length = body.len();
    let fixed = format!("content-type: application/json\r\ncontent-length: {length}\r\nconnection: close");
    format!("HTTP/1.1 {status} {reason}\r\n{headers}{fixed}\r\n\r\n{body}").into_bytes()
}

/// A response that ends when the connection does.
pub(crate) fn stream(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

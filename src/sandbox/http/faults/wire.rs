//! The connection under a request, so that it can be cut without an answer.

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use std::any::Any;
use std::net::Shutdown;
use std::os::fd::AsFd as _;

/// A second handle of a connection.
pub(crate) struct Wire(std::net::TcpStream);

impl Wire {
    /// Keeps a handle of each new connection with it.
    pub(crate) fn keep(connection: &dyn Any, kept: &mut Extensions) {
        let stream = connection.downcast_ref::<TcpStream>();
        if let Some(handle) = stream.and_then(|stream| stream.as_fd().try_clone_to_owned().ok()) {
            kept.insert(Self(handle.into()));
        }
    }

    /// Ends the connection for both sides, whatever is still to be sent.
    pub(crate) fn cut(&self) {
        // One that is closed already is as cut as can be.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

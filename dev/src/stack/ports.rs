//! Free ports on the loopback interface.
//!
//! They lie below the range from which the kernel takes the local ports of outgoing connections (from 32768 on Linux,
//! 49152 elsewhere): while a broker is stopped nobody can be given its port by chance, and a client that keeps
//! connecting to it cannot meet itself there (a TCP simultaneous open).

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
};

const FIRST: u16 = 12_000;
const LAST: u16 = 32_000;

/// A port of the loopback interface that nobody listens on right now.
///
/// # Errors
///
/// When no port is free, which hints at something else being wrong.
pub(crate) fn free_port() -> io::Result<u16> {
    let start = fastrand::u16(FIRST..LAST);
    (start..LAST)
        .chain(FIRST..start)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::AddrInUse,
                "no free port on the loopback interface",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_bound() {
        let port = free_port().unwrap();
        assert!((FIRST..LAST).contains(&port));
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}

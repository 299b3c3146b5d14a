//! What a process has used, as `/proc` tells it (proc(5)).

use std::{fs, io};

/// The seconds of CPU time that process `id` has used so far, to a hundredth.
///
/// # Errors
///
/// When there is no such process.
pub fn cpu_seconds(id: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The second field is the program's name, which may have blanks in it.
    let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    let (user, system) = ticks()
        .zip(ticks())
        .ok_or_else(|| io::Error::other("no utime and stime"))?;
    Ok(f64::from(user + system) / 100.0)
}

/// The most memory that process `id` has had, in 10^6 bytes.
///
/// # Errors
///
/// When there is no such process.
pub fn peak_mb(id: u32) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: f64 = kib
        .and_then(|kib| kib.parse().ok())
        .ok_or_else(|| io::Error::other("no VmHWM"))?;
    Ok(kib * 1024.0 / 1e6)
}

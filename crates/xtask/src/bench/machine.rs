//! The machine that a benchmark runs on: what it is, and how much of it others take meanwhile.

use std::fs;

/// Clock ticks of `/proc` per second, on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processors, memory and kernel in one line.
pub(super) fn description() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let memory = read("/proc/meminfo");
    let kibibytes = memory
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse::<u64>().ok());
    let threads = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{threads} × {}, {} GiB, Linux {}",
        model.unwrap_or("unknown processor"),
        kibibytes.unwrap_or(0) >> 20,
        read("/proc/sys/kernel/osrelease").trim()
    )
}

/// The processor time that a process has used, in seconds.
pub(super) fn cpu_seconds(pid: u32) -> Result<f64, String> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).map_err(|error| format!("cannot read `{path}`: {error}"))?;
    let stat = Stat::parse(&text).ok_or_else(|| format!("not a process's state: {text}"))?;
    Ok(stat.own as f64 / TICKS_PER_SECOND)
}

/// Processor time used so far, in ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    /// By everything on this machine, and by other machines on the same hardware.
    all: u64,
    /// Idle ticks among these.
    idle: u64,
    /// By this process and everything it started.
    ours: u64,
}

impl Used {
    /// Until now; `None` where the system does not say.
    pub(super) fn now() -> Option<Self> {
        let text = fs::read_to_string("/proc/stat").ok()?;
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are counted in the first two already.
        let ticks: Vec<u64> = line
            .split_whitespace()
            .take(8)
            .map(|text| text.parse().unwrap_or(0))
            .collect();
        Some(Self {
            all: ticks.iter().sum(),
            idle: ticks.get(3)? + ticks.get(4)?,
            ours: ours(std::process::id()),
        })
    }

    /// The share of all processors that others have taken since `before`, from 0 to 1.
    pub(super) fn by_others_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all);
        let idle = self.idle.saturating_sub(before.idle);
        let ours = self.ours.saturating_sub(before.ours);
        all.saturating_sub(idle + ours) as f64 / all.max(1) as f64
    }
}

/// Ticks of this process, of the children it has waited for, and of those that run.
fn ours(pid: u32) -> u64 {
    processes()
        .filter(|stat| stat.pid == pid || stat.parent == pid)
        .map(|stat| stat.own + stat.children)
        .sum()
}

/// Every process once: `/proc` has further names for the one that asks.
fn processes() -> impl Iterator<Item = Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .iter()
                .all(u8::is_ascii_digit)
        })
        .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok())
        .filter_map(|text| Stat::parse(&text))
}

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    pid: u32,
    parent: u32,
    /// User and system time.
    own: u64,
    /// The same of children that were waited for.
    children: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The program's name stands in parentheses and may hold blanks.
        let pid = text.split(' ').next()?.parse().ok()?;
        let fields: Vec<&str> = text.rsplit(") ").next()?.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            pid,
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            children: ticks(13)? + ticks(14)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_state_is_read_behind_its_name() {
        let text = "42 (a b) c) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 9 0 5 6 7";
        let expected = Stat {
            pid: 42,
            parent: 7,
            own: 120,
            children: 7,
        };
        assert_eq!(Stat::parse(text), Some(expected));
    }

    #[test]
    fn others_take_what_is_neither_idle_nor_ours() {
        let used = |all, idle, ours| Used { all, idle, ours };
        let share = used(300, 120, 40).by_others_since(used(100, 100, 0));
        assert!((share - 0.7).abs() < 1e-9, "{share}");
        assert!(Used::now().is_some());
    }

    #[test]
    fn this_process_is_counted_once() {
        let own = processes().filter(|stat| stat.pid == std::process::id());
        assert_eq!(own.count(), 1);
    }
}
